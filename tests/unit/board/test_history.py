from datetime import UTC, datetime

import pytest

from supervisor.board.history import reason, unknown_run
from supervisor.store.events import Event

AT = datetime(2026, 5, 1, 12, tzinfo=UTC)


@pytest.mark.parametrize(
    ("event", "detail", "words"),
    [
        (
            "queued",
            {"commit": "c0ffee" * 7, "lane": None, "priority": 100},
            "attempt 2 at commit c0ffeec0ffee, priority 100",
        ),
        (
            "queued",
            {"commit": "c0ffee" * 7, "lane": "A", "priority": 5},
            "attempt 2 at commit c0ffeec0ffee, priority 5, lane A",
        ),
        ("claimed", {"reason": "next in the queue"}, "next in the queue (attempt 2, lease term 4)"),
        ("claimed", {}, "attempt 2, lease term 4"),
        ("retrying", {"reason": "killed by signal 9"}, "killed by signal 9; attempt 2 is next"),
        ("continued", {"reason": "named again", "from": "old-1", "to": "desk-2"}, "named again, for desk-2"),
        ("continued", {"reason": "named again", "from": "old-1", "to": None}, "named again"),
        ("moved", {"from_session": "5e55", "to_session": "10n6"}, "from session 5e55 to 10n6"),
        ("rescued", {"reason": "its worker is gone", "from": "old-1"}, "its worker is gone"),
        ("succeeded", {}, ""),
    ],
)
def test_every_event_says_why(event: str, detail: dict[str, object], words: str) -> None:
    assert reason(Event(1, 2, 4, AT, "ada", event, None, None, detail)) == words


@pytest.mark.parametrize(
    ("known", "hint"),
    [
        ([], "none was ever queued here"),
        (["photos"], "there are: photos"),
        (["Letters", "litters", "photos"], "did you mean 'Letters' or 'litters'?"),
        ([*"abcdefg"], "there are: a, b, c, d, e, …"),
    ],
)
def test_an_unknown_run_offers_those_that_may_be_meant(known: list[str], hint: str) -> None:
    error = unknown_run("letters", known)
    assert (error.exit_code, error.message, error.hint) == (2, "there is no run 'letters'", hint)
