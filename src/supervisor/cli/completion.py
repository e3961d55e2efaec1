"""`supervisor completion`: what shells need to complete command lines, and the answers that they get."""

import os
import sys
from pathlib import Path
from typing import NoReturn

import click
from click.shell_completion import BashComplete, FishComplete, ZshComplete

VARIABLE = "_SUPERVISOR_COMPLETE"
"""Set by a shell that asks what may come next; see https://click.palletsprojects.com/shell-completion."""
_JOB_FILES = "ocr-jobs"


class _Bash(BashComplete):
    """As click has it, but that titles with spaces are one word, and that --option=value is understood."""

    source_template = """\
%(complete_func)s() {
    local index kind value words=() current=$COMP_CWORD
    for index in "${!COMP_WORDS[@]}"; do
        # The shell takes the = after an option for a word.
        if [[ ${COMP_WORDS[index]} != "=" ]]; then
            words+=("${COMP_WORDS[index]}")
        elif ((index < COMP_CWORD)); then
            ((current--))
        fi
    done
    COMPREPLY=()
    while IFS=, read -r kind value; do
        case $kind in
            dir) compopt -o dirnames ;;
            file) compopt -o default ;;
            plain)
                # Within quotes the shell quotes by itself.
                [[ ${COMP_WORDS[COMP_CWORD]} == [\\"\\']* ]] || printf -v value %%q "$value"
                COMPREPLY+=("${value//\\\\,/,}")
                ;;
        esac
    done < <(
        IFS=$'\\n'
        COMP_WORDS="${words[*]}" COMP_CWORD=$current %(complete_var)s=bash_complete "$1" 2>/dev/null
    )
}

# Before bash 4.4 there is no nosort.
complete -o nosort -F %(complete_func)s %(prog_name)s 2>/dev/null || complete -F %(complete_func)s %(prog_name)s
"""

    @staticmethod
    def _check_version() -> None:
        """Let be: the script copes, and click would start a bash for it."""


_SHELLS = {"bash": _Bash, "zsh": ZshComplete, "fish": FishComplete}


@click.command()
@click.argument("shell", type=click.Choice(list(_SHELLS)))
@click.pass_context
def completion(ctx: click.Context, /, *, shell: str) -> int:
    """Print a script that lets a shell complete commands, options, run ids and titles of sessions.

    To install it, add one line to the file that your shell begins with:

    \b
      bash, in ~/.bashrc:                   eval "$(supervisor completion bash)"
      zsh, in ~/.zshrc, after compinit:     eval "$(supervisor completion zsh)"
      fish, in ~/.config/fish/config.fish:  supervisor completion fish | source
    """  # noqa: D301 (click wants the character, to leave the lines below it as they are)
    root = ctx.find_root()
    click.echo(_SHELLS[shell](root.command, {}, root.info_name or "", VARIABLE).source())
    return 0


def answer(cli: click.Command, prog_name: str) -> NoReturn:
    """Tell a shell what may come next, and end.

    Whatever goes wrong, nothing is said: the person at the terminal has asked for nothing yet.
    """
    os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stderr.fileno())
    try:
        cli.main([], prog_name=prog_name, complete_var=VARIABLE, standalone_mode=False)
    except Exception:  # noqa: BLE001 (as it says above)
        sys.exit(1)
    sys.exit(0)


def run_ids_with_jobs(ctx: click.Context, param: click.Parameter, incomplete: str) -> list[str]:  # noqa: ARG001 (given)
    """Complete the last of some run ids, by the job files of the work tree."""
    before, comma, begun = incomplete.rpartition(",")
    top = next((folder for folder in (Path.cwd(), *Path.cwd().parents) if (folder / ".git").exists()), None)
    files = [] if top is None else (top / _JOB_FILES).glob("*")
    names = sorted(file.stem for file in files if file.suffix == ".toml" or file.is_dir())
    taken = before.split(",")
    return [f"{before}{comma}{name}" for name in names if name.startswith(begun) and name not in taken]
