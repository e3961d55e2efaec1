"""What executing a run has cost: processor time, memory, and time."""

from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass


@dataclass(frozen=True)
class Resources:
    """What one lease term of a run has cost, or several of them together.

    Attributes:
        cpu_seconds: Of the executor and of everything that it has started, what was killed included; None if nobody
            could measure it.
        peak_memory_bytes: The most that all of them had at one time; memory that several share counts once.
        wall_seconds: From claims to ends.
        queue_seconds: How long it was due before it was claimed.
    """

    cpu_seconds: float | None
    peak_memory_bytes: int | None
    wall_seconds: float
    queue_seconds: float

    def to_json(self) -> dict[str, float | int | None]:
        """Return it as it stands in documents and in the history of a run."""
        return asdict(self)

    @classmethod
    def from_json(cls, value: object) -> "Resources | None":
        """Return what a history holds; None if that is nothing of the kind: another program may have written it."""
        if not isinstance(value, Mapping):
            return None
        try:
            wall, queue = float(value["wall_seconds"]), float(value["queue_seconds"])
            cpu, peak = value.get("cpu_seconds"), value.get("peak_memory_bytes")
            return cls(None if cpu is None else float(cpu), None if peak is None else int(peak), wall, queue)
        except (KeyError, TypeError, ValueError):
            return None


def together(terms: Iterable[Resources]) -> Resources | None:
    """Return what several terms have cost, which came one after the other; None for no term.

    What nobody could measure counts as nothing, unless nobody could measure any of it.
    """
    listed = list(terms)
    if not listed:
        return None
    cpu = [one.cpu_seconds for one in listed if one.cpu_seconds is not None]
    peaks = [one.peak_memory_bytes for one in listed if one.peak_memory_bytes is not None]
    return Resources(
        round(sum(cpu), 2) if cpu else None,
        max(peaks, default=None),
        round(sum(one.wall_seconds for one in listed), 3),
        round(sum(one.queue_seconds for one in listed), 3),
    )
