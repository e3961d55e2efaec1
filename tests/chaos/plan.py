"""What goes wrong in a round, and when: drawn from a seed, so that the same round can be made again."""

import fnmatch
import random
import signal
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum, auto
from types import MappingProxyType
from typing import Literal

Database = Literal["sqlite", "postgres"]
DATABASES: tuple[Database, ...] = ("sqlite", "postgres")
RUN_IDS = ("a", "b", "c")
PAGES_OF_A_RUN = 6


class Target(StrEnum):
    """What is struck."""

    SUPERVISOR = auto()
    FORK_SERVER = "fork-server"
    EXECUTOR = auto()
    DECODER_SERVER = "decoder-server"
    PAGE_PROCESS = "page-process"
    TESSERACT = auto()
    EVERYTHING = auto()
    POSTMASTER = auto()
    BACKEND = auto()
    CONNECTIONS = auto()
    WORKSPACE = auto()
    FILE = "workspace-file"
    DISK = auto()


class Deed(StrEnum):
    """What is done to it."""

    KILL = auto()
    TERM = auto()
    INT = auto()
    STOP = auto()
    LEAVE_STOPPED = "leave-stopped"
    END = auto()
    REMOVE = auto()
    FILL = auto()


class Event(StrEnum):
    """What a moment is counted from."""

    STARTED = "the command has been started"
    CLAIMED = "the run is claimed"
    EXECUTING = "the executor lives"
    RECOGNISED = "pages are recognised"
    PUBLISHED = "the results are there"


@dataclass(frozen=True)
class Kind:
    """A way in which something can go wrong.

    Attributes:
        events: Those that its moment may be counted from.
        codes: How a command may end because of it, beside success.
        database: Where it can happen; None for everywhere.
        weight: How often it is drawn, against the others.
    """

    target: Target
    deed: Deed
    events: Sequence[Event]
    codes: frozenset[int] = frozenset()
    database: Database | None = None
    weight: int = 2

    @property
    def name(self) -> str:
        return f"{self.target}-{self.deed}"


@dataclass(frozen=True)
class Moment:
    """When: some time after something can be seen of a run.

    Attributes:
        count: How many pages, where it is about pages.
    """

    event: Event
    run_id: str
    delay_seconds: float
    count: int = 0

    def __str__(self) -> str:
        match self.event:
            case Event.STARTED:
                return str(self.event)
            case Event.RECOGNISED:
                return f"{self.count} {self.event} (run {self.run_id})"
            case _:
                return f"{self.event} (run {self.run_id})"


@dataclass(frozen=True)
class Fault:
    """One thing that goes wrong.

    Attributes:
        pick: Chooses among several that it could strike, or how much.
        seconds: How long what is stopped stays stopped, a server stays away, and a disk stays full.
    """

    kind: Kind
    moment: Moment
    pick: float
    seconds: float

    def __str__(self) -> str:
        return f"{self.kind.name}, {self.moment.delay_seconds:.2f} s after: {self.moment}; for {self.seconds:.1f} s"


@dataclass(frozen=True)
class Plan:
    """A whole round.

    Attributes:
        faults: One after the other: the moment of each is waited for when the one before has come.
        pauses_seconds: How long somebody waits before the command is repeated, each time.
    """

    seed: int
    database: Database
    faults: Sequence[Fault]
    pauses_seconds: Sequence[float]


_EARLY = (Event.STARTED, Event.CLAIMED)
_WORKING = (Event.EXECUTING, Event.RECOGNISED)
_EVER = (*_EARLY, *_WORKING, Event.PUBLISHED)
_WITHIN = (Target.FORK_SERVER, Target.EXECUTOR, Target.DECODER_SERVER, Target.PAGE_PROCESS, Target.TESSERACT)
_FAILED, _SURROUNDINGS, _INTERRUPTED, _TERMINATED, _KILLED = 1, 4, 130, 143, -signal.SIGKILL


def _kinds() -> list[Kind]:
    signals = (Deed.KILL, Deed.TERM, Deed.STOP)
    away = {"codes": frozenset({_SURROUNDINGS}), "database": "postgres"}
    # A document that cannot be read fails its run, and so does one whose page was killed twice.
    lost = frozenset({_FAILED})
    killed = frozenset({_KILLED})
    return [
        Kind(Target.SUPERVISOR, Deed.KILL, _EVER, killed, weight=6),
        # Before it can do anything about it, SIGTERM ends it as every other program.
        Kind(Target.SUPERVISOR, Deed.TERM, _EVER, frozenset({_TERMINATED, -signal.SIGTERM}), weight=3),
        # Earlier, Python tells with a traceback that it was interrupted while it loaded the program.
        Kind(Target.SUPERVISOR, Deed.INT, (Event.CLAIMED, *_WORKING, Event.PUBLISHED), frozenset({_INTERRUPTED})),
        Kind(Target.SUPERVISOR, Deed.STOP, _EVER),
        *(Kind(Target.FORK_SERVER, deed, (*_EARLY, *_WORKING)) for deed in signals),
        *(Kind(Target.EXECUTOR, deed, (Event.CLAIMED, *_WORKING)) for deed in signals),
        *(Kind(target, Deed.LEAVE_STOPPED, _WORKING, killed, weight=1) for target in _WITHIN),
        *(Kind(Target.DECODER_SERVER, deed, _WORKING) for deed in signals),
        *(Kind(Target.PAGE_PROCESS, deed, _WORKING, lost) for deed in signals),
        *(Kind(Target.TESSERACT, deed, _WORKING, lost) for deed in signals),
        Kind(Target.EVERYTHING, Deed.KILL, _EVER, killed, weight=3),
        Kind(Target.POSTMASTER, Deed.KILL, _EVER, **away),  # type: ignore[arg-type]  # they fit
        Kind(Target.POSTMASTER, Deed.STOP, _EVER, **away),  # type: ignore[arg-type]  # they fit
        Kind(Target.POSTMASTER, Deed.END, _EVER, **away),  # type: ignore[arg-type]  # they fit
        Kind(Target.BACKEND, Deed.KILL, _EVER, **away),  # type: ignore[arg-type]  # they fit
        Kind(Target.BACKEND, Deed.STOP, _EVER, **away),  # type: ignore[arg-type]  # they fit
        Kind(Target.CONNECTIONS, Deed.END, _EVER, **away, weight=4),  # type: ignore[arg-type]  # they fit
        Kind(Target.WORKSPACE, Deed.REMOVE, (Event.CLAIMED, *_WORKING), lost),
        Kind(Target.FILE, Deed.REMOVE, (Event.CLAIMED, *_WORKING), lost),
        Kind(Target.DISK, Deed.FILL, _EVER, frozenset({_SURROUNDINGS})),
    ]


KINDS: Mapping[str, Kind] = MappingProxyType({kind.name: kind for kind in _kinds()})


def kinds_like(pattern: str) -> list[Kind]:
    """Return the kinds that a pattern means: a whole name, the beginning of names, or one with `*` and `?`."""
    found = [kind for name, kind in KINDS.items() if fnmatch.fnmatch(name, pattern) or name.startswith(f"{pattern}-")]
    if not found:
        raise ValueError(f"there is no kind of fault like {pattern!r}: {', '.join(KINDS)}")
    return found


def make_plan(seed: int, database: Database, kinds: Sequence[Kind] = (), *, each: bool = False) -> Plan:
    """Draw a round.

    Args:
        seed: The same one gives the same round.
        database: Which one is used.
        kinds: Those to draw from; all if none is given.
        each: Take every one of them, in this order, instead of one to three; nothing takes long, then.
    """
    dice = random.Random(f"{seed}")  # noqa: S311 (repeatable on purpose)
    possible = [kind for kind in kinds or KINDS.values() if kind.database in {None, database}]
    if not possible:
        raise ValueError(f"none of these faults can happen with {database}")
    weights = [kind.weight for kind in possible]
    drawn = possible if each else dice.choices(possible, weights, k=dice.choice((1, 2, 2, 3)))
    faults = [_fault(kind, dice, longest_seconds=0.5 if each else 3) for kind in drawn]
    pauses = [0.0] if each else [dice.choice((0.0, 0.0, dice.uniform(0, 2))) for _ in range(4)]
    return Plan(seed, database, faults, pauses)


def _fault(kind: Kind, dice: random.Random, longest_seconds: float) -> Fault:
    event = dice.choice(kind.events)
    longest = {Event.STARTED: 1.5, Event.CLAIMED: 0.3, Event.PUBLISHED: 0.3}.get(event, 0.8)
    moment = Moment(
        event,
        dice.choice(RUN_IDS),
        # Short ones more often: much happens at once.
        delay_seconds=longest * dice.random() ** 2,
        count=dice.randrange(1, PAGES_OF_A_RUN) if event is Event.RECOGNISED else 0,
    )
    return Fault(kind, moment, pick=dice.random(), seconds=dice.uniform(0.1, longest_seconds))
