"""The OCR slots of this machine, for those who watch: they are no part of the database."""

from collections.abc import Mapping
from dataclasses import replace

from supervisor.board.views import Overview, SlotsView
from supervisor.errors import SurroundingsError
from supervisor.ocr.slots.machine import machine_budget


def read_slots(environment: Mapping[str, str]) -> SlotsView | None:
    """Return how many slots there are and are taken; None where this machine has no place for them.

    Raises:
        UsageError: SUPERVISOR_OCR_SLOTS or SUPERVISOR_SLOTS_DIR cannot be used.
    """
    try:
        budget = machine_budget(environment)
        state = budget.state()
    except SurroundingsError:
        # It keeps pages from being recognised here, and says so there; what others do can be watched all the same.
        return None
    return SlotsView(count=budget.slots, taken=len(state.taken), waiting=len(state.waiting))


def with_slots(overview: Overview, environment: Mapping[str, str]) -> Overview:
    """Join the slots of this machine in.

    Raises:
        UsageError: As `read_slots`.
    """
    return replace(overview, slots=read_slots(environment))
