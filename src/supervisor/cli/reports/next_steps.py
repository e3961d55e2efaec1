"""What to type after runs have ended, or were stopped: the next command for whatever needs somebody."""

from collections.abc import Sequence

from supervisor.board.progress import counted
from supervisor.board.report import RunReport
from supervisor.model.states import RunStatus

Step = tuple[Sequence[str], str]
AGAIN = "again, once mended; known pages are reused"
_NAMED = 5


def next_steps(runs: Sequence[RunReport], *, go_on: str, location: Sequence[str]) -> list[Step]:
    """Return the words of commands and what they are good for, the most urgent first; nothing if all is well.

    Args:
        runs: As they stand now; of those with the same id the last one counts.
        go_on: The command that goes on with what was stopped: `resume` or `work`.
        location: The words that make a command work where this one did.
    """

    def step(words: Sequence[str], reason: str) -> Step:
        return ["supervisor", *words, *location], reason

    runs = list({run.run_id: run for run in runs}.values())
    failed = [run for run in runs if run.status is RunStatus.FAILED]
    lossy = sorted((run for run in failed if run.failed_documents), key=lambda run: -len(run.failed_documents))
    broken = [run for run in failed if not run.failed_documents]
    weak = sorted((run for run in runs if run.pages.weak), key=lambda run: -run.pages.weak)
    stopped = [run.run_id for run in runs if run.status is RunStatus.QUEUED and run.resume is None]
    paused = dict.fromkeys(run.resume for run in runs if run.resume is not None)
    steps = []
    if broken:
        steps.append(step(["logs", broken[0].run_id], f"why it failed{_also(broken)}"))
    if lossy:
        what = counted(len(lossy[0].failed_documents), "document")
        too = f", {counted(lossy[0].pages.weak, 'weak page')}" if lossy[0].pages.weak else ""
        steps.append(step(["show", lossy[0].run_id], f"{what} failed{too}{_also(lossy)}"))
    if weak and weak[0] not in lossy[:1]:
        what = counted(weak[0].pages.weak, "weak page")
        steps.append(step(["show", weak[0].run_id], f"{what} to look at{_also(weak)}"))
    if paused:
        steps.append(step(["resume", *paused], "what is paused goes on"))
    if stopped:
        names = stopped if go_on == "resume" and len(stopped) <= _NAMED else []
        steps.append(step([go_on, *names], "what was stopped goes on where it was"))
    if failed:
        again = ",".join(run.run_id for run in failed)
        steps.append(step(["--run-ids", again], AGAIN))
    return steps


def _also(runs: Sequence[RunReport]) -> str:
    """Name the other runs of which the same is true."""
    others = [run.run_id for run in runs[1:]]
    if not others:
        return ""
    more = f" and {len(others) - _NAMED} more" if len(others) > _NAMED else ""
    return f"; also {', '.join(others[:_NAMED])}{more}"
