"""Making a transaction again that another one was in the way of."""

from tenacity import Retrying, retry_if_exception_type, stop_after_attempt, wait_random_exponential

from supervisor.store.errors import DatabaseConflict

TRIES = 5


def retrying_conflicts() -> Retrying:
    """Call a function, which is a whole transaction, again if it raises `DatabaseConflict`; a few times at most."""
    return Retrying(
        retry=retry_if_exception_type(DatabaseConflict),
        stop=stop_after_attempt(TRIES),
        wait=wait_random_exponential(multiplier=0.1, max=1),
        reraise=True,
    )
