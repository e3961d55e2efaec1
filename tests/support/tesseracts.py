"""The tesseracts of a test, told from the servers that other tests keep."""

import psutil


def tesseracts() -> list[int]:
    """Children of this process that are a tesseract, real or not, or that nobody has collected."""
    return [child.pid for child in psutil.Process().children() if _is_one(child)]


def _is_one(child: psutil.Process) -> bool:
    if child.status() == psutil.STATUS_ZOMBIE:
        return True
    return any("tesseract" in argument for argument in child.cmdline())
