"""Whether what is printed is in colour, as far as the environment says so: see https://no-color.org."""

import os


def wanted_colour() -> bool | None:
    """Return whether output shall be in colour, wherever it goes; None if only terminals shall have it so."""
    if os.environ.get("NO_COLOR"):
        return False
    if os.environ.get("FORCE_COLOR") or os.environ.get("CLICOLOR_FORCE", "0") not in {"", "0"}:
        return True
    return False if os.environ.get("CLICOLOR") == "0" else None
