"""`supervisor trace export`: a session as a picture, and for Perfetto."""

import json
import xml.etree.ElementTree as ET
from pathlib import Path
from typing import Any

Archive = Any  # stands in conftest.py, which importlib mode keeps from being imported


def test_a_session_is_drawn_by_whatever_name(three: Archive, tmp_path: Path) -> None:
    three.supervisor("--run-ids", "a,b", "--workers", "2", "--session", "Night & Day", "--quiet")
    done = three.supervisor("trace", "export", "Night")
    assert (done.code, done.err) == (0, "")
    picture = ET.fromstring(done.out)  # noqa: S314 (it is ours)
    said = [one.text for one in picture.iter()]
    assert {"Night & Day", "2 runs, 2 workers", "2 recognised", "a", "b"} <= set(said)
    done = three.supervisor("trace", "export", "Night", "--format", "chrome", "-o", str(tmp_path / "night.json"))
    assert (done.code, done.out) == (0, "")
    document = json.loads((tmp_path / "night.json").read_text())
    session = document["otherData"]["session"]
    bars = {event["name"]: event for event in document["traceEvents"] if event["ph"] == "X" and event["pid"] > 1}
    assert {"a", "b", "scans/a.png, page 1", "preparing", "recognising"} <= bars.keys()
    page, run = bars["scans/a.png, page 1"], bars["a"]
    # The database's clock and that of the page process are one here.
    assert run["ts"] <= page["ts"]
    assert page["ts"] + page["dur"] <= run["ts"] + run["dur"]
    assert (
        json.loads(three.supervisor("trace", "export", session[:6], "--format", "chrome").out)["otherData"]
        == (document["otherData"])
    )


def test_mistakes_are_told_in_one_line(three: Archive) -> None:
    done = three.supervisor("trace", "export", "Night")
    assert (done.code, done.err.count("\n")) == (2, 1)
    assert "there is no session 'Night' here" in done.err
    three.supervisor("start", "Night", "--run-ids", "a")
    assert "No run of this session has been claimed yet." in three.supervisor("trace", "export", "Night").out
    done = three.supervisor("trace", "export", "Night", "-o", "missing/night.svg")
    assert (done.code, done.out) == (2, "")
    assert "supervisor: missing/night.svg cannot be written: No such file or directory" in done.err
    done = three.supervisor("trace", "export", "Night", "--json", "-o", "missing/night.svg")
    assert (done.code, set(done.document)) == (2, {"schema", "error", "exit_code"})
    three.supervisor("cancel", "a", "--force")
