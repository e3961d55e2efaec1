"""What one look has seen."""

from collections.abc import Sequence
from dataclasses import dataclass

from supervisor.board.views import Overview, RunView


@dataclass(frozen=True)
class Sight:
    """Everything that one look has seen.

    Attributes:
        name: Of the repository, for people.
        scope: What the look was limited to, in words; empty if it was not.
        runs: Those of the session that was asked for; None if none was.
        pages_per_second: Over the last seconds; None while that is not known.
        has_all_sessions: Whether no more sessions match than were read, or it is known how many there are.
    """

    name: str
    overview: Overview
    scope: str = ""
    runs: Sequence[RunView] | None = None
    pages_per_second: float | None = None
    has_all_sessions: bool = True
