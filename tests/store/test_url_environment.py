import pytest

from supervisor.store.engine import with_environment

EVERYTHING = {
    "PGHOST": "db.example.org",
    "PGPORT": "6543",
    "PGUSER": "ada",
    "PGPASSWORD": "s/cret@",
    "PGDATABASE": "ocr",
    "PGSSLMODE": "require",
}


@pytest.mark.parametrize(
    ("url", "filled"),
    [
        ("postgres://", "postgresql+psycopg2://ada:s%2Fcret%40@db.example.org:6543/ocr?sslmode=require"),
        (
            "postgresql://bob:b@here:1/archive?sslmode=disable",
            "postgresql+psycopg2://bob:b@here:1/archive?sslmode=disable",
        ),
        (
            "postgresql:///archive?host=/run/postgresql&port=7&sslmode=disable",
            "postgresql+psycopg2://ada:s%2Fcret%40@/archive?host=%2Frun%2Fpostgresql&port=7&sslmode=disable",
        ),
        ("sqlite:////srv/runs.db", "sqlite:////srv/runs.db"),
    ],
)
def test_what_a_url_leaves_out_comes_from_the_variables_of_libpq(url: str, filled: str) -> None:
    assert with_environment(url, EVERYTHING) == filled


def test_without_variables_nothing_is_added() -> None:
    url = "postgresql+psycopg2://ada@db.example.org/ocr"
    assert with_environment(url, {"PGPORT": "no number", "HOME": "/root"}) == url
