"""Going on with runs that were paused, or left behind: on the commit and with the jobs that stand in their rows."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace

from supervisor.board.progress import RunProgress
from supervisor.board.report import report_runs
from supervisor.executor.spec import RunSpec, SpecError
from supervisor.model.states import RunStatus
from supervisor.store import sessions
from supervisor.store.claims import Scope
from supervisor.store.engine import transaction
from supervisor.store.runs import RunRow
from supervisor.supervision.control.changes import Answer, Effect, go_on
from supervisor.supervision.control.takeover import Taken, choose, holders, take, without_holder
from supervisor.supervision.duty import on_duty, said_as_stopped
from supervisor.supervision.errand import NamedRuns
from supervisor.supervision.execution import conclude, execute
from supervisor.supervision.outcome import ResumeOutcome
from supervisor.supervision.person import user_name
from supervisor.supervision.planning.planner import PlannedRun
from supervisor.supervision.rescue import Rescuer
from supervisor.supervision.staff import Staff
from supervisor.supervision.workshop import Workshop


def resume(
    shop: Workshop, repository: str, names: Sequence[str], check: Callable[[Sequence[PlannedRun]], None]
) -> ResumeOutcome:
    """Let go on what is named, or what there is; execute what nobody who lives serves, until it has ended.

    Args:
        shop: Where it happens.
        repository: Whose runs they are.
        names: Runs and sessions; none: see `takeover.choose`.
        check: Raises if the surroundings lack what runs need that are about to be executed here.
    """
    targets = choose(shop, repository, names)
    if not targets:
        return ResumeOutcome()
    left = without_holder(shop, [row for target in targets for row in target.unfinished])
    planned = {row.id: planned for row in left if (planned := _planned(shop, row))}
    if left:
        check(list(planned.values()))
    answers = go_on(shop, targets, actor=user_name())
    rows = [one.row.id for answer in answers for one in answer.changes if one.effect is Effect.RESUMED]
    if not left:
        return ResumeOutcome(_with_holders(answers, holders(shop, rows)))
    shop = replace(shop, me=replace(shop.me, desired_workers=min(shop.me.desired_workers, len(left))))
    with on_duty(shop):
        taken = take(shop, repository, rows, actor=user_name())
        number = _execute(shop, repository, taken, planned) if taken.rows else None
    with said_as_stopped(number):
        reports = report_runs(shop.engine, shop.databases, shop.runs_directory, [row.id for row in taken.rows])
        with transaction(shop.engine) as connection:
            ended = [sessions.get(connection, session_id) for session_id in taken.sessions]
        return ResumeOutcome(_with_holders(answers, taken.holders), reports, ended, number)


def _execute(shop: Workshop, repository: str, taken: Taken, planned: Mapping[int, PlannedRun]) -> int | None:
    progress = {}
    for row in taken.rows:
        run = planned.get(row.id)
        if run is not None:
            shop.note(f"run {row.run_id}: {', '.join(run.spec.job_files)} at commit {row.commit_sha[:12]}")
        documents = len(run.spec.documents) if run else 0
        progress[row.id] = shop.show(RunProgress(row.run_id, RunStatus.QUEUED, "queued", documents=documents))
    moving, staying = taken.moving, set(progress) - taken.moving
    # Without a session that they come into, the rows alone are watched.
    watched = Scope(taken.gathered_in, [repository]) if taken.gathered_in else Scope(None, [])
    rescuer = Rescuer(shop, watched, moving, beside=staying)
    staff = Staff(shop, Scope(taken.sessions[0], [repository]), taken.worker_ids)
    number = execute(shop, repository, NamedRuns(shop, progress, taken.sessions), rescuer, staff)
    if taken.gathered_in is not None:
        conclude(shop, taken.gathered_in, number)
    return number


def _planned(shop: Workshop, row: RunRow) -> PlannedRun | None:
    """Return a run as it was planned; None for what another program stored: it fails when it is claimed."""
    try:
        return PlannedRun(row.run_id, row.commit_sha, RunSpec.from_json(row.spec))
    except SpecError as error:
        shop.warn(str(error), of=row)
        return None


def _with_holders(answers: Sequence[Answer], served_by: Mapping[int, str]) -> list[Answer]:
    """Return answers in which those are named who serve the runs, and nobody for those that are ours."""
    return [
        replace(answer, changes=[replace(one, holder=served_by.get(one.row.id)) for one in answer.changes])
        for answer in answers
    ]
