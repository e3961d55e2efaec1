"""What `--help` says, of every command there is."""

from collections.abc import Iterator

import click
import pytest
from click.testing import CliRunner

from supervisor.cli.main import cli


def commands(command: click.Command, *path: str) -> Iterator[tuple[tuple[str, ...], click.Command]]:
    yield path, command
    if isinstance(command, click.Group):
        context = click.Context(command)
        for name in command.list_commands(context):
            below = command.get_command(context, name)
            assert below is not None
            yield from commands(below, *path, name)


COMMANDS = dict(commands(cli))


@pytest.mark.parametrize("path", COMMANDS, ids=" ".join)
def test_nothing_is_cut_or_bracketed_twice(path: tuple[str, ...]) -> None:
    done = CliRunner().invoke(cli, [*path, "--help"])
    assert done.exit_code == 0
    usage, *lines = done.output.splitlines()
    assert usage.startswith("Usage: ")
    assert [line for line in lines if line.endswith("...")] == []
    assert [line for line in (usage, *lines) if len(line) > 80] == []
    assert "[default: (" not in " ".join(done.output.split())


@pytest.mark.parametrize("path", COMMANDS, ids=" ".join)
def test_every_option_is_described(path: tuple[str, ...]) -> None:
    options = [param for param in COMMANDS[path].params if isinstance(param, click.Option)]
    assert [option.name for option in options if not option.help] == []


@pytest.mark.parametrize("path", [(), ("start",), ("work",), ("try",)], ids=" ".join)
def test_page_processes_are_as_many_everywhere(path: tuple[str, ...]) -> None:
    done = CliRunner().invoke(cli, [*path, "--help"])
    assert "[default: the machine's OCR slots, at least 2]" in " ".join(done.output.split())
