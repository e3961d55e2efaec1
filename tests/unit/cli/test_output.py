import json

import pytest

from supervisor.cli.defect import write_report
from supervisor.cli.output import print_json
from supervisor.model.amounts import shown_seconds


def test_the_report_of_a_defect_hides_passwords() -> None:
    words = ["--database-url", "postgresql://ada:secret@db/x", "--run-ids=a"]
    try:
        int(words[1])
    except ValueError:
        path = write_report(words)
    try:
        content = path.read_text()
    finally:
        path.unlink()
    assert content.count("postgresql://ada:***@db/x") == 2
    assert "secret" not in content
    assert "--run-ids=a" in content


def test_json_does_nothing_to_a_terminal(capsys: pytest.CaptureFixture[str]) -> None:
    document = {"title": "a\x9b2J\x7f\u202eb\u2028\ud800 Büro"}
    print_json(document)
    printed = capsys.readouterr().out
    assert json.loads(printed) == document
    assert all(one.isprintable() or one == "\n" for one in printed)
    assert "Büro" in printed


@pytest.mark.parametrize(
    ("seconds", "shown"), [(8.44, "8.4 s"), (185, "3 min 05 s"), (7620, "2 h 07 min"), (59.99, "60.0 s")]
)
def test_durations_are_shown_as_people_read_them(seconds: float, shown: str) -> None:
    assert shown_seconds(seconds) == shown
