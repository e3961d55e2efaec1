from datetime import UTC, datetime, timedelta

from supervisor.logs.lines import LogLine
from supervisor.logs.loggers import Log

LONG_AGO = datetime(2020, 1, 1, tzinfo=UTC)


def test_every_line_has_a_time_and_what_the_log_is_bound_to() -> None:
    lines: list[LogLine] = []
    Log.to(lines.append, supervisor="s").bind(run_id="a", attempt=2).warning("given back", reason="held")
    (line,) = lines
    assert (line.level, line.event) == ("warning", "given back")
    assert list(line.facts.items()) == [("supervisor", "s"), ("run_id", "a"), ("attempt", 2), ("reason", "held")]
    assert abs(line.at - datetime.now(UTC)) < timedelta(minutes=1)


def test_what_is_below_the_level_is_not_written() -> None:
    lines: list[LogLine] = []
    log = Log.to(lines.append, level="warning")
    log.info("too little")
    log.relay(LogLine(LONG_AGO, "output", "too little"))
    log.error("enough")
    assert [line.event for line in lines] == ["enough"]


def test_passwords_are_hidden_wherever_they_stand() -> None:
    lines: list[LogLine] = []
    log = Log.to(lines.append, url="postgresql://ada:secret@db/x")
    try:
        int("postgresql://ada:secret@db/x")
    except ValueError:
        log.exception("postgresql://ada:secret@db/x", deep=[{"password": "secret"}, ("password=secret",)])
    log.relay(LogLine(LONG_AGO, "output", "password=secret", {"of": ["postgres://:secret@db"]}))
    assert len(lines) == 2
    assert b"secret" not in b"".join(line.encoded() for line in lines)
    assert "'postgresql://ada:***@db/x'" in str(lines[0].facts["exception"])


def test_a_line_from_elsewhere_says_nothing_of_whose_it_is() -> None:
    lines: list[LogLine] = []
    forged = {
        "run_id": "other",
        "attempt": 9,
        "document": "x",
        "self": 1,
        "exc_info": True,
        "made_at": "never",
        "a b": 0,
    }
    Log.to(lines.append, run_id="a", attempt=1).relay(LogLine(LONG_AGO, "critical", "x", forged))
    assert lines == [
        LogLine(LONG_AGO, "critical", "x", {"run_id": "a", "attempt": 1, "document": "x", "self": 1, "a b": 0})
    ]
