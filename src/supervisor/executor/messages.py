"""What a supervisor and an executor say to each other: one JSON object a message, over one pipe.

JSON and not pickle: an executor has read documents of unknown origin, and its words must not be able to act here.
"""

import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from multiprocessing.connection import Connection

from supervisor.model.states import ResultStatus, RunStatus


@dataclass(frozen=True)
class Start:
    """To the executor: everything that it needs to perform one attempt.

    Attributes:
        database_is_shared: Whether that database has the row of the run, too.
        patience_seconds: How long to wait for a database that is away.
        spec: The resolved jobs and documents, as stored with the run.
        scratch: Memory-backed directory for prepared pages; `spill` is used when it is full.
    """

    run: int
    run_id: str
    attempt: int
    lease_term: int
    database_url: str
    database_is_shared: bool
    patience_seconds: float
    workspace: str
    artifacts: str
    scratch: str
    spill: str
    lfs_objects_dir: str
    ocr_workers: int
    spec: Mapping[str, object]


@dataclass(frozen=True)
class Stop:
    """To the executor: start no further page, store those in flight, and end."""


@dataclass(frozen=True)
class Ready:
    """From the executor: it leads a process group of its own now."""


@dataclass(frozen=True)
class DocumentOpened:
    """From the executor: a document has this many pages."""

    document: str
    page_count: int


@dataclass(frozen=True)
class PageDone:
    """From the executor: a page is stored."""

    document: str
    page_number: int
    status: ResultStatus
    source: str | None


@dataclass(frozen=True)
class DocumentDone:
    """From the executor: a document is stored and its files are staged."""

    document: str
    status: ResultStatus
    error: str | None


@dataclass(frozen=True)
class Finished:
    """From the executor: the attempt has ended by itself.

    Attributes:
        transient: Whether what made it fail can pass by itself.
    """

    status: RunStatus
    error: str | None
    transient: bool = False


@dataclass(frozen=True)
class Stopped:
    """From the executor: it ended because it was told to; pages are left to do."""


Message = Start | Stop | Ready | DocumentOpened | PageDone | DocumentDone | Finished | Stopped
_KINDS = {
    kind.__name__: kind for kind in (Start, Stop, Ready, DocumentOpened, PageDone, DocumentDone, Finished, Stopped)
}


def send(connection: Connection, message: Message) -> None:
    """Send a message.

    Raises:
        OSError: The other side is gone.
    """
    connection.send_bytes(json.dumps({"kind": type(message).__name__, **asdict(message)}).encode())


def receive(connection: Connection) -> Message:
    """Wait for a message and return it.

    Raises:
        EOFError: The other side is gone.
    """
    fields = json.loads(connection.recv_bytes())
    kind = _KINDS[fields.pop("kind")]
    if "status" in fields:
        fields["status"] = (RunStatus if kind is Finished else ResultStatus)(fields["status"])
    return kind(**fields)
