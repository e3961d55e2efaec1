"""What goes wrong with databases, as far as it makes a difference to what follows."""

from supervisor.errors import NoRoomError, SurroundingsError


class DatabaseError(SurroundingsError):
    """A database cannot be opened, read or written."""


class DatabaseUnavailable(DatabaseError):  # noqa: N818 (it says what is the matter)
    """It may be there again in a moment: a lost connection, a restart, a timeout, a deadlock, too many writers."""


class DatabaseFull(DatabaseError, NoRoomError):  # noqa: N818 (it says what is the matter)
    """The disk that it is on has no room left; what was written before is whole."""


class DatabaseConflict(DatabaseUnavailable):
    """Another transaction was in the way, and ours is undone for certain: it can be made again at once."""
