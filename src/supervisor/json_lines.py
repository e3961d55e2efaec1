"""Reading JSON that others may have written, or damaged: an object a line, of which nothing is believed."""

import json
import math
from datetime import MAXYEAR, MINYEAR, datetime
from typing import Any, NoReturn

# Nothing that we write comes near it; what goes deeper would end whoever walks through it.
_LEVELS = 32


def read_object(line: bytes) -> dict[str, Any]:
    """Return the object that a line holds.

    Raises:
        ValueError: It holds none; or one with numbers that are too large, or NaN; or one that is nested too deeply.
    """
    try:
        found = json.loads(line, parse_constant=_refuse, parse_float=_finite)
    except RecursionError as error:
        raise ValueError("it is nested too deeply") from error
    if not isinstance(found, dict):
        raise ValueError("it is no object")  # noqa: TRY004 (of the text, not of the argument)
    if _is_deeper(found, _LEVELS):
        raise ValueError("it is nested too deeply")
    return found


def is_moment(at: datetime) -> bool:
    """Tell whether a time that was read is one in every time zone."""
    return at.tzinfo is not None and MINYEAR < at.year < MAXYEAR


def _is_deeper(value: object, levels: int) -> bool:
    match value:
        case dict():
            return levels == 0 or any(_is_deeper(one, levels - 1) for one in value.values())
        case list():
            return levels == 0 or any(_is_deeper(one, levels - 1) for one in value)
        case _:
            return False


def _refuse(constant: str) -> NoReturn:
    raise ValueError(f"{constant} is no JSON")


def _finite(text: str) -> float:
    number = float(text)
    if not math.isfinite(number):
        raise ValueError(f"{text} is too large")
    return number
