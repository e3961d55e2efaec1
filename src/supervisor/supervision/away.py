"""Going on while the database is away: what needs it is left for later."""

from collections.abc import Callable

from supervisor.store.errors import DatabaseUnavailable


class Patience:
    """Takes steps that need the database, and knows whether it is away.

    Attributes:
        is_away: Whether the last step that asked it had no answer.
    """

    def __init__(self, note: Callable[[str], None]) -> None:
        self._note = note
        self.is_away = False

    def take(self, step: Callable[[], bool]) -> bool:
        """Take a step that may need the database; while that is away, say so once and leave the step for later.

        Args:
            step: Tells whether it has asked the database.

        Returns:
            Whether the step was taken.
        """
        try:
            asked = step()
        except DatabaseUnavailable as error:
            if not self.is_away:
                self._note(f"{error}; going on without it, and trying again")
            self.is_away = True
            return False
        if asked and self.is_away:
            self._note("the database is there again")
            self.is_away = False
        return True
