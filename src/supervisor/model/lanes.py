"""The places of runs in the queue: lanes, as typed on the command line, `A` for all runs, `A=a,b` for some."""

import difflib
import re
from collections.abc import Sequence

from supervisor.errors import UsageError

DEFAULT_PRIORITY = 100

_FORM = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,39}")
_RULE = "a lane is 1 to 40 letters, digits, '.', '_' or '-', and begins with a letter or digit"


class LaneError(UsageError):
    """A lane cannot be used, or runs cannot be placed as asked."""


def parse_lanes(values: Sequence[str], run_ids: Sequence[str]) -> dict[str, str]:
    """Return the lane of each run that has one, in the order of the runs.

    Args:
        values: Each a lane alone, for the runs that no other value places, or `LANE=RUN,RUN`.
        run_ids: The runs there are; no two differ only by case.

    Raises:
        LaneError: A lane is misspelt, a list empty, a run unknown or in two lanes, or two lanes are for all runs.
    """
    general: str | None = None
    placed: dict[str, str] = {}
    for value in values:
        lane, separator, listed = (part.strip() for part in value.partition("="))
        _check_lane(lane)
        if not separator:
            if general is not None:
                raise LaneError(
                    f"lanes {general!r} and {lane!r} are both for all runs",
                    hint=f"name one lane for all, or say which runs are in lane {lane}: --lane {lane}=RUN,RUN",
                )
            general = lane
            continue
        for run_id in (part.strip() for part in listed.split(",")):
            _check_run(run_id, lane, run_ids)
            other = placed.setdefault(run_id, lane)
            if other != lane:
                raise LaneError(
                    f"run {run_id!r} is placed in lane {other!r} and in lane {lane!r}", hint="place each run once"
                )
    lanes = {run_id: placed.get(run_id, general) for run_id in run_ids}
    return {run_id: lane for run_id, lane in lanes.items() if lane is not None}


def _check_lane(lane: str) -> None:
    if not _FORM.fullmatch(lane):
        raise LaneError(
            f"lane {lane!r} is not allowed: {_RULE}",
            hint="write --lane A for all runs, --lane A=a,b for some, and repeat the option for each lane",
        )


def _check_run(run_id: str, lane: str, run_ids: Sequence[str]) -> None:
    if not run_id:
        raise LaneError(
            f"lane {lane!r} has an empty place in its list of runs",
            hint=f"write --lane {lane}=a,b, or --lane {lane} for all runs",
        )
    if run_id not in run_ids:
        by_lowered = {known.lower(): known for known in run_ids}
        near = difflib.get_close_matches(run_id.lower(), by_lowered, n=1)
        raise LaneError(
            f"lane {lane!r} is given run {run_id!r}, which is none of the runs named",
            hint=f"did you mean {by_lowered[near[0]]!r}?" if near else "place only runs that --run-ids names",
        )
