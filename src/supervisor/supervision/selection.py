"""Finding what a person names."""

from sqlalchemy.engine import Engine

from supervisor.errors import UsageError
from supervisor.model.states import ENDED_SESSIONS
from supervisor.store import sessions
from supervisor.store.engine import transaction
from supervisor.store.sessions import SessionRow


def find_session(engine: Engine, name: str) -> SessionRow:
    """Return the session with an id, the beginning of one, or a title.

    Of several, those that have ended are not meant, unless all have: titles come again.

    Raises:
        UsageError: There is none, or more than one.
    """
    with transaction(engine) as connection:
        found = sessions.named(connection, name)
    meant = (
        [session for session in found if session.id == name]
        or [session for session in found if session.status not in ENDED_SESSIONS]
        or found
    )
    if len(meant) == 1:
        return meant[0]
    if not meant:
        raise UsageError(f"there is no session {name!r}", hint="name its id, the beginning of it, or its title")
    shown = ", ".join(f"{session.id} ({session.title})" for session in meant[:5])
    raise UsageError(f"{name!r} could be {len(meant)} sessions: {shown}", hint="name more of its id")
