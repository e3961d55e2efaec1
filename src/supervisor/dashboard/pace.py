"""How fast something goes on, and how long what is left takes at that pace."""

from collections import deque

_STEP_SECONDS = 0.5
_LEAST_SECONDS = 3.0
_MOST_SECONDS_LEFT = 100 * 3600.0


class Pace:
    """Counts over the last minute: what is reused comes in bursts, and a minute forgets them."""

    def __init__(self, window_seconds: float = 60.0) -> None:
        """Begin with nothing known.

        Args:
            window_seconds: In place of a minute.
        """
        self._window_seconds = window_seconds
        self._seen: deque[tuple[float, int]] = deque()

    def note(self, at: float, done: int) -> None:
        """Take in how much is done by now; less than before means that it began anew.

        Args:
            at: Seconds on a clock that never goes back.
            done: In all.
        """
        if self._seen and done < self._seen[-1][1]:
            self._seen.clear()
        if len(self._seen) > 1 and at - self._seen[-2][0] < _STEP_SECONDS:
            self._seen.pop()
        self._seen.append((at, done))
        while len(self._seen) > 1 and self._seen[1][0] <= at - self._window_seconds:
            self._seen.popleft()

    def per_second(self, at: float) -> float | None:
        """Return the pace by now; None while there is too little to tell it from."""
        if not self._seen or at - self._seen[0][0] < _LEAST_SECONDS:
            return None
        (begun, before), (_, done) = self._seen[0], self._seen[-1]
        return (done - before) / (at - begun)

    def seconds_left(self, at: float, left: float) -> float | None:
        """Return how long so much takes that is left; None if nobody can tell, or it is as good as never."""
        pace = self.per_second(at)
        return left / pace if pace and left / pace <= _MOST_SECONDS_LEFT else None
