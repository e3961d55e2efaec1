"""What surrounds the work of a supervisor: being seen to live, the end by a signal."""

from collections.abc import Iterator
from contextlib import contextmanager

from supervisor.errors import NoRoomError, StoppedError, SupervisorError
from supervisor.logs.standard import heard_by
from supervisor.ocr.cache.files import why_unusable
from supervisor.store import supervisors
from supervisor.store.engine import transaction
from supervisor.store.errors import DatabaseUnavailable
from supervisor.store.urls import shown_url
from supervisor.supervision.presence import being_present
from supervisor.supervision.room import Needed, shortage
from supervisor.supervision.workshop import Workshop


@contextmanager
def on_duty(shop: Workshop) -> Iterator[None]:
    """Be seen to live while the block runs; whatever happens in it, we do not look alive afterwards."""
    log, me = shop.journal.log, shop.me
    with heard_by(log.relay), being_present(shop.runs_directory, me.id):
        log.info(
            "supervisor started",
            version=me.version,
            host=me.host,
            pid=me.pid,
            workers=me.desired_workers,
            lease_seconds=me.lease_seconds,
            database=shown_url(shop.databases.control_url),
        )
        _tell_of_the_cache(shop)
        try:
            yield
        except SupervisorError as error:
            log.error("supervisor cannot go on", error=error.message)  # noqa: TRY400 (the message says it all)
            raise
        except Exception:
            log.exception("a defect of the program")
            raise
        finally:
            log.info("supervisor ended")
            try:
                with transaction(shop.engine) as connection:
                    supervisors.sign_off(connection, shop.me.id, at=shop.now(connection))
            except (DatabaseUnavailable, NoRoomError) as error:
                shop.warn(f"could not sign off: {error}")


def _tell_of_the_cache(shop: Workshop) -> None:
    """Say it if pages will have to be recognised again; only the logs of executors would tell otherwise."""
    if shop.cache is None:
        return
    directory = shop.cache.directory
    trouble = why_unusable(directory)
    if trouble:
        shop.warn(f"the page cache {directory} cannot be used ({trouble}): pages are recognised again")
        return
    little = shortage(Needed("the page cache", directory), shop.min_free_bytes) if shop.min_free_bytes else None
    if little:
        shop.warn(f"{little}: no page is added to it")


@contextmanager
def said_as_stopped(number: int | None) -> Iterator[None]:
    """Let who was stopped by a signal end as stopped, though the database is away that would tell how runs stand."""
    try:
        yield
    except DatabaseUnavailable as error:
        if number is None:
            raise
        raise StoppedError(number, str(error)) from error
