"""What surrounds the work of a supervisor: being seen to live, the end by a signal."""

from collections.abc import Iterator
from contextlib import contextmanager

from supervisor.errors import NoRoomError, StoppedError
from supervisor.ocr.cache.files import why_unusable
from supervisor.store import supervisors
from supervisor.store.engine import transaction
from supervisor.store.errors import DatabaseUnavailable
from supervisor.supervision.presence import being_present
from supervisor.supervision.room import Needed, shortage
from supervisor.supervision.workshop import Workshop


@contextmanager
def on_duty(shop: Workshop) -> Iterator[None]:
    """Be seen to live while the block runs; whatever happens in it, we do not look alive afterwards."""
    _tell_of_the_cache(shop)
    with being_present(shop.runs_directory, shop.me.id):
        try:
            yield
        finally:
            try:
                with transaction(shop.engine) as connection:
                    supervisors.sign_off(connection, shop.me.id, at=shop.now(connection))
            except (DatabaseUnavailable, NoRoomError) as error:
                shop.note(f"could not sign off: {error}")


def _tell_of_the_cache(shop: Workshop) -> None:
    """Say it if pages will have to be recognised again; only the logs of executors would tell otherwise."""
    if shop.cache is None:
        return
    directory = shop.cache.directory
    trouble = why_unusable(directory)
    if trouble:
        shop.note(f"the page cache {directory} cannot be used ({trouble}): pages are recognised again")
        return
    little = shortage(Needed("the page cache", directory), shop.min_free_bytes) if shop.min_free_bytes else None
    if little:
        shop.note(f"{little}: no page is added to it")


@contextmanager
def said_as_stopped(number: int | None) -> Iterator[None]:
    """Let who was stopped by a signal end as stopped, though the database is away that would tell how runs stand."""
    try:
        yield
    except DatabaseUnavailable as error:
        if number is None:
            raise
        raise StoppedError(number, str(error)) from error
