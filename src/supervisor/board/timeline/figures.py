"""What a timeline adds up to, as `--json` tells it."""

from pathlib import Path

from supervisor.board.timeline.model import SOURCES, Timeline

SCHEMA = "supervisor.trace-export/1"


def figures(timeline: Timeline, *, form: str, output: Path | None) -> dict[str, object]:
    """Return the `--json` document.

    Args:
        timeline: What was drawn.
        form: How.
        output: The file; None if there is none.
    """
    session = timeline.session
    spent = timeline.resources
    pages = timeline.pages
    sources: dict[str, int] = {source: timeline.sources[source] for source in SOURCES}
    return {
        "schema": SCHEMA,
        "session": {"id": session.id, "title": session.title, "status": session.status},
        "format": form,
        "output": None if output is None else str(output.absolute()),
        "begins_at": timeline.begins_at.isoformat(),
        "ends_at": timeline.ends_at.isoformat(),
        "seconds": round(timeline.seconds, 3),
        "workers": timeline.workers,
        "runs": len({term.run_id for term in timeline.terms} | {wait.run_id for wait in timeline.waits}),
        "terms": len(timeline.terms),
        "pages": {"total": len(pages), **sources},
        "waiting_seconds": round(timeline.waiting_seconds, 3),
        "preparing_seconds": round(sum(page.preparing_seconds or 0.0 for page in pages), 3),
        "recognising_seconds": round(sum(page.recognising_seconds or 0.0 for page in pages), 3),
        "resources": None if spent is None else spent.to_json(),
    }
