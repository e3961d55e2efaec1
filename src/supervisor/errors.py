"""Expected failures: each class knows its exit code, each message says what to do next."""

from supervisor.passwords import without_passwords


class SupervisorError(Exception):
    """A failure that a user can understand and mend. Its message is stored and shown, so it holds no password.

    Attributes:
        exit_code: What the process ends with when this error reaches the command line.
        hint: The line to type or the thing to change next, without a final full stop; None if the message says it all.
    """

    exit_code: int = 70

    def __init__(self, message: str, *, hint: str | None = None) -> None:
        self.message = without_passwords(message)
        super().__init__(self.message)
        self.hint = hint


class UsageError(SupervisorError):
    """A wrong option, run id, job file, ref or policy. Nothing was created."""

    exit_code = 2


class HeldError(SupervisorError):
    """A lock, lease or run is held by somebody else."""

    exit_code = 3


class SurroundingsError(SupervisorError):
    """The surroundings lack something: tesseract, a language, git, the database, room on the disk."""

    exit_code = 4


class NoRoomError(SurroundingsError):
    """A disk has no room left. Work stops in order, and goes on where it was once there is some."""

    def __init__(self, message: str, *, hint: str | None = None) -> None:
        super().__init__(message, hint=hint or "make room, then type the same command again")


class StoppedError(SupervisorError):
    """A signal ended the work, and how it stands cannot be told."""

    def __init__(self, signal_number: int, reason: str) -> None:
        super().__init__(f"stopped; how the runs stand cannot be told: {reason}", hint="the same command goes on")
        self.exit_code = 128 + signal_number
