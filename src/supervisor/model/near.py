"""What somebody may have meant by a name that stands for nothing."""

import difflib
from collections.abc import Sequence

_LISTED = 5


def near_hint(name: str, known: Sequence[str], *, none: str) -> str:
    """Return a hint with the nearest known names; without near ones with some of them, without any `none`.

    A long name is near, too, if its beginning is: people type that of a title.
    """
    near = _near(name, {one.lower(): one for one in known})
    near = near or _near(name, {one.lower()[: len(name)]: one for one in known})
    if near:
        return f"did you mean {' or '.join(map(repr, near))}?"
    if known:
        return f"there are: {', '.join(known[:_LISTED])}{', …' if len(known) > _LISTED else ''}"
    return none


def _near(name: str, by_lowered: dict[str, str]) -> list[str]:
    return [by_lowered[one] for one in difflib.get_close_matches(name.lower(), by_lowered, n=_LISTED)]
