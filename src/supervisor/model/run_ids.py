"""What may be a run id, and how a run id is given a ref of its own."""

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from supervisor.errors import UsageError

_FORM = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,99}")
_RULE = "a run id is 1 to 100 letters, digits, '.', '_' or '-', and begins with a letter or digit"


class RunIdError(UsageError):
    """A run id cannot be used."""


@dataclass(frozen=True)
class RunSelection:
    """A run id as named by a user, with the ref that it asked for (`a@v1.2`), if any."""

    run_id: str
    ref: str | None = None


def check_run_id(run_id: str) -> str:
    """Return the run id unchanged.

    The rules keep it usable as a file name, as the end of a git ref and inside the runs directory.

    Raises:
        RunIdError: It breaks one of them; the message says which.
    """
    if not run_id:
        raise RunIdError("a run id is empty", hint="name the runs as in --run-ids letters,books")
    if not _FORM.fullmatch(run_id):
        raise RunIdError(f"run id {run_id!r} is not allowed: {_RULE}")
    if ".." in run_id:
        raise RunIdError(f"run id {run_id!r} is not allowed: it contains '..'")
    if run_id.endswith((".", ".lock")):
        raise RunIdError(
            f"run id {run_id!r} is not allowed: it ends in {'.lock' if run_id.endswith('.lock') else '.'!r}"
        )
    if run_id.lower() == "workspaces" or run_id.lower().startswith("control.db"):
        raise RunIdError(f"run id {run_id!r} is not allowed: the runs directory keeps files of its own under that name")
    return run_id


def parse_selections(values: Iterable[str]) -> list[RunSelection]:
    """Read `a,b@main` and repeated options into selections, in the order given.

    Raises:
        RunIdError: A run id is not allowed, or two of them are the same but for case.
    """
    selections = [_selection(part.strip()) for value in values for part in value.split(",")]
    check_distinct([selection.run_id for selection in selections])
    return selections


def check_distinct(run_ids: Sequence[str]) -> None:
    """Refuse run ids that are the same, or differ only by case: some file systems cannot tell them apart.

    Raises:
        RunIdError: Two of them collide.
    """
    seen: dict[str, str] = {}
    for run_id in run_ids:
        other = seen.setdefault(run_id.lower(), run_id)
        if other is not run_id or run_ids.count(run_id) > 1:
            what = "is named twice" if other == run_id else f"and {other!r} differ only by case"
            raise RunIdError(f"run id {run_id!r} {what}", hint="name each run once")


def _selection(text: str) -> RunSelection:
    run_id, separator, ref = text.partition("@")
    check_run_id(run_id)
    if separator and not ref:
        raise RunIdError(f"run {run_id!r} has an empty ref after '@'", hint=f"write {run_id}@main, or {run_id} alone")
    return RunSelection(run_id, ref or None)
