"""How a run's figures are said in words."""

from supervisor.board.progress import counted, shown_pages
from supervisor.board.report import RunReport
from supervisor.model.amounts import shown_bytes, shown_seconds
from supervisor.model.resources import Resources
from supervisor.model.states import ResultStatus


def shown_documents(run: RunReport) -> str:
    """Return how many documents succeeded: `2 of 3 documents`."""
    succeeded = sum(document.status == ResultStatus.SUCCEEDED for document in run.documents)
    return f"{succeeded} of {counted(len(run.documents), 'document')}"


def shown_run_pages(run: RunReport) -> str:
    """Return how many pages there are, and where from: `5 pages (4 recognised, 1 failed)`."""
    return shown_pages(run.pages.total, run.pages.by_source(), run.pages.because)


def shown_resources(resources: Resources) -> str:
    """Return what an attempt has cost: `42.0 s of processor time, 310.5 MB of memory, 0.2 s in the queue`."""
    parts = []
    if resources.cpu_seconds is not None:
        parts.append(f"{shown_seconds(resources.cpu_seconds)} of processor time")
    if resources.peak_memory_bytes is not None:
        parts.append(f"{shown_bytes(resources.peak_memory_bytes)} of memory at most")
    return ", ".join([*parts, f"{shown_seconds(resources.queue_seconds)} in the queue"])
