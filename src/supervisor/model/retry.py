"""Which failed attempts are tried again by themselves, and how long they wait."""

DEFAULT_MAX_RETRIES = 3
_BASE_SECONDS = 2
_CAP_SECONDS = 300
_DOUBLINGS = 10  # more than it takes to reach the cap


def is_retried(*, transient: bool, retry_count: int, max_retries: int) -> bool:
    """Tell whether an attempt that failed is followed by another.

    Args:
        transient: Whether what made it fail can pass by itself.
        retry_count: How many retries the run has had.
        max_retries: How many it may have.
    """
    return transient and retry_count < max_retries


def backoff_seconds(retry: int, draw: float) -> float:
    """Return how long a retry waits: twice as long each time, up to five minutes, less a random part.

    Half of the delay is random, so that runs which failed together do not return together ("equal jitter" in
    https://aws.amazon.com/blogs/architecture/exponential-backoff-and-jitter/).

    Args:
        retry: Which retry it is, from 1.
        draw: A random number in [0, 1).
    """
    delay = min(_BASE_SECONDS * 2.0 ** min(retry - 1, _DOUBLINGS), _CAP_SECONDS)
    return delay * (0.5 + 0.5 * draw)
