"""What the displays of a terminal are drawn with: colours of states, bars, times, text that fits its room."""

from rich.cells import cell_len, set_cell_size
from rich.text import Text

from supervisor.model.states import RunStatus, SessionStatus, WorkerStatus

RUN_STYLES = {
    RunStatus.QUEUED: "dim",
    RunStatus.RUNNING: "cyan",
    RunStatus.SUCCEEDED: "green",
    RunStatus.FAILED: "bold red",
    RunStatus.CANCELLED: "yellow",
}
SESSION_STYLES = {
    SessionStatus.CREATED: "dim",
    SessionStatus.RUNNING: "cyan",
    SessionStatus.PAUSED: "yellow",
    SessionStatus.COMPLETED: "green",
    SessionStatus.FAILED: "bold red",
    SessionStatus.CANCELLED: "yellow",
}
WORKER_STYLES = {
    WorkerStatus.IDLE: "dim",
    WorkerStatus.BUSY: "cyan",
    WorkerStatus.OFFLINE: "yellow",
    WorkerStatus.ERROR: "bold red",
}
_REST_STYLE = "grey37"


def bar(done: float, total: float, cells: int, style: str) -> Text:
    """Return a bar of so many cells, filled as far as something is done; full only when all of it is."""
    filled = min(cells, int(cells * done / total)) if total > 0 else 0
    return Text("━" * filled, style=style).append("─" * (cells - filled), style=_REST_STYLE)


def clock_time(seconds: float) -> str:
    """Return a duration as a stopwatch shows it: `0:05`, `12:30`, `1:02:30`."""
    minutes, rest = divmod(round(max(0.0, seconds)), 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours}:{minutes:02}:{rest:02}" if hours else f"{minutes}:{rest:02}"


def fitted(text: str, cells: int) -> str:
    """Return a text that takes at most so many cells of a terminal; what is cut off leaves `…`."""
    if cell_len(text) <= cells:
        return text
    return f"{set_cell_size(text, cells - 1).rstrip()}…" if cells > 0 else ""


def about(seconds: float) -> str:
    """Return a time that is left as exactly as it can be known: `45 s`, `12 min`, `1 h 05`, `3 days`."""
    if seconds < 60:
        return f"{max(0, round(seconds))} s"
    minutes = round(seconds / 60)
    if minutes < 60:
        return f"{minutes} min"
    if minutes < 48 * 60:
        return f"{minutes // 60} h {minutes % 60:02}"
    return f"{round(minutes / (24 * 60)):,} days"
