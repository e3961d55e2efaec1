"""Which line of a picture a page stands on: one for each page process of a worker's executor."""

from collections.abc import Mapping, Sequence

from supervisor.board.timeline.model import PageSpan, TermSpan


def page_lanes(term: TermSpan) -> Sequence[Sequence[PageSpan]]:
    """Return the pages of a term by page process, in the order in which these took their first pages."""
    lanes: dict[int, list[PageSpan]] = {}
    for page in sorted(term.pages, key=lambda page: page.began_at):
        if page.page_process is not None:
            lanes.setdefault(page.page_process, []).append(page)
    return list(lanes.values())


def lane_counts(terms: Sequence[TermSpan]) -> Mapping[str, int]:
    """Return how many lines each worker needs."""
    counts: dict[str, int] = {}
    for term in terms:
        counts[term.worker] = max(counts.get(term.worker, 0), len(page_lanes(term)))
    return counts


def known_pages(term: TermSpan) -> list[PageSpan]:
    """Return the pages of a term on which no page process worked: they were known already, or it died of them."""
    return [page for page in term.pages if page.page_process is None]
