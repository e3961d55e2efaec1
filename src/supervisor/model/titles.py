"""What sessions are called: one line that lists and messages have room for."""

from collections.abc import Sequence

from supervisor.errors import UsageError

LONGEST_TITLE = 200
_MORE_CELLS = len(" and 1,000,000 more")


def check_title(title: str) -> str:
    """Return a title that somebody chose.

    Raises:
        UsageError: It is empty, or too long.
    """
    if not title.strip():
        raise UsageError("a session needs a title")
    if len(title) > LONGEST_TITLE:
        raise UsageError(f"a title of {len(title):,} characters is too long", hint=f"at most {LONGEST_TITLE}")
    return title


def title_of_runs(run_ids: Sequence[str]) -> str:
    """Return the title of a session that nobody gave one: its runs, the first ones if they are many."""
    title = ", ".join(run_ids)
    if len(title) <= LONGEST_TITLE:
        return title
    named = title[: LONGEST_TITLE - _MORE_CELLS].rpartition(", ")[0].split(", ")
    return f"{', '.join(named)} and {len(run_ids) - len(named):,} more"
