import time

import pytest

from supervisor.errors import SurroundingsError
from supervisor.passwords import without_passwords


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("postgresql://ada:secret@db/x", "postgresql://ada:***@db/x"),
        ("no 'postgres://:secret@db:5432/x' here", "no 'postgres://:***@db:5432/x' here"),
        ("postgresql://ada:se/cr:et@db/x and a@b", "postgresql://ada:***@db/x and a@b"),
        ("postgresql://ada:sec@ret@db/x", "postgresql://ada:***@db/x"),
        ("postgresql:///x?user=ada&password=secret&host=db", "postgresql:///x?user=ada&password=***&host=db"),
        (r"host=db password='ge \'hei m' user=ada", "host=db password=*** user=ada"),
        ("host=db password='never closed", "host=db password=*** closed"),
        ("postgresql://ada@db/x", "postgresql://ada@db/x"),
        ("{'user': 'ada', 'password': 'secret'}", "{'user': 'ada', 'password': ***}"),
        ('{"password": "sec ret"}', '{"password": ***}'),
        ("PGPASSWORD=secret psql", "PGPASSWORD=*** psql"),
        ("sqlite:////home/ada@desk/x.db", "sqlite:////home/ada@desk/x.db"),
        ("run 'a@main': 12:30", "run 'a@main': 12:30"),
    ],
)
def test_passwords_are_hidden_and_nothing_else(text: str, shown: str) -> None:
    assert without_passwords(text) == shown


@pytest.mark.parametrize("word", ["://a:", "://", "password='", "@", "://a@"])
def test_a_long_word_is_looked_through_once(word: str) -> None:
    begun = time.thread_time()
    without_passwords(word * 200_000)
    assert time.thread_time() - begun < 2


def test_the_message_of_an_error_holds_none() -> None:
    error = SurroundingsError("cannot use postgresql://ada:secret@db/x")
    assert (str(error), error.message) == ("cannot use postgresql://ada:***@db/x",) * 2
