"""The published JSON schemas: one for each document, closed, described, and of one mind."""

import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from jsonschema import Draft202012Validator

from support.schemas import PUBLISHED, check_document, check_event

TOP = Path(__file__).parents[3]
FILES = sorted(PUBLISHED.iterdir())
SCHEMAS: dict[str, dict[str, Any]] = {file.stem: json.loads(file.read_text()) for file in FILES}
# Lines of files: that each names its schema would say nothing that the name of the file does not.
UNMARKED = {"supervisor.trace-event/1", "supervisor.log-line/1"}


def parts(schema: object) -> Iterator[dict[str, Any]]:
    """Yield a schema and everything in it that is one, or looks like one."""
    if isinstance(schema, dict):
        yield schema
        for inner in schema.values():
            yield from parts(inner)
    elif isinstance(schema, list):
        for inner in schema:
            yield from parts(inner)


def objects(schema: dict[str, Any]) -> Iterator[dict[str, Any]]:
    return (part for part in parts(schema) if part.get("type") in ("object", ["object", "null"]))


def test_every_document_has_a_schema() -> None:
    source = "".join(file.read_text() for file in (TOP / "src").rglob("*.py"))
    printed = set(re.findall(r'"(supervisor\.[a-z-]+/\d+)"', source))
    assert {schema["$id"] for schema in SCHEMAS.values()} == printed | UNMARKED


@pytest.mark.parametrize("name", SCHEMAS)
def test_a_schema_is_right_and_says_whose_it_is(name: str) -> None:
    schema = SCHEMAS[name]
    Draft202012Validator.check_schema(schema)
    assert schema["$id"] == f"supervisor.{name[:-2]}/{name[-1]}"
    if schema["$id"] not in UNMARKED:
        assert schema["properties"]["schema"] == {"const": schema["$id"]}
        assert "schema" in schema["required"]


@pytest.mark.parametrize("name", SCHEMAS)
def test_every_object_is_closed_and_every_member_described(name: str) -> None:
    # An inner schema that others are composed of is closed by those.
    composed = {part["$ref"] for part in parts(SCHEMAS[name]) if "$ref" in part}
    inner = [SCHEMAS[name]["$defs"][ref.removeprefix("#/$defs/")] for ref in composed]
    for found in objects(SCHEMAS[name]):
        assert found in inner or {"additionalProperties", "unevaluatedProperties"} & set(found), found
        for member, said in found.get("properties", {}).items():
            assert {"description", "$ref", "const", "items"} & set(said), member


def test_definitions_of_one_name_are_the_same_everywhere() -> None:
    for name in {name for schema in SCHEMAS.values() for name in schema.get("$defs", ())}:
        first, *others = [schema["$defs"][name] for schema in SCHEMAS.values() if name in schema.get("$defs", ())]
        assert all(other == first for other in others), name


@pytest.mark.parametrize(
    ("change", "complaint"),
    [
        ({"more": 1}, "'more' was unexpected"),
        ({"exit_code": "0"}, "exit_code"),
        ({"runs": [{"run_id": "a"}]}, "runs"),
        ({"schema": "supervisor.session-report/2"}, "session-report-2"),
    ],
)
def test_what_is_not_as_it_should_be_is_found(change: dict[str, object], complaint: str) -> None:
    session = {"id": "b28e79996e38", "title": "letters", "status": "failed"}
    right = {"schema": "supervisor.session-report/1", "session": session, "runs": [], "exit_code": 1}
    check_document(right)
    with pytest.raises((AssertionError, FileNotFoundError), match=complaint):
        check_document(right | change)


@pytest.mark.parametrize("at", ["2026-11-21T10:00:00", "2026-11-21T10:00:00+01:00", "today"])
def test_a_time_that_is_not_in_utc_is_found(at: str) -> None:
    event = {"event": "attempt_stopped", "run_id": "a", "attempt": 1, "lease_term": 1, "documents_left": 3}
    check_event(event | {"at": "2026-11-21T10:00:00.251+00:00"})
    with pytest.raises(AssertionError, match="date-time"):
        check_event(event | {"at": at})
