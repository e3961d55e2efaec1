"""The track of `scripts/bench claims`: claimers, a process each, that start together and are counted together.

`claims_race.py NAME` serves one contestant, the module `claims_NAME`, for the whole benchmark. It reads requests,
`["fill", url, jobs]` and `["race", way, url, claimers, claims, seconds]`, and answers each, in lines of JSON.
Contestants run under Pythons of different environments, so this module needs nothing that is not in every Python.

A contestant has a function `fill(url, jobs)`, which makes its tables and queues the jobs, in bulk, and one for each
way in which it is measured, `claim(url, lane)` or another: it opens one connection, and claims one job after the
other on it, for as long as `lane.wants_more()`.

The first claims of each process do not count: they prepare statements and fill caches. Then it waits for the others.
The race is over when all of them together have made so many claims, or when so much time has passed: nobody runs on
alone to the end of a share of its own.
"""

import importlib
import json
import multiprocessing
import sys
import time
from collections.abc import Callable, MutableSequence
from dataclasses import dataclass, field
from multiprocessing.connection import Connection
from multiprocessing.synchronize import Barrier

WARM_UP = 20
PATIENCE_SECONDS = 120


@dataclass
class Lane:
    """What one claimer knows of the race.

    Attributes:
        number: Of the claimer, from 0.
        made: How many claims each claimer has made since the start; each writes its own number only.
    """

    number: int
    claims: int
    seconds: float
    start: Barrier
    made: MutableSequence[int]
    ids: list[int] = field(default_factory=list)
    started: float = 0.0
    ended: float = 0.0

    def wants_more(self) -> bool:
        """Tell whether to claim once more; after the warm-up, wait for the others first."""
        if not self.started:
            if len(self.ids) < WARM_UP:
                return True
            self.start.wait(PATIENCE_SECONDS)
            # The clock is the machine's, the same for all processes.
            self.started = time.monotonic()
        self.ended = time.monotonic()
        return sum(self.made) < self.claims and self.ended < self.started + self.seconds

    def claimed(self, job: int) -> None:
        """Note one claim."""
        self.ids.append(job)
        if self.started:
            self.made[self.number] += 1


def race(claim: Callable[[str, Lane], None], url: str, claimers: int, claims: int, seconds: float) -> float:
    """Return how many claims per second were made, of so many claims (or a few more), or in so many seconds.

    Raises:
        ValueError: A job was claimed twice.
        EOFError: A claimer failed, and has said why.
    """
    # Forked, so that they have imported all they need.
    forking = multiprocessing.get_context("fork")
    start, made = forking.Barrier(claimers), forking.RawArray("Q", claimers)
    results, processes = [], []
    for number in range(claimers):
        receiver, sender = forking.Pipe(duplex=False)
        lane = Lane(number, claims, seconds, start, made)
        processes.append(forking.Process(target=_run, args=(claim, url, lane, sender), daemon=True))
        processes[-1].start()
        sender.close()
        results.append(receiver)
    try:
        lanes = [receiver.recv() for receiver in results]
    except EOFError:
        # The first one to be missed need not be the one that knows why.
        for process in processes:
            process.join()
        raise
    ids = [job for ids, _, _ in lanes for job in ids]
    if len(set(ids)) != len(ids):
        raise ValueError(f"{len(ids) - len(set(ids))} of {len(ids)} claims were of jobs that had been claimed")
    return sum(made) / (max(ended for _, _, ended in lanes) - min(started for _, started, _ in lanes))


def _run(claim: Callable[[str, Lane], None], url: str, lane: Lane, sender: Connection) -> None:
    try:
        claim(url, lane)
    except BaseException:
        # The others would wait for it in vain.
        lane.start.abort()
        raise
    sender.send((lane.ids, lane.started, lane.ended))


def main(name: str) -> None:
    contestant = importlib.import_module(f"claims_{name}")
    for line in sys.stdin:
        match json.loads(line):
            case ["fill", url, jobs]:
                answer = contestant.fill(url, jobs)
            case ["race", way, url, *limits]:
                answer = race(getattr(contestant, way), url, *limits)
            case unknown:
                raise ValueError(unknown)
        print(json.dumps(answer), flush=True)


if __name__ == "__main__":
    main(*sys.argv[1:])
