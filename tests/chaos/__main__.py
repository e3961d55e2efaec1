"""`scripts/chaos`: plays rounds, prints a line for each, and a tally in the end."""

import argparse
import random
import shutil
import signal
import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path
from types import FrameType

import pytest

from chaos.plan import DATABASES, KINDS, Database, Kind, Target, kinds_like, make_plan
from chaos.rounds import Round
from chaos.stage import Stage
from chaos.tally import complaint, line_of, tally
from support.small_disk import SmallDisk


def main(words: Sequence[str]) -> int:
    options = _options(words)
    seed = random.SystemRandom().randrange(10**6) if options.seed is None else options.seed
    try:
        kinds = [kind for pattern in options.only for kind in kinds_like(pattern)] or _possible_kinds()
        plans = [make_plan(one, _database(options.database, one), kinds) for one in range(seed, seed + options.rounds)]
    except ValueError as error:
        sys.exit(f"chaos: {error}")
    signal.signal(signal.SIGTERM, _interrupt)
    folder = Path(tempfile.mkdtemp(prefix="chaos-"))
    rounds: list[Round] = []
    try:
        with Stage(folder, jobs=options.jobs) as stage:
            print(f"seed {seed}, {len(plans)} rounds; undisturbed {stage.original.seconds:.1f} s", flush=True)
            for one in stage.play(plans):
                rounds.append(one)
                print(line_of(one), flush=True)
                if one.wrong:
                    only = "".join(f" --only {pattern}" for pattern in options.only)
                    again = f"scripts/chaos --rounds 1 --seed {one.plan.seed} --database {one.plan.database}{only}"
                    print(complaint(one, again), flush=True)
                else:
                    shutil.rmtree(one.folder)
    except KeyboardInterrupt:
        print("interrupted", file=sys.stderr)
        return 130
    finally:
        if not any(one.wrong for one in rounds):
            shutil.rmtree(folder)
        if rounds:
            print(f"\n{tally(rounds)}")
    return 1 if any(one.wrong for one in rounds) else 0


def _options(words: Sequence[str]) -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        prog="scripts/chaos",
        description="Strike runs at random moments, repeat the command until it succeeds, see that nothing is lost.",
        epilog=f"kinds of faults: {', '.join(KINDS)}",
    )
    parser.add_argument("--rounds", type=int, default=10, help="how many (default 10)")
    parser.add_argument("--seed", type=int, help="of the first round; each has the next one (default: a random one)")
    parser.add_argument("--only", action="append", default=[], metavar="KIND", help="a kind, or the beginning of some")
    parser.add_argument("--database", choices=[*DATABASES, "both"], default="both", help="default: both by turns")
    parser.add_argument("--jobs", type=int, default=1, help="how many rounds at a time (default 1)")
    return parser.parse_args(words)


def _possible_kinds() -> list[Kind]:
    """Return all kinds, but for a full disk where none can be mounted."""
    with tempfile.TemporaryDirectory(prefix="chaos-") as folder:
        try:
            SmallDisk(Path(folder), 1_000_000).unmount()
        except pytest.skip.Exception as refusal:
            print(f"no disk is filled: {refusal}", file=sys.stderr)
            return [kind for kind in KINDS.values() if kind.target is not Target.DISK]
    return list(KINDS.values())


def _database(chosen: str, seed: int) -> Database:
    """Return what a round uses; of both it is the seed that says which, so that a round stays the same alone."""
    by_turns = DATABASES[seed % len(DATABASES)]
    return next((name for name in DATABASES if name == chosen), by_turns)


def _interrupt(_number: int, _frame: FrameType | None) -> None:
    raise KeyboardInterrupt


sys.exit(main(sys.argv[1:]))
