"""Writing SVG: elements, with everything that comes from outside spelled so that it stands in XML."""

from collections.abc import Sequence
from html import escape

from supervisor.model.paths import printable


def element(name: str, content: Sequence[str] = (), *, tip: str | None = None, **attributes: float | str) -> str:
    """Return an element.

    Args:
        name: Of the element.
        content: Elements, or text that `escaped` has returned.
        tip: Text that viewers show when somebody points at it.
        attributes: Their names with `_` for `-`, and one at the end where Python needs it; numbers are rounded.
    """
    written = "".join(f' {key.rstrip("_").replace("_", "-")}="{_shown(value)}"' for key, value in attributes.items())
    inner = "".join([*([] if tip is None else [f"<title>{escaped(tip)}</title>"]), *content])
    return f"<{name}{written}>{inner}</{name}>" if inner else f"<{name}{written}/>"


def escaped(text: str) -> str:
    """Spell text so that it can stand in an element or attribute; what is no character of a line is shown escaped."""
    return escape("\n".join(printable(line) for line in text.split("\n")))


def _shown(value: float | str) -> str:
    if isinstance(value, str):
        return escaped(value)
    return f"{value:.1f}".removesuffix(".0")
