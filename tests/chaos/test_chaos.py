"""Every kind of fault once, in rounds of several; `scripts/chaos` plays as many as wanted, at random."""

from collections.abc import Iterator

import pytest

from chaos.plan import KINDS, make_plan
from chaos.stage import Stage
from chaos.tally import complaint

# The first one waits for the undisturbed run, too.
pytestmark = pytest.mark.timeout(400)
FEW_LINES = 4
# What ends a command stands after what does not: the next one is struck by what follows.
ROUNDS = {
    "page processes": """
        tesseract-kill page-process-stop tesseract-term page-process-kill page-process-leave-stopped decoder-server-term
    """,
    "executors": "executor-stop page-process-term executor-term executor-leave-stopped decoder-server-kill",
    "supervisors": "supervisor-stop supervisor-term fork-server-kill supervisor-kill supervisor-int",
    "files": """
        fork-server-stop workspace-file-remove disk-fill workspace-remove executor-kill tesseract-leave-stopped
        decoder-server-stop
    """,
    "a server": """
        connections-end fork-server-term backend-stop postmaster-end decoder-server-leave-stopped tesseract-stop
    """,
    "a crashed server": "backend-kill postmaster-stop postmaster-kill fork-server-leave-stopped everything-kill",
}


@pytest.fixture(scope="module")
def stage(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stage]:
    with Stage(tmp_path_factory.mktemp("chaos"), lines=FEW_LINES) as made:
        yield made


@pytest.mark.parametrize("name", ROUNDS)
def test_nothing_is_lost(name: str, stage: Stage) -> None:
    kinds = [KINDS[kind] for kind in ROUNDS[name].split()]
    seed = list(ROUNDS).index(name)
    plan = make_plan(seed, "postgres" if "server" in name.split() else "sqlite", kinds, each=True)
    (one,) = stage.play([plan])
    assert not one.wrong, complaint(one, f"scripts/test {__file__} -k {name!r}")


def test_every_kind_has_its_turn() -> None:
    assert sorted(" ".join(ROUNDS.values()).split()) == sorted(KINDS)
