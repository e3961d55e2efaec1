"""The published JSON schemas: every document that a test sees is held against its own."""

import json
from collections.abc import Mapping
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


def check_runs_directory(runs: Path) -> None:
    """Check the manifests and traces of runs."""
    for manifest in runs.glob("*/run.json"):
        check_document(json.loads(manifest.read_bytes()))
    for trace in runs.glob("*/trace.jsonl"):
        # What was killed may have left half a line.
        for line in trace.read_bytes().splitlines(keepends=True):
            if line.endswith(b"\n"):
                check_event(json.loads(line))


@lru_cache
def validator(name: str) -> Draft202012Validator:
    """Return what checks documents by a published file."""
    schema = json.loads((PUBLISHED / f"{name}.json").read_bytes())
    return Draft202012Validator(schema, format_checker=_formats)


def _check(document: Mapping[str, Any], name: str) -> None:
    error = best_match(validator(name).iter_errors(document))
    assert error is None, f"{name}: {error.json_path}: {error.message}"
