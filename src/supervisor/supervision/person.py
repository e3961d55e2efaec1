"""Who types a command."""

import getpass
import os


def user_name() -> str:
    """Return what the history of a run calls the person who did something to it."""
    try:
        return getpass.getuser()
    except (KeyError, OSError):
        # Containers run under numbers that no name belongs to.
        return f"uid {os.getuid()}"
