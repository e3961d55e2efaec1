"""A row of `runs` that another version or program has written: its run fails, and nothing else does."""

from collections.abc import Callable
from typing import Any

import pytest
import sqlalchemy as sa

from supervisor.store.engine import open_engine, transaction
from supervisor.store.tables import runs

Archive = Any  # stands in conftest.py, which importlib mode keeps from being imported


def write_spec(url: str, run_id: str, spec: object) -> None:
    engine = open_engine(url)
    with transaction(engine) as connection:
        connection.execute(sa.update(runs).where(runs.c.run_id == run_id).values(spec=spec))
    engine.dispose()


@pytest.mark.parametrize(
    ("spec", "reason"),
    [({"version": 2, "documents": []}, "job_files: Field required"), ([], "Input should be an object")],
)
def test_its_run_fails_and_the_others_are_executed(
    three: Archive, new_database_url: Callable[[], str], spec: object, reason: str
) -> None:
    url = new_database_url()
    environment = {"DATABASE_URL": url}
    assert three.supervisor("start", "Night", "--run-ids=a,b", **environment).code == 0
    write_spec(url, "a", spec)
    done = three.supervisor("work", "--once", "--workers=1", "--json", **environment)
    assert done.code == 1, done
    assert "a: failed (0 of 0 documents, 0 pages): its spec cannot be read" in done.err
    assert "harbour" in three.text("b", "scans/b.png")
    told = three.supervisor("show", "a", "--json", **environment)
    assert told.code == 0, told
    run = told.document["run"]
    assert run["status"] == "failed"
    assert reason in run["error"]
    assert run["session"]["status"] == "failed"
    # The next one settles it.
    assert three.supervisor("--run-ids=c", "--json", "--workers=1", **environment).code == 0
    written = three.manifest("a")
    assert (written["status"], written["job_files"]) == ("failed", [])
    told = three.supervisor("show", "a", "--json", **environment)
    assert told.document["run"]["settled_at"] is not None
    again = three.supervisor("--run-ids=a", "--json", "--workers=1", **environment)
    assert (again.code, again.runs["a"]["status"]) == (0, "succeeded"), again
