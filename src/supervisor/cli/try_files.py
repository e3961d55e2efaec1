"""`supervisor try FILE…`: recognise files here and now, without git, job file or database."""

import os
import signal
import sys
import threading
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from types import FrameType

import click
from pydantic import ValidationError

from supervisor.artifacts.layout import machine_state
from supervisor.cli.options import Location, located, ocr_workers_option
from supervisor.cli.output import print_json, print_note
from supervisor.errors import UsageError
from supervisor.executor.forkserver import stop_fork_server
from supervisor.executor.process_files import process_files
from supervisor.locks.own_folder import temporary_folder
from supervisor.ocr.engines.tesseract import Tesseract, check_languages
from supervisor.ocr.events import DocumentFinished, DocumentRequest
from supervisor.ocr.formats.outputs import assemble
from supervisor.ocr.jobs.job import Format, Job
from supervisor.ocr.known import KnownPages, keys_of
from supervisor.ocr.pages.pool import PagePool
from supervisor.ocr.processing import process_documents
from supervisor.ocr.slots.capacity import measure_capacity
from supervisor.ocr.slots.machine import machine_budget

# A PDF is no text for a terminal.
_FORMATS = ("txt", "tsv", "hocr", "alto", "json")


@click.command("try")
@click.argument("files", nargs=-1, required=True, type=click.Path(path_type=Path))
@click.option(
    "--language", "-l", "languages", multiple=True, default=("eng",), show_default=True, help="As tesseract names it."
)
@click.option(
    "--format",
    "-f",
    "form",
    type=click.Choice(_FORMATS),
    default="txt",
    show_default=True,
    help="What to print.",
)
@click.option("--pages", help="Which pages, as in 1-5,9.  [default: all]")
@click.option("--dpi", type=int, default=300, show_default=True, help="Where the file does not say.")
@click.option("--page-segmentation", type=int, default=3, show_default=True, help="tesseract --psm.")
@ocr_workers_option("Page processes.")
@located
def try_files(
    *,
    where: Location,
    files: Sequence[Path],
    languages: tuple[str, ...],
    form: Format,
    pages: str | None,
    dpi: int,
    page_segmentation: int,
    ocr_workers: int | None,
) -> int:
    """Recognise files and print their text, in the order given; nothing is stored.

    Exit code 1 if a file cannot be read; the others are printed all the same.
    """
    try:
        job = Job(
            name="try", documents=("*",), languages=languages, pages=pages, dpi=dpi, page_segmentation=page_segmentation
        )
    except ValidationError as error:
        first = error.errors()[0]
        raise UsageError(f"{'.'.join(map(str, first['loc']))}: {first['msg']}") from error
    missing = [file for file in files if not file.exists()]
    if missing:
        raise UsageError(f"there is no file {missing[0]}")
    tesseract = check_languages([job], state_dir=machine_state())
    finished = _recognise(files, job, tesseract, ocr_workers or measure_capacity(os.environ).page_processes)
    failed = [one for one in finished if one.error]
    if where.as_json:
        print_json(
            {
                "schema": "supervisor.try/1",
                "documents": [_entry(one) for one in finished],
                "exit_code": int(bool(failed)),
            }
        )
    else:
        outputs = [assemble(one.request.name, one.pages, [form])[form] for one in finished if one.pages]
        sys.stdout.buffer.write((b"\f" if form == "txt" else b"").join(outputs))
    for one in failed:
        print_note(f"supervisor: {one.request.name}: {one.error}")
    return int(bool(failed))


def _recognise(files: Sequence[Path], job: Job, tesseract: Tesseract, ocr_workers: int) -> list[DocumentFinished]:
    """Return the finished documents in the order of the files."""
    resolved = {file: file.resolve() for file in files}
    requests = [
        DocumentRequest(path=resolved[file], name=str(file), job=job, root=resolved[file].parent) for file in files
    ]
    known = KnownPages({job.name: keys_of(job, Path(), tesseract)})
    found: dict[int, DocumentFinished] = {}
    with (
        _abandoned_by_signals() as abandon,
        _no_fork_server_left(),
        temporary_folder("try") as own,
        PagePool(
            ocr_workers,
            tesseract=tesseract,
            slots=machine_budget(os.environ),
            cache_directory=None,
            scratch=own.path / "scratch",
            spill=own.path / "spill",
        ) as pool,
    ):
        for event in process_documents(requests, pool, known, stop=threading.Event(), abandon=abandon):
            if isinstance(event, DocumentFinished):
                found[id(event.request)] = event
    return [found[id(request)] for request in requests]


@contextmanager
def _no_fork_server_left() -> Iterator[None]:
    """End the fork server that a pool makes for itself, and remove its files."""
    with process_files():
        try:
            yield
        finally:
            stop_fork_server()


@contextmanager
def _abandoned_by_signals() -> Iterator[threading.Event]:
    """Give an event that SIGINT and SIGTERM set; once the block has cleaned up, end the way they ask for."""
    abandon = threading.Event()
    received: list[int] = []

    def note(number: int, _frame: FrameType | None) -> None:
        received.append(number)
        abandon.set()

    before = {number: signal.signal(number, note) for number in (signal.SIGINT, signal.SIGTERM)}
    try:
        yield abandon
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
    if received:
        raise KeyboardInterrupt if received[0] == signal.SIGINT else SystemExit(128 + received[0])


def _entry(one: DocumentFinished) -> dict[str, object]:
    return {
        "document": one.request.name,
        "status": one.status,
        "error": one.error,
        "pages": [
            {
                "page_number": page.page_number,
                "status": page.status,
                "source": page.source,
                "text": page.text,
                "word_count": page.word_count,
                "mean_confidence": page.mean_confidence,
                "duration_ms": page.duration_ms,
                "error": page.error,
            }
            for page in one.pages
        ],
    }
