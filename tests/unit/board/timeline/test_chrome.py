"""The trace for Perfetto, held against what the documentation of its format asks for."""

import json
from collections import defaultdict
from itertools import pairwise
from typing import Any

from supervisor.board.timeline.chrome import chrome_trace
from supervisor.board.timeline.model import Timeline, WaitSpan
from support.timelines import BEGIN, at, night, page, session, term

Events = list[dict[str, Any]]


def events(timeline: Timeline) -> Events:
    document = json.loads(json.dumps(chrome_trace(timeline)))
    assert document["displayTimeUnit"] == "ms"
    found: Events = document["traceEvents"]
    return found


def test_every_event_has_what_its_phase_asks_for() -> None:
    named = set()
    for event in events(night(runs=10, pages=500)):
        assert isinstance(event["pid"], int)
        assert isinstance(event["tid"], int)
        if event["ph"] == "M":
            named.add((event["name"], event["pid"], event["tid"]))
            continue
        assert isinstance(event["ts"], int)
        assert event["ts"] >= 0
        assert event["name"]
        match event["ph"]:
            case "X":
                assert event["dur"] >= 0
                assert ("process_name", event["pid"], 0) in named
                assert event["pid"] == 1 or ("thread_name", event["pid"], event["tid"]) in named
            case "i":
                assert event["s"] in {"t", "p"}
            case "C":
                assert all(isinstance(value, int | float) for value in event["args"].values())
            case "s" | "f":
                assert event["id"]
            case phase:
                raise AssertionError(phase)


def test_bars_of_a_line_lie_within_each_other_or_apart() -> None:
    lines = defaultdict(list)
    for event in events(night(runs=10, pages=500)):
        if event["ph"] == "X":
            lines[event["pid"], event["tid"]].append((event["ts"], event["ts"] + event["dur"]))
    for line in lines.values():
        open_until: list[int] = []
        for begin, end in sorted(line, key=lambda bar: (bar[0], -bar[1])):
            while open_until and open_until[-1] <= begin:
                open_until.pop()
            assert not open_until or end <= open_until[-1]
            open_until.append(end)


def test_arrows_lead_from_the_queue_to_the_claim() -> None:
    timeline = Timeline(
        session(),
        at(100),
        [term("letters", "desk-1", 3, 40), term("letters", "desk-2", 50, 60)],
        [WaitSpan("letters", BEGIN, at(3)), WaitSpan("letters", at(40), at(50)), WaitSpan("books", BEGIN, None)],
        [],
    )
    found = events(timeline)
    starts, ends = ({one["id"]: one for one in found if one["ph"] == phase} for phase in "sf")
    assert starts.keys() == ends.keys()
    assert sorted((starts[number]["ts"], ends[number]["ts"]) for number in starts) == [
        (0, 3_000_000),
        (40_000_000, 50_000_000),
    ]
    assert {(end["pid"], end["bp"]) for end in ends.values()} == {(2, "e"), (3, "e")}


def test_a_page_shows_what_its_time_went_into() -> None:
    timeline = Timeline(
        session(), at(20), [term("letters", "desk-1", 0, 20, page(1, 2, waiting=3, working=10))], [], []
    )
    line = [
        (one["name"], one["ts"] / 1e6, one["dur"] / 1e6)
        for one in events(timeline)
        if (one["ph"], one["tid"]) == ("X", 1)
    ]
    assert line == [
        ("scans/a.tiff, page 1", 2, 13),
        ("waiting for a slot", 2, 3),
        ("preparing", 5, 1),
        ("recognising", 6, 8),
    ]
    slots = [
        (one["ts"] / 1e6, one["args"]) for one in events(timeline) if one["name"] == "pages with slots, and without"
    ]
    assert slots == [
        (2, {"working": 0, "waiting": 1}),
        (5, {"working": 1, "waiting": 0}),
        (15, {"working": 0, "waiting": 0}),
    ]


def test_pages_per_second_add_up() -> None:
    timeline = night(runs=10, pages=500)
    rates = [(one["ts"] / 1e6, one["args"]["pages"]) for one in events(timeline) if one["name"] == "pages per second"]
    width = max(1.0, timeline.seconds / 200)
    assert round(sum(rate for _, rate in rates) * width) == len(timeline.pages)


def test_a_clock_that_was_set_back_leaves_no_bars_across_each_other() -> None:
    pages = [page(1, 10, working=5), page(2, 12, working=5), page(3, 1, working=3)]
    timeline = Timeline(session(), at(20), [term("letters", "desk-1", 0, 20, *pages)], [], [])
    bars = [(one["ts"], one["ts"] + one["dur"]) for one in events(timeline) if one["name"].startswith("scans/")]
    assert all(before[1] <= after[0] for before, after in pairwise(bars))
