import os
import shutil
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from supervisor.artifacts.layout import RunDirectory
from supervisor.artifacts.publish import drop_staged, drop_term, publish_output

OLD = {"output/scans/a.tiff.txt": "old a", "output/gone.tsv": "old"}
NEW = {"output/scans/a.tiff.txt": "new a", "output/c.pdf.txt": "new c"}
# The audit events of what changes a directory; opening and listing change nothing.
CHANGES = frozenset({"os.rename", "os.rmdir", "os.remove", "os.mkdir", "shutil.rmtree"})


class Interrupted(BaseException):
    """Stands for the end of the process: nothing catches it."""


class Interruptions:
    """Ends the process, as it were, just before its n-th change of a directory."""

    def __init__(self) -> None:
        self.awake = False
        self.left: int | None = None
        self.seen = 0

    def __call__(self, event: str, _arguments: tuple[object, ...]) -> None:
        if not self.awake or event not in CHANGES:
            return
        self.seen += 1
        if self.left is not None and self.seen > self.left:
            raise Interrupted

    @contextmanager
    def before_change(self, number: int | None) -> Iterator[None]:
        self.awake, self.left, self.seen = True, number, 0
        try:
            yield
        finally:
            self.awake = False


@pytest.fixture(scope="session")
def interruptions() -> Interruptions:
    hook = Interruptions()
    sys.addaudithook(hook)  # cannot be taken away again; it sleeps outside `before_change`
    return hook


def fill(root: Path, files: dict[str, str]) -> None:
    for name, content in files.items():
        (root / name).parent.mkdir(parents=True, exist_ok=True)
        (root / name).write_text(content)


def contents(root: Path) -> dict[str, str]:
    return {str(path.relative_to(root)): path.read_text() for path in root.rglob("*") if path.is_file()}


def under_output(root: Path) -> dict[str, str]:
    return {f"output/{name}": text for name, text in contents(root).items()}


@pytest.fixture
def make_run(tmp_path: Path) -> Callable[[bool], RunDirectory]:
    def make(has_output: bool) -> RunDirectory:
        root = tmp_path / "letters"
        shutil.rmtree(root, ignore_errors=True)
        run = RunDirectory(root)
        fill(run.staging(2), NEW)
        fill(run.staging(1), {"output/scans/a.tiff.txt": "half", "output/stale.txt": "stale"})
        if has_output:
            fill(root, OLD)
        return run

    return make


def publish_and_drop(run: RunDirectory) -> None:
    """As who ends the run does, and then who settles it."""
    publish_output(run, 2)
    drop_staged(run)


def is_clean(run: RunDirectory) -> bool:
    return os.listdir(run.root) == ["output"]  # noqa: PTH208 (hidden ones count)


@pytest.mark.parametrize("has_output", [True, False])
def test_output_is_replaced_as_a_whole(make_run: Callable[[bool], RunDirectory], *, has_output: bool) -> None:
    run = make_run(has_output)
    for _ in range(2):
        publish_output(run, 2)
        assert under_output(run.output) == NEW
    assert not run.staging(2).joinpath("output").exists()
    for _ in range(2):
        drop_staged(run)
        assert contents(run.root) == NEW
        assert is_clean(run)


@pytest.mark.parametrize("has_output", [True, False])
def test_interrupted_anywhere_and_done_again_it_gives_the_same(
    make_run: Callable[[bool], RunDirectory], interruptions: Interruptions, *, has_output: bool
) -> None:
    run = make_run(has_output)
    with interruptions.before_change(None):
        publish_and_drop(run)
    changes = interruptions.seen
    assert changes >= 5
    for number in range(changes):
        for again in (None, 0, 1, 2):  # interrupted a second time, too
            run = make_run(has_output)
            with pytest.raises(Interrupted), interruptions.before_change(number):
                publish_and_drop(run)
            # Whatever happens from here on, the new results are there in one place and whole.
            places = [place for place in (run.staging(2) / "output", run.output) if place.is_dir()]
            assert under_output(places[0]) == NEW, number
            assert under_output(run.output) in ({}, OLD, NEW), "a reader sees half of one"
            if again is not None:
                try:
                    with interruptions.before_change(again):
                        publish_and_drop(run)
                except Interrupted:
                    pass  # it is done once more below
            publish_and_drop(run)
            assert contents(run.root) == NEW, number
            assert is_clean(run)


@pytest.mark.parametrize("has_output", [True, False])
def test_whatever_was_interrupted_the_next_term_begins_with_whole_output_and_nothing_staged(
    make_run: Callable[[bool], RunDirectory], interruptions: Interruptions, *, has_output: bool
) -> None:
    run = make_run(has_output)
    with interruptions.before_change(None):
        publish_and_drop(run)
    for number in range(interruptions.seen):
        run = make_run(has_output)
        with pytest.raises(Interrupted), interruptions.before_change(number):
            publish_and_drop(run)
        drop_staged(run)
        assert contents(run.root) in ([OLD, NEW] if has_output else [{}, NEW]), number
        drop_staged(run)
        assert not (run.root / ".staging").exists()


def test_what_was_staged_and_not_published_goes_and_the_older_output_stays(
    make_run: Callable[[bool], RunDirectory],
) -> None:
    run = make_run(True)
    drop_staged(run)
    assert contents(run.root) == OLD
    assert is_clean(run)


def test_results_are_replaced_again_though_nobody_has_settled_what_was_before(
    make_run: Callable[[bool], RunDirectory],
) -> None:
    run = make_run(True)
    publish_output(run, 2)
    fill(run.staging(3), {"output/newest.txt": "newest"})
    publish_output(run, 3)
    assert under_output(run.output) == {"output/newest.txt": "newest"}


def test_a_term_that_staged_nothing_leaves_the_older_output(make_run: Callable[[bool], RunDirectory]) -> None:
    run = make_run(True)
    publish_output(run, 3)
    assert under_output(run.output) == OLD


def test_an_attempt_that_made_nothing_has_an_empty_output(tmp_path: Path) -> None:
    run = RunDirectory(tmp_path)
    publish_output(run, 1)
    assert run.output.is_dir()
    assert contents(run.root) == {}


def test_who_has_lost_a_run_drops_nothing_of_its_new_holder(make_run: Callable[[bool], RunDirectory]) -> None:
    run = make_run(True)
    drop_term(run, 1)
    drop_term(run, 1)
    assert not run.staging(1).exists()
    assert under_output(run.staging(2) / "output") == NEW
    assert under_output(run.output) == OLD
