"""What a command wants to be run, put together and checked before anything is looked at."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TypedDict, Unpack

from supervisor.errors import UsageError
from supervisor.model.lanes import DEFAULT_PRIORITY, parse_lanes
from supervisor.model.numbers import LARGEST_NUMBER
from supervisor.model.retry import DEFAULT_MAX_RETRIES
from supervisor.model.run_ids import RunSelection, check_distinct, check_run_id
from supervisor.model.titles import check_title, title_of_runs
from supervisor.store.runs import Handling


class RunOptions(TypedDict, total=False):
    """How runs are resolved and treated; every one can be left out.

    Attributes:
        ref: The commit to run on; default is HEAD.
        job_files: Paths in the repository, for all runs; default is each run's own.
        working_tree: Run on a temporary commit of the work tree's documents and job files as they are now.
        lanes: `A` places all runs in a lane, `A=a,b` some of them; a lane executes one run at a time.
        priority: Lower numbers are claimed first; 0 is the lowest.
        timeout_seconds: How long an attempt may take; default is any time.
        max_retries: How often a run is tried again when what made it fail can pass by itself.
    """

    ref: str
    job_files: Sequence[str]
    working_tree: bool
    lanes: Sequence[str]
    priority: int
    timeout_seconds: int | None
    max_retries: int


@dataclass(frozen=True)
class Order:
    """Runs, and how they are resolved and treated.

    Attributes:
        handling: By run id.
    """

    selections: Sequence[RunSelection]
    title: str
    ref: str
    job_files: Sequence[str]
    working_tree: bool
    handling: Mapping[str, Handling]

    @classmethod
    def of(cls, run_ids: Sequence[str | RunSelection], title: str | None, **options: Unpack[RunOptions]) -> "Order":
        """Put an order together.

        Args:
            run_ids: What to run; a selection may name a ref of its own.
            title: Of the session; default is the run ids, the first ones if they are many.
            options: See `RunOptions`.

        Raises:
            UsageError: A run id, the title, a lane or a number is wrong.
        """
        selections = [one if isinstance(one, RunSelection) else RunSelection(check_run_id(one)) for one in run_ids]
        names = [selection.run_id for selection in selections]
        if not names:
            raise UsageError("no run is named", hint="name one, as in --run-ids letters")
        check_distinct(names)
        timeout, retries = options.get("timeout_seconds"), options.get("max_retries", DEFAULT_MAX_RETRIES)
        if timeout is not None and timeout < 1:
            raise UsageError(f"a timeout of {timeout} s leaves no time", hint="at least 1 s")
        if retries < 0:
            raise UsageError(f"{retries} retries are not possible", hint="0 means none")
        priority = options.get("priority", DEFAULT_PRIORITY)
        if priority < 0:
            raise UsageError(f"a priority of {priority} is not possible", hint="0 goes first")
        for name, number in (("priority", priority), ("timeout_seconds", timeout or 0), ("max_retries", retries)):
            if number > LARGEST_NUMBER:
                raise UsageError(f"{name} {number} is too large", hint=f"at most {LARGEST_NUMBER}")
        lanes = parse_lanes(options.get("lanes", ()), names)
        handling = {
            name: Handling(
                lane=lanes.get(name),
                priority=priority,
                max_retries=retries,
                timeout_seconds=timeout,
            )
            for name in names
        }
        return cls(
            selections=selections,
            title=check_title(title) if title else title_of_runs(names),
            ref=options.get("ref", "HEAD"),
            job_files=options.get("job_files", ()),
            working_tree=options.get("working_tree", False),
            handling=handling,
        )
