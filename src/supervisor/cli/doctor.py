"""`supervisor doctor`: whether all that runs need is there, and how busy the machine is."""

import os
import shutil
import textwrap

import click

from supervisor.cli.options import Location, located
from supervisor.cli.output import print_json, without_passwords
from supervisor.errors import SurroundingsError
from supervisor.model.paths import printable
from supervisor.supervision.checkup.checkup import examine
from supervisor.supervision.checkup.findings import Finding, Level, Surroundings

_COLOURS = {Level.OK: "green", Level.WARNING: "yellow", Level.ERROR: "red"}
_NAME_WIDTH = len("repository")


@click.command()
@located
def doctor(*, where: Location) -> int:
    """Look at what runs need: OCR slots, memory, programs, directories, the database.

    Exit code 4 if something is missing or wrong, 0 if there are only warnings.
    """
    surroundings = Surroundings(os.environ, where.repo, where.runs_dir, where.database_url)
    findings = []
    for finding in examine(surroundings):
        findings.append(finding)
        if not where.as_json:
            _print(finding)
    code = SurroundingsError.exit_code if any(one.level is Level.ERROR for one in findings) else 0
    if where.as_json:
        print_json({"schema": "supervisor.doctor/1", "findings": [_entry(one) for one in findings], "exit_code": code})
    return code


def _print(finding: Finding) -> None:
    level = click.style(f"{finding.level:<8}", fg=_COLOURS[finding.level])
    lines = _wrapped(finding.message) + [f"  {printable(line)}" for line in finding.lines]
    if finding.hint:
        first, *others = _wrapped(finding.hint)
        lines += [f"→ {first}", *(f"  {line}" for line in others)]
    click.echo(f"{level} {finding.name:<{_NAME_WIDTH}} {lines[0]}")
    for line in lines[1:]:
        click.echo(" " * (_NAME_WIDTH + 10) + line)


def _wrapped(text: str) -> list[str]:
    """Break a text at blanks only: paths and commands are copied from it."""
    width = shutil.get_terminal_size().columns - _NAME_WIDTH - 12
    return textwrap.wrap(
        printable(without_passwords(text)), max(width, 20), break_long_words=False, break_on_hyphens=False
    )


def _entry(finding: Finding) -> dict[str, object]:
    return {
        "level": finding.level,
        "name": finding.name,
        "message": without_passwords(finding.message),
        "hint": finding.hint,
        "facts": finding.facts,
    }
