"""How long `supervisor --help` takes, against the interpreter alone."""

import subprocess
import sys
import time
from pathlib import Path
from statistics import median


def milliseconds(*command: str) -> float:
    before = time.perf_counter()
    subprocess.run(command, check=True, stdout=subprocess.DEVNULL)
    return (time.perf_counter() - before) * 1000


def main() -> None:
    rounds = int(sys.argv[1])
    supervisor = str(Path(sys.executable).with_name("supervisor"))
    bare: list[float] = []
    ours: list[float] = []
    for _ in range(rounds):
        bare.append(milliseconds(sys.executable, "-c", "pass"))
        ours.append(milliseconds(supervisor, "--help"))
    print(f"{rounds} interleaved rounds: median (lowest to highest)")
    for name, values in (("python -c pass", bare), ("supervisor --help", ours)):
        print(f"  {name:<18} {median(values):5.0f} ms  ({min(values):.0f} to {max(values):.0f})")
    print(f"  difference         {median(ours) - median(bare):5.0f} ms")


if __name__ == "__main__":
    main()
