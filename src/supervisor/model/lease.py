"""How long a claim is trusted without a beat, and how often its holder beats."""

from datetime import datetime, timedelta

DEFAULT_LEASE_SECONDS = 60
MIN_LEASE_SECONDS = 6  # one beat a second; below that an ordinary pause of a machine looks like a death
WORKER_OFFLINE_SECONDS = 30
_LONGEST_BEAT_SECONDS = 10.0
_BEATS_IN_A_LEASE = 6


def beat_interval(lease_seconds: float) -> float:
    """Return the seconds between two beats: several can fail before the lease expires or the worker seems offline."""
    return min(_LONGEST_BEAT_SECONDS, lease_seconds / _BEATS_IN_A_LEASE)


def is_expired(heartbeat_at: datetime | None, lease_seconds: float, *, at: datetime) -> bool:
    """Tell whether a lease has run out.

    Args:
        heartbeat_at: The last beat; None (never) counts as long ago.
        lease_seconds: How long it lasts from that beat on.
        at: Now, by the clock that the beat was stamped with: the database's.
    """
    return heartbeat_at is None or heartbeat_at + timedelta(seconds=lease_seconds) < at
