"""The clock of this machine against others: what is written to the database and to git is told by theirs or ours."""

from datetime import UTC, datetime

from supervisor.clock import SystemClock
from supervisor.store.engine import open_engine, snapshot
from supervisor.store.moments import database_now
from supervisor.supervision.checkup.findings import Finding, Level, Surroundings
from supervisor.supervision.place import Place

# Leases are judged by the database's clock alone; times of files and logs are ours. So near they are read together.
_TOLERATED_SECONDS = 5.0
_HINT = "set the clock, and let it be kept: timedatectl set-ntp true"


def check_clock(surroundings: Surroundings) -> Finding:
    """Tell whether this machine's clock agrees with the database's, and with that by which HEAD was committed."""
    place = surroundings.place
    now = SystemClock().now()
    ahead = (now - _database_time(place)).total_seconds()
    committed = datetime.fromtimestamp(int(place.repository.git.line("log", "-1", "--format=%ct", "HEAD")), UTC)
    facts = {"now": now.isoformat(), "ahead_of_database_seconds": round(ahead, 1)}
    if abs(ahead) > _TOLERATED_SECONDS:
        direction = "ahead of" if ahead > 0 else "behind"
        message = f"{abs(ahead):.0f} s {direction} the clock of the database"
        return Finding(Level.WARNING, "clock", message, _HINT, facts=facts)
    if (committed - now).total_seconds() > _TOLERATED_SECONDS:
        message = f"{now:%Y-%m-%d %H:%M} UTC, and HEAD was committed after that, at {committed:%Y-%m-%d %H:%M}"
        return Finding(Level.WARNING, "clock", message, _HINT, facts=facts)
    return Finding(Level.OK, "clock", f"{now.astimezone():%Y-%m-%d %H:%M:%S %Z}", facts=facts)


def _database_time(place: Place) -> datetime:
    if not place.has_control:
        return SystemClock().now()
    engine = open_engine(place.databases.control_url)
    try:
        with snapshot(engine) as connection:
            return database_now(connection, SystemClock())
    finally:
        engine.dispose()
