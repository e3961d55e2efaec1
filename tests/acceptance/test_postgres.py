"""Runs on a real Postgres: the same results, a database that goes away, and workers on their own."""

import contextlib
import os
from collections.abc import Callable
from contextlib import closing
from typing import Any

import psutil
import psycopg2
import pytest

from support.postgres import PostgresServer

Archive = Any  # stands in conftest.py, which importlib mode keeps from being imported
Rows = list[tuple[Any, ...]]


def ask(url: str, question: str) -> Rows:
    """Ask a database as people do who look after it."""
    connection = psycopg2.connect(url)
    try:
        with connection.cursor() as cursor:
            cursor.execute(question)
            return cursor.fetchall()
    finally:
        connection.close()


def test_results_are_those_of_sqlite_and_stand_in_the_tables(
    three: Archive, gate: Any, wait_until: Callable[..., None], postgres_url: str
) -> None:
    options = ("--run-ids=a,b,c", "--workers=3", "--lane", "A=a", "--lane", "B=b,c", "--json")
    running = three.start(*options, "--database-url", postgres_url, **gate.environment)
    wait_until(lambda: gate.arrived() == 2)
    by_worker = ask(
        postgres_url, "select claimed_by, count(*) from ops.runs where status='running' group by claimed_by"
    )
    assert [count for _, count in by_worker] == [1, 1]
    by_lane = ask(postgres_url, "select lane, status, count(*) from ops.runs group by lane, status")
    assert sorted(by_lane) == [("A", "running", 1), ("B", "queued", 1), ("B", "running", 1)]
    gate.open()
    done = running.end()
    assert done.code == 0, done
    assert {run["database"] for run in done.runs.values()} == {done.runs["a"]["database"]}
    texts = {run_id: three.text(run_id, f"scans/{run_id}.png") for run_id in "abc"}
    stored = ask(postgres_url, "select run_id, text from ops.pages where status = 'succeeded'")
    assert {run_id: text.strip() for run_id, text in stored} == {
        run_id: text.strip("\f").strip() for run_id, text in texts.items()
    }
    options = ("--run-ids=a,b,c", "--workers=3", "--json", "--per-run-sqlite", "--no-cache")
    again = three.supervisor(*options, DATABASE_URL=postgres_url)
    assert again.code == 0
    assert {run_id: three.text(run_id, f"scans/{run_id}.png") for run_id in "abc"} == texts
    counts = ("total", "ocr", "failed")
    for run_id in "abc":
        there, here = done.runs[run_id]["pages"], again.runs[run_id]["pages"]
        assert [there[name] for name in counts] == [here[name] for name in counts] == [1, 1, 0]
    assert ask(postgres_url, "select count(*) from ops.runs") == [(3,)]


def test_six_runs_outlive_a_restart_of_the_server_and_the_loss_of_every_connection(
    archive: Archive, gate: Any, wait_until: Callable[..., None], own_postgres: PostgresServer
) -> None:
    url = own_postgres.create_database("archive")
    run_ids = "abcdef"
    for run_id in run_ids:
        archive.scan(*(f"{run_id}/{number}.png" for number in range(3)))
        archive.job(run_id, f"{run_id}/*.png")
    archive.commit()
    options = ("--run-ids", ",".join(run_ids), "--workers=6", "--ocr-workers=1", "--json")
    running = archive.start(*options, "--database-url", url, **gate.environment)
    wait_until(lambda: gate.arrived() == 6)
    own_postgres.kill_backends("archive")
    gate.let_through(6)
    wait_until(lambda: gate.arrived() == 12)
    # Whoever waits for the database hands out no further page.
    wait_until(lambda: ask(url, "select count(*) from ops.pages") == [(6,)])
    own_postgres.stop("immediate")
    # Six pages are recognised while nobody can store them.
    gate.let_through(6)
    wait_until(lambda: gate.arrived() == 18)
    wait_until(lambda: running.says("going on without it"))
    own_postgres.start()
    wait_until(lambda: running.says("the database is there again"))
    own_postgres.kill_backends("archive")
    gate.open()
    done = running.end()
    assert done.code == 0, done
    assert {(run["status"], run["attempt"]) for run in done.runs.values()} == {("succeeded", 1)}
    for run_id in run_ids:
        assert archive.recognised(run_id) == [f"{run_id}/{number}.png" for number in range(3)]
    pages = ask(url, "select run_id, count(*), count(distinct document) from ops.pages group by run_id order by run_id")
    assert pages == [(run_id, 3, 3) for run_id in run_ids]


def test_a_database_that_stays_away_ends_the_supervisor_when_its_lease_does(
    three: Archive, gate: Any, wait_until: Callable[..., None], own_postgres: PostgresServer
) -> None:
    url = own_postgres.create_database("archive")
    running = three.start("--run-ids=a", "--lease-seconds=6", "--database-url", url, **gate.environment)
    wait_until(gate.arrived)
    own_postgres.stop("immediate")
    done = running.end()
    assert done.code == 4
    assert "no heartbeat reached the database" in done.err
    assert "Traceback" not in done.err
    own_postgres.start()
    gate.open()
    again = three.supervisor("--run-ids=a", "--json", "--database-url", url)
    assert (again.code, again.runs["a"]["attempt"]) == (0, 1), again


def processes_of(server: PostgresServer) -> list[psutil.Process]:
    """The server and one process for each of its connections."""
    postmaster = int((server.folder / "data" / "postmaster.pid").read_text().split()[0])
    return tree(psutil.Process(postmaster))


def test_a_database_that_hangs_does_not_keep_executors_alive_past_the_lease(
    three: Archive, gate: Any, wait_until: Callable[..., None], own_postgres: PostgresServer
) -> None:
    url = own_postgres.create_database("archive")
    running = three.start("--run-ids=a", "--lease-seconds=6", "--database-url", url, **gate.environment)
    wait_until(gate.arrived)
    executor = psutil.Process(three.holder("a")["process_group"])
    frozen = processes_of(own_postgres)
    for process in frozen:
        process.suspend()
    try:
        wait_until(lambda: not executor.is_running() or executor.status() == psutil.STATUS_ZOMBIE, 40)
    finally:
        for process in frozen:
            process.resume()
    gate.open()
    assert running.end().code in {0, 4}
    assert three.supervisor("--run-ids=a", "--database-url", url).code in {0, 2}


def test_two_worker_processes_drain_a_queue_though_one_is_killed(
    archive: Archive, gate: Any, wait_until: Callable[..., None], postgres_url: str
) -> None:
    run_ids = [f"r{number:02}" for number in range(12)]
    for run_id in run_ids:
        archive.scan(f"scans/{run_id}.png")
        archive.job(run_id, f"scans/{run_id}.png")
    archive.commit()
    started = archive.supervisor("start", "night", "--run-ids", ",".join(run_ids), DATABASE_URL=postgres_url)
    assert started.code == 0, started
    work = ("work", "--workers=4", "--database-url", postgres_url)
    first, second = (archive.start(*work, WORKER_ID=name, **gate.environment) for name in ("one", "two"))
    wait_until(lambda: gate.arrived() == 8)
    claimed = (
        "select split_part(claimed_by, '-', 1), count(*) from ops.runs where status = 'running' group by 1 order by 1"
    )
    assert ask(postgres_url, claimed) == [("one", 4), ("two", 4)]
    first.process.kill()
    gate.open()
    ended = "select status, count(*), max(attempt) from ops.runs group by status"
    wait_until(lambda: ask(postgres_url, ended) == [("succeeded", 12, 1)])
    second.process.terminate()
    assert second.end().code == 143
    first.end()
    (session,) = ask(postgres_url, "select title, status from ops.sessions")
    assert session == ("night", "completed")
    assert ask(postgres_url, "select count(*), count(distinct run_id) from ops.pages") == [(12, 12)]


def claim_from_elsewhere(url: str, run_id: str) -> None:
    """Let a worker of another machine claim a run, and be silent since."""
    script = """
        insert into ops.supervisors (id, host, machine_id, boot_id, pid, process_started_at, version, desired_workers,
            heartbeat_at, runs_directory, lease_seconds)
            values ('far', 'far', 'm', 'b', 7, 0, '0', 1, now() - interval '1 hour', '/far', 6);
        insert into ops.workers (id, supervisor_id, repositories, status, heartbeat_at, started_at)
            values ('far-1', 'far', '[]', 'busy', now(), now());
        update ops.runs set status = 'running', lease_term = lease_term + 1, claimed_by = 'far-1', claimed_at = now(),
            heartbeat_at = now() - interval '1 hour' where run_id = %s
    """
    with closing(psycopg2.connect(url)) as connection, connection, connection.cursor() as cursor:
        cursor.execute(script, (run_id,))


def test_a_run_that_is_rescued_after_the_others_have_ended_is_executed_all_the_same(
    three: Archive, postgres_url: str
) -> None:
    assert three.supervisor("start", "night", "--run-ids=b", DATABASE_URL=postgres_url).code == 0
    claim_from_elsewhere(postgres_url, "b")
    done = three.supervisor("--run-ids=a,b", "--workers=2", "--json", DATABASE_URL=postgres_url)
    assert done.code == 0, done
    assert {run_id: run["status"] for run_id, run in done.runs.items()} == {"a": "succeeded", "b": "succeeded"}
    events = ask(
        postgres_url,
        "select event from ops.run_events join ops.runs on runs.id = run_events.run_id"
        " where runs.run_id = 'b' order by run_events.id",
    )
    assert [event for (event,) in events] == ["queued", "continued", "rescued", "moved", "claimed", "succeeded"]
    sessions = ask(postgres_url, "select title, status from ops.sessions order by created_at")
    assert [status for _, status in sessions][-1] == "completed"


def in_another_namespace(*command: str) -> list[str]:
    """Return a command that runs in a pid namespace of its own, as in a container."""
    as_user = [] if os.geteuid() == 0 else ["--user", "--map-root-user"]
    return ["unshare", *as_user, "--pid", "--fork", "--kill-child", "--mount-proc", *command]


def tree(process: psutil.Process) -> list[psutil.Process]:
    return [process, *process.children(recursive=True)]


def test_a_worker_elsewhere_that_was_given_up_for_dead_changes_nothing_when_it_comes_back(
    archive: Archive, gate: Any, wait_until: Callable[..., None], postgres_url: str, tmp_path: Any
) -> None:
    if archive.shell(" ".join(in_another_namespace("true"))).end().code:
        pytest.skip("this system lets us make no pid namespace")
    archive.scan("one.png", "two.png")
    archive.job("a", "*.png")
    archive.commit()
    there = tmp_path / "there"
    archive.git("clone", "--quiet", str(archive.top), str(there))
    common = {"DATABASE_URL": postgres_url}
    assert archive.supervisor("start", "night", "--run-ids=a", **common).code == 0
    work = " ".join(in_another_namespace("supervisor", "work", "--workers=1", "--ocr-workers=1", "--lease-seconds=6"))
    # Its files lie in a runs directory of its own; its processes are told by the archive's home.
    zombie = archive.shell(f"cd {there} && exec {work}", **common, **gate.environment)
    wait_until(gate.arrived)
    gate.let_through(1)
    wait_until(lambda: ask(postgres_url, "select count(*) from ops.pages") == [(1,)])
    wait_until(lambda: gate.arrived() == 2)
    stopped = []
    for process in tree(psutil.Process(zombie.process.pid)):
        # What was started for a moment has ended by now.
        with contextlib.suppress(psutil.NoSuchProcess):
            process.suspend()
            stopped.append(process)
    expired = "select clock_timestamp() > heartbeat_at + interval '6 seconds' from ops.runs"
    wait_until(lambda: ask(postgres_url, expired) == [(True,)])
    rescuer = archive.supervisor("work", "--once", "--workers=1", "--lease-seconds=6", "--json", **common)
    assert (rescuer.code, rescuer.runs["a"]["status"], rescuer.runs["a"]["attempt"]) == (0, "succeeded", 1), rescuer

    def of_the_run() -> tuple[Rows, ...]:
        tables = ("runs", "run_events", "documents", "pages", "sessions")
        return tuple(ask(postgres_url, f"select * from ops.{table} order by 1, 2, 3") for table in tables)  # noqa: S608 (our own names)

    rows = of_the_run()
    runs_there = there / ".autonomous_runs" / "a"
    files = {path: path.read_bytes() for path in (archive.runs / "a").rglob("*") if path.is_file()}
    for process in stopped:
        process.resume()
    gate.open()
    done = zombie.end()
    assert done.code == 4
    assert "was given to another worker" in done.err
    assert of_the_run() == rows
    assert {path: path.read_bytes() for path in (archive.runs / "a").rglob("*") if path.is_file()} == files
    assert not (runs_there / "output").exists()
    assert not (runs_there / "run.json").exists()
    assert not list((there / ".autonomous_runs" / "workspaces").glob("*"))
    history = ask(postgres_url, "select event from ops.run_events order by id")
    assert [event for (event,) in history] == ["queued", "claimed", "rescued", "claimed", "succeeded"]


def test_a_worker_whose_clone_lacks_the_commit_leaves_the_run_to_others(
    three: Archive, postgres_url: str, tmp_path: Any
) -> None:
    clone = tmp_path / "clone"
    three.git("clone", "--quiet", str(three.top), str(clone))
    three.scan("scans/a.png", lines=("A page that came later",))
    commit = three.commit()
    common = {"DATABASE_URL": postgres_url}
    assert three.supervisor("start", "night", "--run-ids=a", **common).code == 0
    done = three.supervisor("work", "--once", "--workers=1", cwd=clone, **common)
    assert done.code == 0, done
    assert f"commit {commit[:12]} is not in this repository (git fetch --all)" in done.err
    stands = "select status, attempt, available_at > claimed_at + interval '20 seconds' from ops.runs"
    assert ask(postgres_url, stands) == [("queued", 1, True)]
    assert not list((clone / ".autonomous_runs" / "workspaces").glob("*"))
    assert three.supervisor("--run-ids=a", **common).code == 0
