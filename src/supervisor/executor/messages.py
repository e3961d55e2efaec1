"""What a supervisor and an executor say to each other: one JSON object a message, over one pipe.

JSON and not pickle: an executor has read documents of unknown origin, and its words must not be able to act here.
"""

import builtins
import collections.abc
import json
import types
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field
from multiprocessing.connection import Connection
from typing import Any, TypeVar, get_args, get_origin, get_type_hints

from supervisor.json_lines import read_object
from supervisor.model.states import RunStatus

M = TypeVar("M")


@dataclass(frozen=True)
class Start:
    """To the executor: everything that it needs to perform one attempt.

    Attributes:
        database_is_shared: Whether that database has the row of the run, too.
        patience_seconds: How long to wait for a database that is away.
        spec: The resolved jobs and documents, as stored with the run.
        scratch: Memory-backed directory for prepared pages; `spill` is used when it is full.
        state_dir: Where this machine remembers what its programs are; None for nowhere.
        cache_directory: Where pages are kept for everybody; None if none is to be asked.
        cache_limit_bytes: How much may be kept there.
        min_free_bytes: Nothing is added to it while its disk has less room.
        repository: What the repository is known by.
        worker: The name of the worker that executes it.
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
    state_dir: str | None
    cache_directory: str | None
    cache_limit_bytes: int
    min_free_bytes: int
    repository: str
    worker: str
    spec: Mapping[str, object]


@dataclass(frozen=True)
class Stop:
    """To the executor: start no further page, store those in flight, and end."""


@dataclass(frozen=True)
class Ready:
    """From the executor: it leads a process group of its own now."""


@dataclass(frozen=True)
class EndedDocument:
    """A document that is finished, in the figures that people look at.

    Attributes:
        error: Why it failed; None if it has not.
        pages: By source, else by status.
        seconds: Work on its pages in this attempt, without waiting.
        mean_confidence: 0 to 100, of its pages, by their words; None where none is stated.
    """

    path: str
    error: str | None = None
    pages: Mapping[str, int] = field(default_factory=dict)
    seconds: float = 0.0
    mean_confidence: float | None = None
    weak_pages: int = 0


@dataclass(frozen=True)
class Advanced:
    """From the executor: what it has done since it last said so, all of it stored and staged.

    Attributes:
        documents_opened: How many documents have told their pages.
        pages_found: How many pages these have.
        pages: How many are finished, by source, else by status.
        because: How many had to be recognised, by the reason.
        ended: The documents that are finished, failed ones included.
    """

    documents_opened: int = 0
    pages_found: int = 0
    pages: Mapping[str, int] = field(default_factory=dict)
    because: Mapping[str, int] = field(default_factory=dict)
    ended: Sequence[EndedDocument] = ()


@dataclass(frozen=True)
class Used:
    """From the executor, about once a second and when it ends: what it and all that it has started have used so far.

    Attributes:
        cpu_seconds: Processor time.
        peak_memory_bytes: The most that they had at one time.
    """

    cpu_seconds: float
    peak_memory_bytes: int


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
    """From the executor: it ended because it was told to, or could not go on; pages are left to do.

    Attributes:
        no_room: Which disk has no room left, if it ended for that.
    """

    no_room: str | None = None


Message = Start | Stop | Ready | Advanced | Used | Finished | Stopped
_KINDS = {kind.__name__: kind for kind in (Start, Stop, Ready, Advanced, Used, Finished, Stopped)}
_HINTS: Mapping[type, Mapping[str, Any]] = {kind: get_type_hints(kind) for kind in (*_KINDS.values(), EndedDocument)}


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
        ValueError, KeyError, TypeError: What it says is no message.
    """
    told = read_object(connection.recv_bytes())
    kind = _KINDS[told.pop("kind")]
    if "status" in told:
        told["status"] = RunStatus(told["status"])
    if "ended" in told:
        told["ended"] = [_checked(EndedDocument(**document)) for document in told["ended"]]
    return _checked(kind(**told))


def _checked(message: M) -> M:
    """Return a message, or a part of one, all of whose fields are of their kinds."""
    hints = _HINTS[type(message)]
    wrong = [name for name, value in vars(message).items() if not _fits(value, hints[name])]
    if wrong:
        raise TypeError(f"{wrong[0]} is not what it has to be")
    return message


def _fits(value: object, hint: Any) -> bool:
    arguments = get_args(hint)
    match get_origin(hint) or hint:
        case types.UnionType:
            return any(_fits(value, one) for one in arguments)
        case collections.abc.Mapping:
            return isinstance(value, dict) and all(_fits(one, arguments[1]) for one in value.values())
        case collections.abc.Sequence:
            return isinstance(value, list | tuple) and all(_fits(one, arguments[0]) for one in value)
        case builtins.float:
            return type(value) in {float, int}
        case builtins.object:
            return True
        case kind:
            return type(value) is kind
