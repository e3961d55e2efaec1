"""What the fork server is asked to call."""

from importlib import import_module


def execute(*arguments: object) -> None:
    """Be an executor; see `entry.execute`.

    The supervisor only names this function. Loading `entry` with all its decoders would cost it a third of a second and
    open it to what they do; the fork server has it loaded.
    """
    import_module("supervisor.executor.entry").execute(*arguments)
