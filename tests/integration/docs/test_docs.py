"""The documentation against the program: links lead somewhere, and what it names exists."""

import json
import re
import tomllib
from collections.abc import Iterator
from pathlib import Path

import click
import pytest

from supervisor import errors
from supervisor.artifacts.layout import RunsDirectory
from supervisor.cli.main import RootGroup, cli
from supervisor.cli.settings import _NOT_SETTINGS
from supervisor.config import FROM_OUTSIDE_ONLY, parse_settings
from supervisor.ocr.job import VARIABLES, Job
from supervisor.ocr.jobfile import parse_job_file
from supervisor.store import tables

TOP = Path(__file__).parents[3]
REFERENCE = TOP / "docs" / "reference"
PAGES = sorted([TOP / "README.md", TOP / "CHANGELOG.md", *(TOP / "docs").rglob("*.md")])
LINK = re.compile(r"\]\(([^)#\s]*)(?:#([^)\s]+))?\)")
BLOCK = re.compile(r"^ *```(\w+)\n(.*?)^ *```", re.MULTILINE | re.DOTALL)


def read(name: str) -> str:
    return (REFERENCE / name).read_text()


def blocks(language: str) -> Iterator[tuple[Path, str]]:
    for page in PAGES:
        for found, content in BLOCK.findall(page.read_text()):
            if found == language:
                yield page, content


def anchors(page: Path) -> set[str]:
    headings = re.findall(r"^#+ (.*)$", page.read_text(), re.MULTILINE)
    return {re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-") for heading in headings}


def commands() -> Iterator[tuple[str, click.Command]]:
    yield "supervisor", cli
    for name, entry in RootGroup.entries.items():
        command = entry.load()
        yield name, command
        if isinstance(command, click.Group):
            yield from ((f"{name} {inner}", found) for inner, found in command.commands.items())


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(TOP)))
def test_every_link_leads_to_a_file_and_heading(page: Path) -> None:
    for target, anchor in LINK.findall(page.read_text()):
        if "://" in target:
            continue
        file = (page.parent / target) if target else page
        assert file.exists(), f"{page.name} links to {target}"
        assert not anchor or anchor in anchors(file), f"{page.name} links to {target}#{anchor}"


def test_every_page_is_linked_from_another() -> None:
    linked = {
        (page.parent / target).resolve() for page in PAGES for target, _ in LINK.findall(page.read_text()) if target
    }
    assert {page for page in PAGES if page.name != "README.md"} - linked == set()


def test_every_command_and_option_is_described() -> None:
    described = read("cli.md")
    for name, command in commands():
        words = name if name == "supervisor" else f"supervisor {name}"
        assert words in described
        for parameter in command.params:
            for option in parameter.opts if isinstance(parameter, click.Option) else ():
                assert re.search(rf"`{option}[ `]", described), f"{words} {option}"


def test_every_described_option_exists() -> None:
    existing = {option for _, command in commands() for parameter in command.params for option in parameter.opts}
    existing |= {"--help", "-h", "--psm"}
    assert set(re.findall(r"`(--?[a-z][a-z-]*)[ `]", read("cli.md"))) - existing == set()


def test_every_exit_code_is_described() -> None:
    bases = (errors.SupervisorError, errors.UsageError, errors.HeldError, errors.SurroundingsError)
    for code in {0, 1, 130, 143, *(base.exit_code for base in bases)}:
        assert re.search(rf"^\|.*\b{code}\b.*\|.*\|$", read("exit-codes.md"), re.MULTILINE)
        assert re.search(rf"\b{code}\b", read("cli.md").partition("## Exit codes")[2])


def test_every_key_of_a_job_is_described_with_its_default() -> None:
    rows = dict(re.findall(r"^\| `([^|]*)` \| ([^|]*) \|", read("job-files.md"), re.MULTILINE))
    described = {name: default.strip("`") for names, default in rows.items() for name in names.split("`, `")}
    assert set(described) - {"version"} == set(Job.model_fields)
    for name, field in Job.model_fields.items():
        if field.is_required():
            assert described[name] == "required"
        elif field.default is not None:
            default = list(field.default) if isinstance(field.default, tuple) else field.default
            assert tomllib.loads(f"x = {described[name]}")["x"] == default, name


def test_every_variable_is_described() -> None:
    listed = re.findall(r"`(\w+)`", read("job-files.md").partition("## Variables")[2])
    assert set(listed) == VARIABLES


def test_shown_job_files_and_settings_are_right() -> None:
    shown = [content for _, content in blocks("toml")]
    jobs = [content for content in shown if "[[jobs]]" in content]
    assert len(jobs) >= 2
    for content in jobs:
        assert parse_job_file(content.encode(), "shown.toml").jobs
    known = [parameter.name for parameter in cli.params if parameter.name]
    for content in shown:
        if "[[jobs]]" not in content:
            assert parse_settings(content.encode(), "shown.toml", known=known, in_repository=True)


def test_every_setting_is_described() -> None:
    first_columns = re.findall(r"^\| ([^|]*) \|", read("settings.md"), re.MULTILINE)
    described = set(re.findall(r"`([a-z_]+)`", " ".join(first_columns)))
    names = {parameter.name for parameter in cli.params if parameter.name} - _NOT_SETTINGS
    assert described == names | {"repository"}
    in_repository = set(re.findall(r"`([a-z_]+)`", read("settings.md").partition("## The user's file")[0]))
    assert (names & FROM_OUTSIDE_ONLY) <= in_repository  # named as what it may not set


def test_every_schema_is_described() -> None:
    source = "".join(file.read_text() for file in (TOP / "src").rglob("*.py"))
    printed = set(re.findall(r'"(supervisor\.[a-z-]+/\d+)"', source))
    assert set(re.findall(r"^## (supervisor\.\S+)$", read("json.md"), re.MULTILINE)) == printed


def test_every_trace_event_is_described() -> None:
    source = (TOP / "src/supervisor/executor/attempt.py").read_text()
    written = set(re.findall(r'"((?:attempt|document|page)_[a-z_]+)"', source)) | {"page_failed", "page_skipped"}
    rows = re.findall(r"^\| (`.*?`) \|", read("json.md").partition("## trace.jsonl")[2], re.MULTILINE)
    assert {name for row in rows for name in re.findall(r"`(\w+)`", row)} == written - {"page_count", "page_number"}


def test_shown_json_is_json() -> None:
    shown = list(blocks("json"))
    assert shown
    for _, content in shown:
        assert json.loads(content)


def test_every_table_and_column_is_described() -> None:
    described = dict(re.findall(r"^\| `(\w+)` \|[^|]*\| ([^|]*) \|$", read("database.md"), re.MULTILINE))
    for metadata in (tables.control, tables.results):
        for table in metadata.tables.values():
            assert set(described.pop(table.name).split(", ")) == set(table.columns.keys()), table.name
    assert not described


def test_every_file_of_the_runs_directory_is_described() -> None:
    described = read("runs-directory.md")
    runs = RunsDirectory(Path("runs"))
    run = runs.run("RUN_ID")
    files = (run.database, run.manifest, run.output, run.log.parent, run.trace, run.staging(1).parent, runs.spill("a"))
    for path in (runs.control_database, *files):
        assert path.name in described
