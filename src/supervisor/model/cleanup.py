"""What a cleanup removes, and what it keeps and why: facts in, actions out."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path


@dataclass(frozen=True)
class Policy:
    """What somebody wants to be cleaned up.

    Attributes:
        days: Only what has been at rest for so long; None for everything at rest.
        artifacts: Also the folders of ended runs; needs `days`.
        trash: Also what was saved so long ago; needs `days`.
        force: Also workspaces with work in them, which is saved first.
    """

    days: int | None = None
    artifacts: bool = False
    trash: bool = False
    force: bool = False

    def __post_init__(self) -> None:
        """Refuse to remove what is wanted until it is old, whatever its age.

        Raises:
            ValueError: No age is given.
        """
        if self.days is None and (self.artifacts or self.trash):
            raise ValueError("artifacts and what was saved are removed by age alone")


@dataclass(frozen=True)
class Rest:
    """Since when nothing happens any more, and what tells so.

    Attributes:
        witness: As in "its run ended" or "it was made".
    """

    since: datetime
    witness: str


@dataclass(frozen=True)
class WorkspaceFacts:
    """A workspace as it was found.

    Attributes:
        in_use: Why nobody may remove it, whatever is asked; None if nobody needs it.
        work: What would be lost, a phrase each.
        obstacles: Why that cannot be saved, a phrase each.
    """

    run_id: str
    path: Path
    in_use: str | None
    rest: Rest
    work: tuple[str, ...]
    obstacles: tuple[str, ...]
    size_bytes: int


@dataclass(frozen=True)
class ArtifactFacts:
    """The folder of a run as it was found.

    Attributes:
        in_use: Why nobody may remove it; None if nobody needs it.
        rest: None if no end of the run is on record.
        ours: What is in it that we have made.
        others: What else is in it.
        size_bytes: Of what is ours.
    """

    run_id: str
    path: Path
    in_use: str | None
    rest: Rest | None
    ours: tuple[Path, ...]
    others: tuple[Path, ...]
    size_bytes: int


@dataclass(frozen=True)
class TrashFacts:
    """Something that was saved."""

    ref: str
    commit: str
    saved_at: datetime


@dataclass(frozen=True)
class Facts:
    """Everything that a cleanup looks at.

    Attributes:
        unknown: What lies in the runs directory and is not ours.
    """

    workspaces: Sequence[WorkspaceFacts] = ()
    artifacts: Sequence[ArtifactFacts] = ()
    trash: Sequence[TrashFacts] = ()
    unknown: Sequence[Path] = ()


@dataclass(frozen=True)
class Keep:
    """Leave it alone.

    Attributes:
        young: Whether that is for its age alone.
    """

    path: Path
    reason: str
    young: bool = False


@dataclass(frozen=True)
class RemoveWorkspace:
    """Remove a workspace; if there is `work` in it, save it first."""

    run_id: str
    path: Path
    rest: Rest
    work: tuple[str, ...]
    size_bytes: int


@dataclass(frozen=True)
class RemoveArtifacts:
    """Remove what a run has made.

    Attributes:
        paths: The run's folder, or what is ours in it.
    """

    run_id: str
    folder: Path
    paths: tuple[Path, ...]
    rest: Rest
    size_bytes: int


@dataclass(frozen=True)
class DropTrash:
    """Forget what was saved."""

    ref: str
    commit: str
    saved_at: datetime


Action = Keep | RemoveWorkspace | RemoveArtifacts | DropTrash


def plan(facts: Facts, policy: Policy, at: datetime) -> list[Action]:
    """Return what is to be done, in the order in which it is done."""
    return [
        *(plan_workspace(one, policy, at) for one in facts.workspaces),
        *(action for one in facts.artifacts for action in plan_artifacts(one, policy, at)),
        *(
            DropTrash(one.ref, one.commit, one.saved_at)
            for one in facts.trash
            if _age(one.saved_at, policy, at) is None
        ),
        *(Keep(path, "it is not ours") for path in facts.unknown),
    ]


def plan_workspace(facts: WorkspaceFacts, policy: Policy, at: datetime) -> Keep | RemoveWorkspace:
    """Return what becomes of a workspace."""
    if facts.in_use is not None:
        return Keep(facts.path, facts.in_use)
    if facts.work and not policy.force:
        return Keep(facts.path, "; ".join(facts.work))
    young = _age(facts.rest.since, policy, at)
    if young is not None:
        return Keep(facts.path, f"{facts.rest.witness} {young}", young=True)
    if facts.work and facts.obstacles:
        return Keep(facts.path, "; ".join(facts.obstacles))
    return RemoveWorkspace(facts.run_id, facts.path, facts.rest, facts.work, facts.size_bytes)


def plan_artifacts(facts: ArtifactFacts, policy: Policy, at: datetime) -> Iterator[Keep | RemoveArtifacts]:
    """Yield what becomes of a run's folder."""
    if facts.in_use is not None:
        yield Keep(facts.path, facts.in_use)
        return
    if facts.rest is None:
        yield Keep(facts.path, "no run of that name is on record here")
        return
    young = _age(facts.rest.since, policy, at)
    if young is not None:
        yield Keep(facts.path, f"{facts.rest.witness} {young}", young=True)
        return
    if facts.ours or not facts.others:
        paths = facts.ours if facts.others else (facts.path,)
        yield RemoveArtifacts(facts.run_id, facts.path, paths, facts.rest, facts.size_bytes)
    yield from (Keep(path, "it is not ours") for path in facts.others)


def _age(since: datetime, policy: Policy, at: datetime) -> str | None:
    """Return how short a time ago that was; None if it is long enough."""
    age = at - since
    if policy.days is None or age >= timedelta(days=policy.days):
        return None
    hours = int(age.total_seconds() // 3600)
    if hours < 1:
        return "less than an hour ago"
    return f"{hours // 24} days ago" if hours >= 48 else f"{hours} hours ago" if hours > 1 else "1 hour ago"
