"""The commands around the shared queue: `start`, `work`, `show`, `db`, and the options that they share."""

import contextlib
import json
import shlex
import sqlite3
from collections.abc import Callable
from datetime import datetime
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import pytest
import sqlalchemy as sa

from support.postgres import PostgresServer

Archive = Any  # stands in conftest.py, which importlib mode keeps from being imported
Gate = Any


def history(archive: Archive, run_id: str, **environment: str) -> tuple[dict[str, Any], list[dict[str, Any]]]:
    document = archive.supervisor("show", run_id, "--json", **environment).document
    return document["run"], document["events"]


def events(archive: Archive, run_id: str, **environment: str) -> list[str]:
    return [event["event"] for event in history(archive, run_id, **environment)[1]]


def test_start_queues_and_the_command_that_it_prints_executes(three: Archive) -> None:
    options = ("--lane", "A=a", "--lane=B", "--priority=7", "--timeout=90", "--max-retries=1")
    started = three.supervisor("start", "Night of 21 November", "--run-ids=a,b", *options)
    assert started.code == 0, started
    assert "Night of 21 November" in started.out
    assert "a  queued (attempt 1)" in started.out
    assert "--workers N" in started.out
    assert not (three.runs / "a").exists()
    run, queued = history(three, "a")
    assert (run["status"], run["lane"], run["priority"]) == ("queued", "A", 7)
    assert (run["timeout_seconds"], run["max_retries"], run["worker"]) == (90, 1, None)
    assert history(three, "b")[0]["lane"] == "B"
    assert [event["event"] for event in queued] == ["queued"]
    # Another session, to which the printed command is not for.
    assert three.supervisor("start", "Day", "--run-ids=c", "--quiet").out == ""
    command = next(line for line in started.out.splitlines() if line.startswith("  supervisor work"))
    session = run["session"]["id"]
    assert shlex.split(command) == ["supervisor", "work", "--session", session]
    done = three.supervisor(*shlex.split(command)[1:], "--once", "--workers=2")
    assert done.code == 0, done
    assert [line.split()[:5] for line in done.out.splitlines()[:2]] == [
        ["run", "state", "documents", "pages", "recognised"],
        ["a", "succeeded", "1/1", "1", "1"],
    ]
    assert "harbour" in three.text("a", "scans/a.png")
    assert events(three, "b") == ["queued", "claimed", "succeeded"]
    assert events(three, "c") == ["queued"]
    assert three.supervisor("work", "--once", "--session=Night of 21 November").out == "nothing was queued\n"


def test_start_with_json_reports_the_session_that_it_made(three: Archive) -> None:
    document = three.supervisor("start", "Night", "--run-ids=a,b", "--json").document
    assert document["schema"] == "supervisor.session-report/1"
    assert (document["session"]["title"], document["session"]["status"]) == ("Night", "running")
    assert [(run["run_id"], run["status"]) for run in document["runs"]] == [("a", "queued"), ("b", "queued")]
    assert document["exit_code"] == 0


def test_start_with_workers_executes_and_goes_on_with_what_it_queued(three: Archive) -> None:
    queued = three.supervisor("start", "Night", "--run-ids=a,b", "--json").document
    # What the environment and files say of workers is for commands that execute.
    three.write("supervisor.toml", "workers = 2\n")
    assert three.supervisor("start", "Other", "--run-ids=c", "--quiet", SUPERVISOR_WORKERS="2").code == 0
    assert events(three, "c") == ["queued"]
    done = three.supervisor("start", "Night", "--run-ids=a,b", "--workers=2", "--json")
    assert done.code == 0, done
    assert done.document["session"] == {**queued["session"], "status": "completed"}
    assert [run["status"] for run in done.document["runs"]] == ["succeeded", "succeeded"]
    assert events(three, "a") == ["queued", "continued", "claimed", "succeeded"]


def test_start_repeats_where_it_was_told_to_work_without_the_password(
    three: Archive, postgres: PostgresServer, postgres_url: str, tmp_path: Path
) -> None:
    secret = postgres.tcp_url(str(sa.make_url(postgres_url).database))
    typed = ("--repo", str(three.top), "--database-url", secret)
    done = three.supervisor(*typed, "start", "Night", "--run-ids=a", cwd=tmp_path)
    words = shlex.split(next(line for line in done.out.splitlines() if line.startswith("  supervisor work")))
    password = sa.make_url(secret).password
    assert words[-4:] == ["--repo", str(three.top), "--database-url", secret.replace(str(password), "***")]
    assert str(password) not in done.out + done.err
    assert three.supervisor(*words[1:-1], secret, "--once", "--json", cwd=tmp_path).runs["a"]["status"] == "succeeded"


def test_work_takes_what_comes_until_it_is_stopped(three: Archive, wait_until: Callable[..., None]) -> None:
    worker = three.start("work", "--workers=1")
    wait_until(lambda: worker.says("1 run at a time"))
    for attempt in (1, 2):
        assert three.supervisor("start", "Night", "--run-ids=a", "--quiet").code == 0
        wait_until(lambda: history(three, "a")[0]["status"] == "succeeded")
        assert history(three, "a")[0]["attempt"] == attempt
    worker.ctrl_c()
    done = worker.end()
    assert done.code == 130
    assert done.err.count("a: checking out\n") == 2
    for source in ("recognised", "reused"):
        assert done.err.count(f"a: succeeded (1 of 1 document, 1 page: 1 {source})\n") == 1
    assert done.out.count("\na      succeeded ") == 2
    assert done.out.count("Results: ") == 1


def test_work_with_json_reports_what_it_executed(three: Archive) -> None:
    three.write("scans/b.png", b"no picture")
    three.commit()
    assert three.supervisor("start", "Night", "--run-ids=a,b", "--quiet").code == 0
    variables = {"WORKER_ID": "night-host", "CONCURRENCY": "1"}
    done = three.supervisor("work", "--once", "--json", "--lease-seconds=42", **variables)
    assert done.code == done.document["exit_code"] == 1
    assert done.document["schema"] == "supervisor.work/1"
    assert {run_id: run["status"] for run_id, run in done.runs.items()} == {"a": "succeeded", "b": "failed"}
    worker = done.document["worker"]
    assert worker.startswith("night-host-")
    # One worker, which is the first: CONCURRENCY was heard.
    assert {history(three, run_id)[0]["worker"] for run_id in "ab"} == {f"{worker}-1"}
    with contextlib.closing(sqlite3.connect(three.runs / "control.db")) as control:
        assert control.execute("SELECT id, lease_seconds, desired_workers FROM supervisors").fetchall() == [
            (worker, 42, 1)
        ]
    empty = three.supervisor("work", "--once", "--json")
    assert (empty.code, empty.document["runs"]) == (0, [])


def test_quiet_work_tells_what_failed_only(three: Archive) -> None:
    three.write("scans/b.png", b"no picture")
    three.commit()
    assert three.supervisor("start", "Night", "--run-ids=a,b", "--quiet").code == 0
    done = three.supervisor("work", "--once", "--quiet", "--per-run-sqlite")
    assert (done.code, done.out, len(done.err.splitlines())) == (1, "", 1)
    assert "run 'b': scans/b.png" in done.err


@pytest.mark.parametrize(
    ("variable", "value", "reason"),
    [
        ("CONCURRENCY", "many", "'many' is not a whole number"),
        ("CONCURRENCY", "0", "0 is less than 1"),
        ("WORKER_ID", "../x", "cannot be the name of a worker"),
        ("WORKER_ID", "n" * 101, "cannot be the name of a worker"),
    ],
)
def test_a_variable_that_is_wrong_is_named(three: Archive, variable: str, value: str, reason: str) -> None:
    done = three.supervisor("work", "--once", **{variable: value})
    assert (done.code, len(done.err.splitlines())) == (2, 1), done
    assert variable in done.err
    assert reason in done.err
    assert not three.runs.exists()
    # It means nothing to the others, and what is typed goes before it.
    if variable == "CONCURRENCY":
        assert three.supervisor("work", "--once", "--workers=1", CONCURRENCY=value).code == 0


def test_show_tells_the_whole_story(three: Archive, gate: Gate, wait_until: Callable[..., None]) -> None:
    assert three.supervisor("start", "Night", "--run-ids=a,b,c", "--lane=B", "--quiet", "--priority=9").code == 0
    interrupted = three.start("work", "--workers=1", **gate.environment)
    wait_until(gate.arrived)
    running, _ = history(three, "a")
    assert (running["status"], running["worker"] is not None) == ("running", True)
    interrupted.ctrl_c()
    wait_until(lambda: interrupted.says("stopping"))
    interrupted.ctrl_c()
    stopped = interrupted.end()
    assert stopped.code == 130
    assert stopped.out.splitlines()[-3:] == [
        "a: stopped before the end",
        "What to type next:",
        "  supervisor work  what was stopped goes on where it was",
    ]
    assert three.supervisor("work", "--once", "--quiet", "--per-run-sqlite").code == 0
    run, told = history(three, "a")
    assert [(one["event"], one["from_status"], one["to_status"]) for one in told] == [
        ("queued", None, "queued"),
        ("claimed", "queued", "running"),
        ("interrupted", "running", "queued"),
        ("claimed", "queued", "running"),
        ("succeeded", "running", "succeeded"),
    ]
    assert [one["lease_term"] for one in told] == [0, 1, 1, 2, 2]
    assert all(one["reason"] and one["actor"] for one in told)
    assert run["artifacts"] == str(three.runs / "a")
    assert run["pages"]["total"] == run["documents"]["total"] == 1
    assert run["job_files"] == ["ocr-jobs/a.toml"]
    shown = three.supervisor("show", "a", TZ="Asia/Kathmandu").out
    lines = shown.rpartition("\n\n")[2].splitlines()
    assert len(lines) == len(told)
    for line, one in zip(lines, told, strict=True):
        local = datetime.fromisoformat(one["at"]).astimezone(ZoneInfo("Asia/Kathmandu"))
        assert line.startswith(f"{local:%Y-%m-%d %H:%M:%S}  {one['event']} ")
        assert line.endswith(f"  {one['actor']}: {one['reason']}")
    assert "running → queued" in lines[2]
    assert "lane B" in lines[0]
    assert "priority 9" in lines[0]
    for fact in (run["session"]["id"], run["commit"], run["worker"], str(three.runs / "a"), run["database"]):
        assert fact in shown.partition("\n\n")[0]


def test_show_knows_the_newest_row_and_names_near_ones(three: Archive) -> None:
    for attempt in (1, 2):
        assert three.supervisor("--run-ids=a", "--quiet", "--per-run-sqlite").code == 0
        assert history(three, "a")[0]["attempt"] == attempt
    assert events(three, "a") == ["queued", "claimed", "succeeded"]
    missed = three.supervisor("show", "A")
    assert (missed.code, missed.out) == (2, "")
    assert "there is no run 'A' here (did you mean 'a'?)" in missed.err
    assert "(there are: a)" in three.supervisor("show", "elsewhere").err


def test_show_goes_by_the_name_that_the_repository_gave_itself(three: Archive) -> None:
    assert three.supervisor("--run-ids=a", "--quiet", "--per-run-sqlite").code == 0
    three.write("supervisor.toml", 'repository = "parish-archive"\n')
    assert three.supervisor("show", "a").code == 2
    assert three.supervisor("--run-ids=a", "--quiet", "--per-run-sqlite").code == 0
    assert history(three, "a")[0]["repository"] == "parish-archive"


def states(archive: Archive, *arguments: str, **environment: str) -> tuple[int, dict[str, str]]:
    done = archive.supervisor("db", *arguments, "--json", **environment)
    assert done.document["exit_code"] == done.code
    return done.code, {part["name"]: part["state"] for part in done.document["parts"]}


@pytest.mark.parametrize("kind", ["files", "sqlite", "postgres"])
def test_the_tables_are_checked_and_upgraded(
    three: Archive, kind: str, tmp_path: Path, request: pytest.FixtureRequest
) -> None:
    match kind:
        case "files":
            url, names, file = "", ["control"], three.runs / "control.db"
        case "sqlite":
            url, names, file = f"sqlite:///{tmp_path}/shared.db", ["control", "results"], tmp_path / "shared.db"
        case _:
            url = request.getfixturevalue("new_postgres_database")("template1")
            names, file = ["control", "results", "cache"], None
    environment = {"DATABASE_URL": url}
    assert states(three, "check", **environment) == (4, dict.fromkeys(names, "missing"))
    missing = three.supervisor("db", "check", **environment)
    assert (missing.code, missing.out.count("missing")) == (4, len(names))
    assert "supervisor db upgrade" in missing.err
    assert file is None or not file.exists()
    assert states(three, "upgrade", **environment) == (0, dict.fromkeys(names, "current"))
    assert states(three, "check", **environment) == (0, dict.fromkeys(names, "current"))
    done = three.supervisor("db", "check", **environment)
    assert (done.code, done.err) == (0, "")
    engine = sa.create_engine(url.replace("postgresql:", "postgresql+psycopg2:") or f"sqlite:///{file}")
    table = f"{'ops.' if kind == 'postgres' else ''}control_version"
    for revision, state, advice in (("0000", "old", "db upgrade"), ("9999", "new", "upgrade the program")):
        with engine.begin() as connection:
            connection.execute(sa.text(f"UPDATE {table} SET version_num = '{revision}'"))  # noqa: S608 (our own words)
        assert states(three, "check", **environment) == (4, {**dict.fromkeys(names, "current"), "control": state})
        assert advice in three.supervisor("db", "check", **environment).err
    engine.dispose()
    refused = three.supervisor("--run-ids=a", "--workers=1", **environment)
    assert refused.code == three.supervisor("db", "upgrade", **environment).code == 4
    assert "revision 9999" in refused.err


def test_a_database_is_located_before_and_after_the_command_and_by_the_environment(
    three: Archive, postgres_url: str
) -> None:
    assert three.supervisor("start", "Night", "--run-ids=a", "--quiet", DATABASE_URL=postgres_url).code == 0
    assert not (three.runs / "control.db").exists()
    for words in (("--database-url", postgres_url, "show", "a"), ("show", "a", "--database-url", postgres_url)):
        assert three.supervisor(*words).code == 0
        nowhere = "postgresql://127.0.0.1:1/x"
        assert three.supervisor(*words, DATABASE_URL=nowhere).code == 0
        assert three.supervisor(*words, "--per-run-sqlite").code == 2
    assert three.supervisor("show", "a", DATABASE_URL=postgres_url).code == 0
    assert three.supervisor("show", "a", "--per-run-sqlite", DATABASE_URL=postgres_url).code == 2
    assert three.supervisor("show", "a", DATABASE_URL=postgres_url, SUPERVISOR_PER_RUN_SQLITE="1").code == 2
    typed = three.supervisor("show", "a", "--database-url", postgres_url, SUPERVISOR_PER_RUN_SQLITE="1")
    assert typed.code == 0
    assert three.supervisor("show", "a").code == 2


def test_one_sqlite_database_gets_one_worker_unless_more_are_asked_for(three: Archive, tmp_path: Path) -> None:
    url = f"sqlite:///{tmp_path}/shared.db"
    done = three.supervisor("--run-ids=a,b", "--database-url", url, "--json")
    assert done.code == 0, done
    assert {run["database"] for run in done.document["runs"]} == {url}
    assert {history(three, run_id, DATABASE_URL=url)[0]["worker"][-2:] for run_id in "ab"} == {"-1"}
    assert not (three.runs / "control.db").exists()
    assert three.supervisor("start", "Night", "--run-ids=c", "--quiet", DATABASE_URL=url).code == 0
    refused = three.supervisor("work", "--once", "--workers=2", DATABASE_URL=url)
    assert refused.code == 2
    assert "--per-run-sqlite" in refused.err
    assert three.supervisor("work", "--once", "--json", DATABASE_URL=url).runs["c"]["status"] == "succeeded"


def test_cleaning_up_asks_the_database_whether_a_run_is_queued(
    three: Archive, gate: Gate, wait_until: Callable[..., None], postgres_url: str
) -> None:
    running = three.start("--run-ids=a", "--keep-workspaces", DATABASE_URL=postgres_url, **gate.environment)
    wait_until(gate.arrived)
    running.ctrl_c()
    wait_until(lambda: running.says("stopping"))
    running.ctrl_c()
    assert running.end().code == 130
    pin = three.pins()
    assert "refs/supervisor/runs/a" in pin
    cleaned = three.supervisor("--cleanup", "--json", DATABASE_URL=postgres_url)
    kept = {"path": str(three.runs / "workspaces/a"), "reason": "its run is queued"}
    assert (cleaned.document["removed"], cleaned.document["kept"]) == ([], [kept])
    assert three.pins() == pin


def test_passwords_are_shown_nowhere(three: Archive, postgres: PostgresServer, postgres_url: str) -> None:
    secret = postgres.tcp_url(str(sa.make_url(postgres_url).database))
    password = str(sa.make_url(secret).password)
    commands = ("--run-ids=a --json", "show a", "show a --json", "db check", "db upgrade --json", "work --once")
    said = [three.supervisor(*typed.split(), DATABASE_URL=secret) for typed in commands]
    assert [done.code for done in said] == [0] * len(commands)
    assert "***" in json.dumps(said[0].document)
    assert not [done for done in said if password in done.out + done.err]
    assert password not in (three.runs / "a/run.json").read_text()
    wrong = three.supervisor("db", "check", "--database-url", secret.replace("127.0.0.1", "127.0.0.1:x"))
    assert (wrong.code, password in wrong.err) == (2, False)
