"""The published JSON schemas: every document that a test sees is held against its own."""

import json
from collections.abc import Iterator, Mapping
from datetime import datetime
from functools import lru_cache
from pathlib import Path
from typing import Any

from jsonschema import Draft202012Validator, FormatChecker
from jsonschema.exceptions import best_match

PUBLISHED = Path(__file__).parents[2] / "docs" / "reference" / "schemas"

_formats = FormatChecker(())


@_formats.checks("date-time", raises=ValueError)
def _is_utc(moment: object) -> bool:
    """Tell whether a moment is one, and in UTC, as they all are."""
    return not isinstance(moment, str) or str(datetime.fromisoformat(moment).tzinfo) == "UTC"


def check_document(document: Mapping[str, Any]) -> None:
    """Make sure that a document is as the schema says that it names."""
    name, _, version = document["schema"].removeprefix("supervisor.").partition("/")
    _check(document, f"{name}-{version}")


def check_event(event: Mapping[str, Any]) -> None:
    """Make sure that a line of a trace is as it should be."""
    _check(event, "trace-event-1")


def check_log_line(line: Mapping[str, Any]) -> None:
    """Make sure that a line of a log is as it should be."""
    _check(line, "log-line-1")


def check_runs_directory(runs: Path) -> None:
    """Check the manifests, traces and logs of runs."""
    for manifest in runs.glob("*/run.json"):
        check_document(json.loads(manifest.read_bytes()))
    for trace in runs.glob("*/trace.jsonl"):
        for event in _lines(trace):
            check_event(event)
    for log in runs.glob("*/logs/executor.log"):
        for line in _lines(log):
            check_log_line(line)
            assert (line["run_id"], line["attempt"] > 0) == (log.parents[1].name, True)
    for line in _lines(runs / ".supervisors" / "supervisor.log"):
        check_log_line(line)


def _lines(path: Path) -> Iterator[Any]:
    # What was killed may have left half a line.
    lines = path.read_bytes().splitlines(keepends=True) if path.exists() else []
    return (json.loads(line) for line in lines if line.endswith(b"\n"))


@lru_cache
def validator(name: str) -> Draft202012Validator:
    """Return what checks documents by a published file."""
    schema = json.loads((PUBLISHED / f"{name}.json").read_bytes())
    return Draft202012Validator(schema, format_checker=_formats)


def _check(document: Mapping[str, Any], name: str) -> None:
    error = best_match(validator(name).iter_errors(document))
    assert error is None, f"{name}: {error.json_path}: {error.message}"
