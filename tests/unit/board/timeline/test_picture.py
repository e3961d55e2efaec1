"""The picture of a session: what stands in it, and that any viewer can read it."""

import re
import xml.etree.ElementTree as ET
from collections import Counter
from datetime import UTC
from itertools import pairwise

import pytest

from supervisor.board.timeline.axis import Axis
from supervisor.board.timeline.bands import MOST_BANDS, Band, together
from supervisor.board.timeline.model import Mark, Timeline, WaitSpan
from supervisor.board.timeline.picture import svg_picture
from supervisor.model.states import SessionStatus
from support.timelines import BEGIN, ODD, at, night, page, session, term

SVG = "{http://www.w3.org/2000/svg}"


def drawn(timeline: Timeline) -> ET.Element:
    return ET.fromstring(svg_picture(timeline))  # noqa: S314 (it is ours)


def shapes(picture: ET.Element, class_: str) -> list[ET.Element]:
    return [one for one in picture.iter() if class_ in one.get("class", "").split()]


def tips(elements: list[ET.Element]) -> list[str]:
    return [one.findtext(f"{SVG}title") or "" for one in elements]


def edges(element: ET.Element) -> tuple[float, float]:
    left = float(element.get("x", "nan"))
    return left, left + float(element.get("width", "nan"))


@pytest.fixture
def short() -> Timeline:
    """Two runs of one worker; the second one goes on."""
    first = term(
        "letters",
        "desk-1",
        0,
        40,
        page(1, 5, waiting=10, working=10),
        page(2, 5, working=5, source="failed", process=8),
        page(3, 30, working=0, source="cache", process=None),
        outcome="failed",
    )
    second = term("books", "desk-1", 50, None)
    waits = [WaitSpan("letters", BEGIN, at(0)), WaitSpan("books", BEGIN, at(50)), WaitSpan("maps", at(20), None)]
    marks = [Mark("books", at(70), "pause_requested", "ada", "", "desk-1")]
    return Timeline(session(status=SessionStatus.RUNNING), at(100), [first, second], waits, marks)


def test_runs_and_pages_stand_where_their_times_are(short: Timeline) -> None:
    picture = drawn(short)
    letters, books = (edges(bar) for bar in shapes(picture, "run"))
    width = books[1] - letters[0]
    assert (letters[1] - letters[0]) / width == pytest.approx(0.4, abs=0.002)
    # It goes on, until now.
    assert (books[0] - letters[0]) / width == pytest.approx(0.5, abs=0.002)
    [waiting] = (edges(one) for one in shapes(picture, "waiting") if one.find(f"{SVG}title") is not None)
    assert [(edge - letters[0]) / width for edge in waiting] == pytest.approx([0.05, 0.15], abs=0.002)
    [working] = (one for one in shapes(picture, "ocr") if "page 1" in "".join(tips([one])))
    assert edges(working)[0] == pytest.approx(waiting[1], abs=0.7)


def test_a_picture_tells_more_of_what_one_points_at(short: Timeline) -> None:
    picture = drawn(short)
    bars = tips(shapes(picture, "run"))
    assert bars[0].startswith("run letters, attempt 1: failed\n")
    assert "3 pages: 1 recognised, 1 reused, 1 failed\n12.5 s of processor time, 310.0 MB of memory at most" in bars[0]
    assert bars[0].endswith("why it failed")
    assert bars[1].startswith("run books, attempt 1: executing\n")
    assert any("page 2: failed" in tip and tip.endswith("is broken") for tip in tips(shapes(picture, "failed")))
    [mark] = tips(shapes(picture, "mark"))
    assert mark.endswith("run books: pause_requested (ada)")
    said = " ".join(one.text or "" for one in picture.iter(f"{SVG}text"))
    assert "2 runs, 1 worker" not in said
    assert "3 runs, 1 worker" in said
    assert "waiting for slots 10.0 s" in said
    assert "1 recognised" in said


def test_what_comes_from_outside_stands_in_xml_whatever_it_is() -> None:
    odd = term(ODD, ODD, 0, 300, page(1, 0, working=100))
    timeline = Timeline(session(ODD), at(300), [odd], [], [Mark(ODD, at(1), ODD, ODD, ODD, ODD)])
    content = svg_picture(timeline)
    assert "<b>" not in content
    content.encode()
    assert '<b>"Büro & Söhne"</b> \\u202e\\x1b[31m\\ud800' in [one.text for one in drawn(timeline).iter()]


def test_a_picture_needs_nothing_but_itself() -> None:
    content = svg_picture(night(runs=5, pages=200))
    assert not re.search(r"<script|href|url\(|@import|on\w+=", content)
    assert "prefers-color-scheme:dark" in content


@pytest.mark.parametrize(("runs", "pages", "workers"), [(40, 10_000, 4), (128, 2_560, 64)])
def test_a_night_of_thousands_is_a_small_file(runs: int, pages: int, workers: int) -> None:
    timeline = night(runs=runs, pages=pages, workers=workers)
    content = svg_picture(timeline)
    assert len(content.encode()) < 1_000_000
    picture = ET.fromstring(content)  # noqa: S314 (it is ours)
    assert len(shapes(picture, "run")) == runs
    assert len(shapes(picture, "card")) == workers
    said = tips(shapes(picture, "page"))
    merged = [found[1] for tip in said if (found := re.match(r"([\d,]+) pages?: ", tip))]
    # Signs of failures say of which pages they are.
    alone = {tip for tip in said if tip.startswith("scans/") and "here it waits" not in tip}
    assert sum(int(count.replace(",", "")) for count in merged) >= len(timeline.pages) - len(alone)


def test_bands_of_a_line_do_not_overlap_much_and_none_is_lost() -> None:
    timeline = night(runs=4, pages=4000, workers=1, processes=1)
    rows = [one for one in shapes(drawn(timeline), "page") if one.get("rx") is None]
    lines: dict[str, list[tuple[float, float]]] = {}
    for one in rows:
        lines.setdefault(one.get("y", ""), []).append(edges(one))
    for line in lines.values():
        # But for the signs of failures, which stand upon them.
        wide = sorted(one for one in line if one[1] - one[0] != pytest.approx(1.5))
        assert all(before[1] <= after[0] + 1.1 for before, after in pairwise(wide))


def test_a_failure_among_many_is_seen() -> None:
    pages = [page(number, number / 100, working=0.01) for number in range(1000)]
    pages[500] = page(500, 5, working=0.01, source="failed")
    timeline = Timeline(session(), at(1000), [term("a", "desk-1", 0, 1000, *pages)], [], [])
    said = tips(shapes(drawn(timeline), "failed"))
    assert len([tip for tip in said if tip.startswith("scans/a.tiff, page 500: failed")]) == 1


def test_workers_stand_in_the_order_in_which_their_supervisors_began() -> None:
    begun = {"desk-9-2": 7, "desk-10-2": 3, "desk-10-10": 0, "attic-1": 20, "": 30}
    timeline = Timeline(session(), at(50), [term("a", name, when, 40) for name, when in begun.items()], [], [])
    assert timeline.workers == ["desk-10-2", "desk-10-10", "desk-9-2", "attic-1", ""]


def test_sessions_of_which_little_is_known() -> None:
    bare = Timeline(session(), at(60), [term("letters", "desk-1", 0, 60)], [], [])
    assert len(shapes(drawn(bare), "run")) == 1
    waiting = Timeline(session(status=SessionStatus.RUNNING), at(5), [], [WaitSpan("letters", BEGIN, None)], [])
    assert "No run of this session has been claimed yet." in svg_picture(waiting)
    empty = Timeline(session(), BEGIN, [], [], [])
    assert "0 runs, 0 workers" in svg_picture(empty)


@pytest.mark.parametrize(
    ("seconds", "labels"),
    [
        (3, ["21:30:00", "21:30:01", "21:30:02", "21:30:03"]),
        (50, [f"21:30:{second:02}" for second in range(0, 51, 5)]),
        (700, [f"21:{minute}" for minute in range(30, 42)]),
        (9 * 3600, ["22:00", "23:00", "22 Nov", *(f"0{hour}:00" for hour in range(1, 7))]),
        (40 * 86400, ["25 Nov", "29 Nov", *(f"{day} Dec" for day in range(3, 32, 4))]),
    ],
)
def test_lines_stand_at_round_times(seconds: float, labels: list[str]) -> None:
    ticks = list(Axis(BEGIN, at(seconds), 100, 1000, UTC).ticks())
    shown = [label for _, label in ticks]
    assert shown == labels
    assert len(ticks) <= 13
    assert all(100 <= x <= 1100 for x, _ in ticks)


def test_there_is_a_limit_to_what_one_line_holds() -> None:
    line = [Band(3.0 * number, 3.0 * number + 1, "ocr", Counter(ocr=1), "x") for number in range(2 * MOST_BANDS)]
    [fewer] = together([line])
    assert len(fewer) <= MOST_BANDS
    assert sum(band.pages["ocr"] for band in fewer) == len(line)
