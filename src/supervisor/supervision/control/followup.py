"""Following what the holders of runs were asked to do, until it is done; where a holder is dead, seeing to it here."""

from collections.abc import Sequence
from dataclasses import replace

from supervisor.model.states import RunStatus
from supervisor.store import runs, sessions
from supervisor.store.claims import Scope
from supervisor.store.engine import transaction
from supervisor.store.runs import RunHead
from supervisor.supervision.control.changes import PENDING, Answer, Change, Effect
from supervisor.supervision.leftovers import settle_leftovers
from supervisor.supervision.rescue import Rescuer
from supervisor.supervision.workshop import Workshop

LONGEST_SECONDS = 15.0
"""A holder that lives takes no longer, unless its --cancel-grace is longer: it looks every second, and gives executors
ten."""


class FollowUp:
    """Watches what is pending of some answers.

    Attributes:
        answers: As they stand now.
    """

    def __init__(self, shop: Workshop, repository: str, answers: Sequence[Answer]) -> None:
        self._shop = shop
        self._repository = repository
        self.answers = list(answers)
        self._followed = frozenset(change.row.id for change in self.pending)
        # It watches these alone, wherever they are from.
        self._rescuer = Rescuer(shop, Scope(None, []), self._followed)

    @property
    def pending(self) -> list[Change]:
        """What is not done yet; a run that was named twice is in it once."""
        changes = {change.row.id: change for answer in self.answers for change in answer.changes}
        return [change for change in changes.values() if change.effect in PENDING]

    def look(self) -> None:
        """Take what is pending from holders that are dead, and find out how it stands."""
        self._rescuer.look(())
        with transaction(self._shop.engine) as connection:
            rows = {row.id: row for row in runs.heads(connection, [change.row.id for change in self.pending])}
            self.answers = [
                replace(
                    one,
                    session=sessions.get(connection, one.target.session.id).status if one.target.session else None,
                    changes=[_seen(change, rows.get(change.row.id)) for change in one.changes],
                )
                for one in self.answers
            ]

    def tidy_up(self) -> None:
        """Remove what cancelled runs have left here."""
        changes = [change for one in self.answers for change in one.changes if change.effect is Effect.CANCELLED]
        # What somebody had asked for before was not changed by us, and may have been ended here all the same.
        if any(change.changed or change.row.id in self._followed for change in changes):
            settle_leftovers(self._shop, self._repository)


def _seen(change: Change, row: RunHead | None) -> Change:
    if row is None or change.effect not in PENDING:
        return change
    match row.status:
        case RunStatus.QUEUED if change.effect is Effect.PAUSING:
            return replace(change, row=row, effect=Effect.PAUSED, holder=None)
        case RunStatus.CANCELLED if change.effect is Effect.CANCELLING:
            return replace(change, row=row, effect=Effect.CANCELLED, holder=None)
        case RunStatus.RUNNING | RunStatus.QUEUED:
            return replace(change, row=row)
        case _:
            return replace(change, row=row, effect=Effect.ENDED, changed=False, holder=None)
