"""What many rounds come to."""

from collections.abc import Sequence

from chaos.archive import signal_name
from chaos.plan import KINDS
from chaos.rounds import Round


def line_of(one: Round) -> str:
    """Return a round as one line."""
    faults = ", ".join(kind.name for kind in one.struck) or "nothing"
    missed = f" (no longer: {', '.join(kind.name for kind in one.missed)})" if one.missed else ""
    return (
        f"seed {one.plan.seed:<6} {one.plan.database:8} {'WRONG' if one.wrong else 'ok':5} {one.seconds:5.1f} s  "
        f"{' '.join(map(signal_name, one.codes)):12} {one.recognised:3} pages  {faults}{missed}"
    )


def complaint(one: Round, again: str) -> str:
    """Return all that is wrong with a round, its plan, and how to make it again."""
    return "\n".join(
        [
            *(f"  wrong: {wrong}" for wrong in one.wrong),
            *(f"  plan:  {fault}" for fault in one.plan.faults),
            f"  again: {again}",
            f"  files: {one.folder}",
        ]
    )


def tally(rounds: Sequence[Round]) -> str:
    """Return a table by kind of fault, and the sums."""
    lines = [f"{'fault':24} rounds  missed  commands  recognised  wrong"]
    for name, kind in KINDS.items():
        with_it = [one for one in rounds if kind in one.struck]
        missed = sum(kind in one.missed for one in rounds)
        if with_it or missed:
            lines.append(_row(name, with_it, missed))
    lines.append(_row("all", rounds, sum(len(one.missed) for one in rounds)))
    return "\n".join(lines)


def _row(name: str, rounds: Sequence[Round], missed: int) -> str:
    commands = sum(len(one.codes) for one in rounds)
    recognised = sum(one.recognised for one in rounds)
    return (
        f"{name:24} {len(rounds):6} {missed:7} {commands:9} {recognised:11} {sum(bool(one.wrong) for one in rounds):6}"
    )
