"""The report of an unexpected error, which somebody can attach to an issue."""

import platform
import tempfile
import traceback
from collections.abc import Sequence
from importlib.metadata import version
from pathlib import Path

from supervisor.config import DISTRIBUTION
from supervisor.passwords import without_passwords


def write_report(words: Sequence[str]) -> Path:
    """Write a report of the exception that is being handled, and return where it is.

    Args:
        words: The command line.
    """
    facts = [
        f"supervisor {version(DISTRIBUTION)}, Python {platform.python_version()}, {platform.platform()}",
        f"arguments: {list(words)}",
        "",
        traceback.format_exc(),
    ]
    content = without_passwords("\n".join(facts))
    with tempfile.NamedTemporaryFile(
        "w", prefix="supervisor-defect-", suffix=".txt", delete=False, encoding="utf-8"
    ) as file:
        file.write(content)
    return Path(file.name)
