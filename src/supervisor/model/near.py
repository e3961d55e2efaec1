"""What somebody may have meant by a name that stands for nothing."""

import difflib
from collections.abc import Sequence

_LISTED = 5


def near_hint(name: str, known: Sequence[str], *, none: str) -> str:
    """Return a hint with the nearest known names; without near ones with some of them, without any `none`."""
    by_lowered = {one.lower(): one for one in known}
    near = difflib.get_close_matches(name.lower(), by_lowered, n=_LISTED)
    if near:
        return f"did you mean {' or '.join(repr(by_lowered[one]) for one in near)}?"
    if known:
        return f"there are: {', '.join(known[:_LISTED])}{', …' if len(known) > _LISTED else ''}"
    return none
