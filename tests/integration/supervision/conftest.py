import json
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import psutil
import pytest
from sqlalchemy.engine import Engine

PROGRAM = Path(__file__).with_name("submitter.py")


class Submitter:
    """A supervisor process that submits what it is told to, or is there for what others submit."""

    def __init__(self, nursery: Path, **where: object) -> None:
        connection = socket.socket(socket.AF_UNIX)
        connection.connect(str(nursery))
        # With the connection it is closed, and then the process ends.
        with connection:
            self.stream = connection.makefile("rw")
        self.say(where)
        self.process = psutil.Process(self.answer())

    @property
    def pid(self) -> int:
        return self.process.pid

    def say(self, message: object) -> None:
        self.stream.write(f"{json.dumps(message)}\n")
        self.stream.flush()

    def answer(self) -> Any:
        line = self.stream.readline()
        assert line, "the submitter died of what standard error tells"
        return json.loads(line)

    def tell(self, **order: object) -> None:
        common = {"work": False, "repository": "repo", "title": "night", "workers": 2, "commit": "c0ffee"}
        self.say({**common, "claim": 0, "handling": {}, "hours_ahead": 0, "begin": 0, **order})

    def submit(self, *run_ids: str, **order: object) -> Any:
        self.tell(run_ids=run_ids, **order)
        return self.answer()

    def work(self, session: str | None = None, **order: object) -> Any:
        """Be there for the runs of a session, or of any."""
        self.tell(work=True, session=session, **order)
        return self.answer()

    def kill(self) -> None:
        self.process.kill()
        self.process.wait()


@pytest.fixture(scope="session")
def nursery() -> Iterator[Path]:
    """Where submitters are made."""
    with tempfile.TemporaryDirectory() as folder:  # what pytest makes can be too long for the name of a socket
        path = Path(folder, "socket")
        with subprocess.Popen([sys.executable, str(PROGRAM), str(path)], stdout=subprocess.PIPE) as process:
            assert process.stdout
            assert process.stdout.readline()
            yield path
            process.kill()


@pytest.fixture
def submitter(
    nursery: Path, engine: Engine, database_url: str, database_kind: str, tmp_path: Path
) -> Iterator[Callable[..., Submitter]]:
    """Start submitters; those that share a server have nothing else in common, as on machines of their own."""
    assert engine.url, "it makes the tables"
    started: list[Submitter] = []

    def start(*, shared: bool = database_kind == "postgresql") -> Submitter:
        runs_dir = tmp_path / str(len(started)) if database_kind == "postgresql" else tmp_path
        started.append(Submitter(nursery, url=database_url, runs_dir=str(runs_dir), shared=shared))
        return started[-1]

    yield start
    for one in started:
        if one.process.is_running():
            one.kill()
        one.stream.close()


@pytest.fixture(scope="session")
def wait_until() -> Callable[..., None]:
    def wait(condition: Callable[[], object], seconds: float = 30) -> None:
        limit = time.monotonic() + seconds
        while not condition():
            assert time.monotonic() < limit, "the condition did not come true"
            time.sleep(0.01)

    return wait
