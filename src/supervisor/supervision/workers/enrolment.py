"""This process among those that execute runs: it is on record, and seen to live, while it has workers of its own."""

import itertools
import os
import threading
import uuid
from contextlib import ExitStack

from supervisor.errors import NoRoomError
from supervisor.store import supervisors
from supervisor.store.claims import Scope
from supervisor.store.engine import transaction
from supervisor.store.errors import DatabaseUnavailable
from supervisor.supervision.claim import Claimant
from supervisor.supervision.control.scaling import UNSCALED
from supervisor.supervision.opening import Setting, check_policy
from supervisor.supervision.presence import being_present
from supervisor.supervision.rescue import Rescuer
from supervisor.supervision.submission import check_alone
from supervisor.supervision.workers.hands import Hand
from supervisor.supervision.workshop import Workshop


class Enrolment:
    """A process that has workers, from its first one until it signs off.

    Attributes:
        shop: Where it is on record.
        claimant: Claims for its workers.
    """

    def __init__(self, setting: Setting, repository: str) -> None:
        """Put it on record, still without workers.

        Raises:
            UsageError: The database is another's alone, or the runs directory cannot be used.
            SurroundingsError: The database or the runs directory cannot be used.
        """
        self._setting = setting
        self._repository = repository
        self._pid = os.getpid()
        self._guard = threading.Lock()
        self._looking = threading.Lock()
        self._hands: dict[str, Hand] = {}
        self._numbers = itertools.count(1)
        with ExitStack() as undo:
            # Nobody else can say how many workers it has.
            shop = setting.open_workshop(UNSCALED)
            undo.callback(shop.engine.dispose)
            undo.enter_context(being_present(shop.runs_directory, shop.me.id))
            with transaction(shop.engine) as connection:
                at = shop.now(connection)
                check_alone(connection, shop.databases, shop.runs_directory, at=at)
                supervisors.register(connection, shop.me, [], Scope(), at=at)
            self._present = undo.pop_all()
        self.shop: Workshop = shop
        self.claimant = Claimant(shop, lambda row, reason: shop.note(f"run {row.run_id}: {reason}"))
        self._rescuer = Rescuer(shop, Scope(None, [repository]))

    @property
    def is_ours(self) -> bool:
        """Whether this is the process that enrolled, and not a fork of it."""
        return os.getpid() == self._pid

    def hire(self, name: str | None, session_id: str | None) -> Hand:
        """Add a worker.

        Args:
            name: What its id begins with; None for that of this process.
            session_id: The only session whose runs it takes; None for any.

        Raises:
            UsageError: The database does not take one more.
        """
        shop = self.shop
        with self._guard:
            check_policy(shop.databases, len(self._hands) + 1, shop.me.lease_seconds, shop.note)
            # No name ever stands for two workers.
            worker_id = f"{name}-{uuid.uuid4().hex[:8]}" if name else f"{shop.me.id}-{next(self._numbers)}"
            with transaction(shop.engine) as connection:
                at = shop.now(connection)
                scope = Scope(session_id, [self._repository])
                supervisors.add_workers(connection, shop.me.id, [worker_id], scope, at=at)
            self._hands[worker_id] = hand = Hand(worker_id)
        return hand

    def dismiss(self, hand: Hand) -> None:
        """Take a worker away that has no task."""
        shop = self.shop
        with self._guard:
            with transaction(shop.engine) as connection:
                supervisors.end_workers(connection, [hand.worker_id], at=shop.now(connection))
            self._hands.pop(hand.worker_id, None)

    def hand(self, worker_id: str) -> Hand | None:
        """Return one of its workers; None if it is not one."""
        with self._guard:
            return self._hands.get(worker_id)

    @property
    def hands(self) -> list[Hand]:
        """Its workers."""
        with self._guard:
            return list(self._hands.values())

    def look_around(self) -> None:
        """Make sure that there is room, and queue again what others have left that are gone.

        Raises:
            NoRoomError: A disk has less than the minimum.
            DatabaseUnavailable: Later, then.
        """
        self._setting.check_room()
        mine = [hand.at_work.row.id for hand in self.hands if hand.at_work is not None]
        # One thread at a time is enough, and the others go on.
        if self._looking.acquire(blocking=False):
            try:
                self._rescuer.look(mine)
            finally:
                self._looking.release()

    def sign_off(self) -> None:
        """Be gone; what cannot be told any more, others find out."""
        shop = self.shop
        with self._present:
            try:
                with transaction(shop.engine) as connection:
                    supervisors.sign_off(connection, shop.me.id, at=shop.now(connection))
            except (DatabaseUnavailable, NoRoomError) as error:
                shop.warn(f"could not sign off: {error}")
