"""`supervisor doctor`: whether all that runs need is there, and how busy the machine is."""

import os
import shutil
import textwrap
from collections import Counter
from collections.abc import Iterator, Sequence
from pathlib import Path

import click

from supervisor.artifacts.filesystems import Mount, read_mounts
from supervisor.board.progress import counted
from supervisor.cli.options import Location, WholeNumber, located
from supervisor.cli.output import print_json
from supervisor.errors import SurroundingsError, UsageError
from supervisor.model.paths import printable
from supervisor.passwords import without_passwords
from supervisor.supervision.checkup.checkup import CHECKS, examine
from supervisor.supervision.checkup.findings import Finding, Level, Surroundings

_COLOURS = {Level.OK: "green", Level.WARNING: "yellow", Level.ERROR: "red"}
_NAME_COLUMNS = max(len(check.name) for check in CHECKS)
_INDENT = len("warning  ") + _NAME_COLUMNS + len("  ")


@click.command()
@click.option(
    "--timeout",
    type=WholeNumber(1),
    default=15,
    show_default=True,
    help="Seconds after which a check that does not answer is given up.",
)
@click.option(
    "--mount-table",
    type=click.Path(path_type=Path),
    metavar="FILE",
    help="Judge file systems by this table, written as /proc/self/mounts.  [default: what is mounted here]",
)
@located
def doctor(*, where: Location, timeout: int, mount_table: Path | None) -> int:
    """Look at what runs need, and say what to do about what is missing; nothing is made or changed.

    Programs and language data, the repository, the runs directory and its file system, the database, locks and
    supervisors that are stopped, the clock, OCR slots, memory, the page cache. Exit code 4 if something is wrong, 0 if
    there are only warnings.

    \b
      supervisor doctor
      supervisor doctor --database-url postgresql://ada@db/ocr
      supervisor doctor --json
    """  # noqa: D301 (click wants the character, to leave the lines below it as they are)
    surroundings = Surroundings(
        os.environ, where.repo, where.runs_dir, where.database_url, None if mount_table is None else _table(mount_table)
    )
    findings = []
    for finding in examine(surroundings, limit_seconds=timeout):
        findings.append(finding)
        if not where.as_json:
            _print(finding)
    code = SurroundingsError.exit_code if any(one.level is Level.ERROR for one in findings) else 0
    if where.as_json:
        print_json({"schema": "supervisor.doctor/1", "findings": [_entry(one) for one in findings], "exit_code": code})
    else:
        click.echo(_verdict(findings))
    return code


def _table(file: Path) -> list[Mount]:
    try:
        return read_mounts(file)
    except OSError as error:
        raise UsageError(f"the mount table {file} cannot be read: {error.strerror}") from error


def _print(finding: Finding) -> None:
    level = click.style(f"{finding.level:<7}", fg=_COLOURS[finding.level], bold=finding.level is Level.ERROR or None)
    lines = _wrapped(finding.message)
    for line in finding.lines:
        lines += [f"  {part}" for part in _wrapped(line, narrower=2)]
    if finding.hint:
        first, *others = _wrapped(finding.hint, narrower=2)
        lines += [f"→ {first}", *(f"  {line}" for line in others)]
    click.echo(f"{level}  {finding.name:<{_NAME_COLUMNS}}  {lines[0]}")
    for line in lines[1:]:
        click.echo(" " * _INDENT + line)


def _wrapped(text: str, *, narrower: int = 0) -> list[str]:
    """Break a text at blanks only: paths and commands are copied from it."""
    width = shutil.get_terminal_size().columns - _INDENT - narrower
    return textwrap.wrap(
        printable(without_passwords(text)), max(width, 20), break_long_words=False, break_on_hyphens=False
    )


def _verdict(findings: Sequence[Finding]) -> str:
    """Return what it all comes to: `2 problems (git, runs), 1 warning (cache)`."""
    return ", ".join(_counts(findings)) or "all is well"


def _counts(findings: Sequence[Finding]) -> Iterator[str]:
    number = Counter(one.level for one in findings)
    for level, word in ((Level.ERROR, "problem"), (Level.WARNING, "warning")):
        if number[level]:
            names = ", ".join(one.name for one in findings if one.level is level)
            yield f"{counted(number[level], word)} ({names})"


def _entry(finding: Finding) -> dict[str, object]:
    return {
        "level": finding.level,
        "name": finding.name,
        "message": without_passwords(finding.message),
        "hint": finding.hint,
        "facts": finding.facts,
    }
