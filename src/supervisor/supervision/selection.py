"""Finding what a person names."""

from sqlalchemy.engine import Engine

from supervisor.errors import UsageError
from supervisor.store import sessions
from supervisor.store.engine import transaction
from supervisor.store.sessions import SessionRow


def find_session(engine: Engine, name: str) -> SessionRow:
    """Return the session with an id, the beginning of one, or a title.

    Raises:
        UsageError: There is none, or more than one.
    """
    with transaction(engine) as connection:
        found = sessions.named(connection, name)
    exact = [session for session in found if session.id == name] or found
    if len(exact) == 1:
        return exact[0]
    if not exact:
        raise UsageError(f"there is no session {name!r}", hint="name its id, the beginning of it, or its title")
    shown = ", ".join(f"{session.id} ({session.title})" for session in exact[:5])
    raise UsageError(f"{name!r} could be {len(exact)} sessions: {shown}", hint="name more of its id")
