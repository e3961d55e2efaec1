"""The documentation against the program: links lead somewhere, and what it names exists."""

import json
import re
import tomllib
from collections.abc import Iterator
from pathlib import Path
from typing import get_args

import click
import pytest

from supervisor import errors
from supervisor.artifacts.layout import RunsDirectory
from supervisor.artifacts.trace import ENDED, USED
from supervisor.cli.main import RootGroup, cli
from supervisor.cli.settings import _NOT_SETTINGS
from supervisor.config import FROM_OUTSIDE_ONLY, parse_settings
from supervisor.executor import environment
from supervisor.ocr.cache.history import Because
from supervisor.ocr.engines.process import ANSWER_BYTES
from supervisor.ocr.formats.outputs import SUFFIXES
from supervisor.ocr.jobs.job import CHOICES, VARIABLES, Job
from supervisor.ocr.jobs.jobfile import parse_job_file
from supervisor.ocr.limits import memory_limit
from supervisor.store import parts, tables
from supervisor.supervision.checkup.checkup import CHECKS, examine
from supervisor.supervision.checkup.findings import Surroundings
from support.schemas import check_document, check_event, check_log_line

TOP = Path(__file__).parents[3]
REFERENCE = TOP / "docs" / "reference"
PAGES = sorted([TOP / "README.md", TOP / "CHANGELOG.md", *(TOP / "docs").rglob("*.md")])
LINK = re.compile(r"\]\(([^)#\s]*)(?:#([^)\s]+))?\)")
REVISION = re.compile(r"^ *(control|results|cache) +current +revision (\d+)$", re.MULTILINE)
# Where several apply, the first is given: `History.why`.
REASONS_IN_ORDER = (
    "new",
    "changed",
    "other settings",
    "other language data",
    "another version",
    "failed before",
    "no longer in the cache",
)
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


def test_decisions_are_listed_by_their_titles() -> None:
    files = sorted((TOP / "docs" / "adr").glob("0*.md"))
    titles = [file.read_text().partition("\n")[0].removeprefix("# ") for file in files]
    shown = [f"- [{title}]({file.name})" for title, file in zip(titles, files, strict=True)]
    assert re.findall(r"^- \[0.*$", (TOP / "docs/adr/README.md").read_text(), re.MULTILINE) == shown


def test_modules_that_are_named_exist() -> None:
    source = TOP / "src" / "supervisor"
    for name in re.findall(r"`([a-z_/]+(?:\.py|/))`", (TOP / "docs/architecture.md").read_text()):
        assert list(source.rglob(name.rstrip("/"))), name


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


def test_every_choice_of_a_key_is_described() -> None:
    for key, choices in CHOICES.items():
        row = re.search(rf"^\| `{key}` .*$", read("job-files.md"), re.MULTILINE)
        assert row is not None
        assert {choice for choice in choices if not re.search(rf'`"?{choice}"?`', row[0])} == set(), key


def test_every_format_is_described_with_its_suffix() -> None:
    for form, suffix in SUFFIXES.items():
        assert f"| `{form}` | `scans/a.tiff{suffix}` |" in read("formats.md")
        assert re.search(rf"[T ]{re.escape(suffix)}[,\n]", read("runs-directory.md")), suffix


def test_every_reason_to_recognise_a_page_is_described() -> None:
    section = read("cache.md").partition("## Why a page was recognised")[2].partition("\n## ")[0]
    assert tuple(re.findall(r"^\| `(.*?)` \|", section, re.MULTILINE)) == REASONS_IN_ORDER
    assert set(REASONS_IN_ORDER) == set(get_args(Because))


def test_limits_are_those_of_the_program() -> None:
    page = (TOP / "docs/explanation/recognition.md").read_text()
    assert f"{memory_limit(Job.model_fields['max_image_megapixels'].default) / 1e9:.2f} GB each" in page
    assert f"| {ANSWER_BYTES // 2**20} MB |" in page


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


def test_what_executors_see_of_the_environment_is_described() -> None:
    sentence = read("settings.md").partition("Executors see of your environment only ")[2]
    named = re.findall(r"`([A-Z_]+)`", sentence)
    assert set(named) == environment._ALLOWED


def test_every_fact_of_the_doctor_is_described(tmp_path: Path) -> None:
    section = read("json.md").partition("## supervisor.doctor/1")[2].partition("\n## ")[0]
    surroundings = Surroundings({"SUPERVISOR_SLOTS_DIR": str(tmp_path)}, TOP, tmp_path / "runs", None)
    found = list(examine(surroundings, limit_seconds=60))
    assert [one.name for one in found] == [check.name for check in CHECKS]
    for one in found:
        assert re.search(rf'[`"]{one.name}[`"]', section), one.name
        assert [fact for fact in one.facts if not re.search(rf'[`"]{fact}[`"]', section)] == [], one.name


def test_every_schema_is_described() -> None:
    source = "".join(file.read_text() for file in (TOP / "src").rglob("*.py"))
    printed = set(re.findall(r'"(supervisor\.[a-z-]+/\d+)"', source))
    assert set(re.findall(r"^## (supervisor\.\S+)$", read("json.md"), re.MULTILINE)) == printed


def test_every_trace_event_is_described() -> None:
    source = (TOP / "src/supervisor/executor/attempt.py").read_text()
    written = set(re.findall(r'"((?:attempt|document|page)_[a-z_]+)"', source))
    written |= {"page_failed", "page_skipped", USED, ENDED}
    rows = re.findall(r"^\| (`.*?`) \|", read("json.md").partition("## trace.jsonl")[2], re.MULTILINE)
    assert {name for row in rows for name in re.findall(r"`(\w+)`", row)} == written - {"page_count", "page_number"}


def test_shown_json_is_as_its_schema_says() -> None:
    shown = [json.loads(content) for _, content in blocks("json")]
    assert shown
    for one in shown:
        check = check_document if "schema" in one else check_log_line if "timestamp" in one else check_event
        check(one)


def test_every_table_and_column_is_described() -> None:
    described = dict(re.findall(r"^\| `(\w+)` \|[^|]*\| ([^|]*) \|$", read("database.md"), re.MULTILINE))
    for metadata in (tables.control, tables.results, tables.cache):
        for table in metadata.tables.values():
            assert set(described.pop(table.name).split(", ")) == set(table.columns.keys()), table.name
    assert not described


def test_shown_revisions_are_those_of_the_program() -> None:
    heads = {part.name: part.head for part in (parts.CONTROL, parts.RESULTS, parts.CACHE)}
    shown = [found for _, content in blocks("console") for found in REVISION.findall(content)]
    assert len(shown) >= len(heads)
    assert all(heads[name] == head for name, head in shown)


def test_every_file_of_the_runs_directory_is_described() -> None:
    described = read("runs-directory.md")
    runs = RunsDirectory(Path("runs"))
    run = runs.run("RUN_ID")
    files = (run.database, run.manifest, run.output, run.log.parent, run.trace, run.staging(1).parent, runs.spill("a"))
    for path in (runs.control_database, *files):
        assert path.name in described
