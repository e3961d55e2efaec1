"""Runs from beginning to end: what they leave, and what they leave alone."""

import shutil
from pathlib import Path
from typing import Any

import pytest

Archive = Any  # stands in conftest.py, which importlib mode keeps from being imported

REPORTED = {
    *("run_id", "status", "attempt", "commit", "error", "seconds", "artifacts", "database", "documents", "pages"),
    "resources",
}


def state_of(archive: Archive) -> tuple[Any, ...]:
    config = (archive.top / ".git/config").read_bytes()
    return config, archive.git("status", "--porcelain", "--ignored=no"), archive.git("branch", "--all", "-vv")


def test_three_runs_and_nothing_left_of_them(three: Archive) -> None:
    before = state_of(three)
    done = three.supervisor("--run-ids", "a,b,c", "--workers", "3", "--json")
    assert (done.code, done.document["exit_code"], done.document["session"]["status"]) == (0, 0, "completed")
    for run_id in "abc":
        run = done.runs[run_id]
        assert set(run) == REPORTED
        assert (run["status"], run["attempt"], run["error"]) == ("succeeded", 1, None)
        assert run["commit"] == three.git("rev-parse", "HEAD").strip()
        assert run["documents"] == {"total": 1, "succeeded": 1, "failed": 0}
        sources = {"ocr": 1, "text_layer": 0, "cache": 0, "blank": 0, "failed": 0}
        assert run["pages"] == {"total": 1, **sources, "weak": 0, "because": {"new": 1}}
        assert run["artifacts"] == str(three.runs / run_id)
        assert run["database"].startswith("sqlite:///")
        assert "harbour master" in three.text(run_id, f"scans/{run_id}.png")
        manifest = three.manifest(run_id)
        assert manifest["status"] == "succeeded"
        assert manifest["job_files"] == [f"ocr-jobs/{run_id}.toml"]
        assert three.recognised(run_id) == [f"scans/{run_id}.png"]
        assert not three.scratch(run_id)
    assert state_of(three) == before
    assert three.git("worktree", "list").count("\n") == 1
    assert list((three.runs / "workspaces").iterdir()) == []
    assert three.pins() == ""
    assert three.supervisor("locks", "--json").document["locks"] == []


def test_plain_lines_tell_what_goes_on_and_where_results_are(three: Archive) -> None:
    done = three.supervisor("--run-ids", "a,b", "--workers", "1")
    assert done.code == 0
    assert "a: recognising" in done.err
    assert "b: succeeded (1 of 1 document, 1 page: 1 recognised)" in done.err
    assert f"Results: {three.runs}/{{a,b}}/output\n" in done.out
    assert "\x1b" not in done.out + done.err


def test_quiet_says_nothing(three: Archive) -> None:
    done = three.supervisor("--run-ids", "a", "--quiet", "--per-run-sqlite")
    assert (done.code, done.out, done.err) == (0, "", "")


def test_again_is_the_next_attempt_and_replaces_the_output(three: Archive) -> None:
    assert three.supervisor("--run-ids", "a", "--quiet").code == 0
    three.git("mv", "scans/a.png", "scans/z.png")
    three.job("a", "scans/z.png")
    three.commit()
    done = three.supervisor("--run-ids", "a", "--json")
    assert done.runs["a"]["attempt"] == 2
    assert three.text("a", "scans/z.png")
    assert not (three.runs / "a/output/scans/a.png.txt").exists()


def test_job_files_by_name_by_folder_by_default_and_by_option(archive: Archive) -> None:
    archive.scan("one.png", "two.png", "three.png")
    archive.job("a/first", "one.png")
    archive.job("a/second", "two.png")
    archive.job("default", "three.png")
    archive.job("special", "two.png", extra='formats = ["txt"]')
    archive.commit()
    done = archive.supervisor("--run-ids", "a,night", "--workers", "2", "--json")
    assert done.code == 0
    assert archive.recognised("a") == ["one.png", "two.png"]
    assert archive.recognised("night") == ["three.png"]
    done = archive.supervisor("--run-ids", "x", "--job-file", "ocr-jobs/special.toml", "--json")
    assert done.code == 0
    # The page itself is known from the second of the jobs.
    assert [event["document"] for event in archive.events("x", "page_reused")] == ["two.png"]
    assert not (archive.runs / "x/output/two.png.tsv").exists()


def test_two_runs_at_refs_of_their_own(archive: Archive) -> None:
    archive.scan("page.png", lines=["An earlier reading"])
    archive.job("a", "page.png")
    archive.job("b", "page.png")
    first = archive.commit()
    archive.git("tag", "v1")
    archive.scan("page.png", lines=["A later reading"])
    second = archive.commit()
    done = archive.supervisor("--run-ids", "a@v1,b", "--workers", "2", "--json")
    assert done.code == 0
    assert (done.runs["a"]["commit"], done.runs["b"]["commit"]) == (first, second)
    assert "earlier" in archive.text("a", "page.png")
    assert "later" in archive.text("b", "page.png")


def test_working_tree_runs_what_is_not_committed_and_touches_neither_index_nor_branch(archive: Archive) -> None:
    archive.write("README", "letters")
    archive.commit()
    archive.scan("page.png")
    archive.job("a", "page.png")
    index = (archive.top / ".git/index").read_bytes()
    before = state_of(archive)
    done = archive.supervisor("--run-ids", "a", "--working-tree", "--json")
    assert done.code == 0
    assert "harbour" in archive.text("a", "page.png")
    assert state_of(archive) == before
    assert (archive.top / ".git/index").read_bytes() == index


def test_from_a_sub_directory_and_a_linked_worktree(three: Archive, tmp_path: Path) -> None:
    assert three.supervisor("--run-ids", "a", "--quiet", cwd=three.top / "scans").code == 0
    assert three.text("a", "scans/a.png")
    linked = tmp_path / "linked"
    three.git("worktree", "add", "--quiet", "-b", "side", str(linked))
    done = three.supervisor("--run-ids", "b", "--json", cwd=linked)
    assert done.code == 0
    # The runs of one repository are in one place, whichever of its work trees they are started from.
    assert done.runs["b"]["artifacts"] == str(three.runs / "b")
    assert three.git("status", "--porcelain", cwd=linked) == ""
    assert three.git("worktree", "list").count("\n") == 2


def test_a_bare_repository(three: Archive, tmp_path: Path) -> None:
    three.git("clone", "--quiet", "--bare", str(three.top), str(tmp_path / "bare.git"))
    bare = tmp_path / "bare.git"
    config = (bare / "config").read_bytes()
    done = three.supervisor("--repo", str(bare), "--run-ids", "a", "--json", cwd=tmp_path)
    assert done.code == 0
    runs = Path(done.runs["a"]["artifacts"]).parent
    assert runs.is_relative_to(bare)
    assert "harbour" in three.text("a", "scans/a.png", runs)
    assert (bare / "config").read_bytes() == config
    assert not three.held_locks(runs)
    refused = three.supervisor("--repo", str(bare), "--run-ids", "a", "--working-tree", "--json", cwd=tmp_path)
    assert refused.code == 2
    assert "bare" in refused.document["error"]["message"]


def test_a_shallow_clone_with_a_detached_head_as_ci_makes_it(three: Archive, tmp_path: Path) -> None:
    three.git("tag", "v1")
    three.scan("scans/a.png", lines=["A later reading"])
    three.commit()
    clone = tmp_path / "clone"
    three.git("clone", "--quiet", "--depth=1", "--no-tags", f"file://{three.top}", str(clone))
    three.git("checkout", "--quiet", "--detach", cwd=clone)
    three.git("branch", "--quiet", "-D", "main", cwd=clone)
    done = three.supervisor("--run-ids", "a,b@main", "--json", cwd=clone)
    assert done.code == 0
    assert "later" in three.text("a", "scans/a.png", clone / ".autonomous_runs")
    assert three.git("status", "--porcelain", cwd=clone) == ""
    lacking = three.supervisor("--run-ids", "a@v1", "--json", cwd=clone)
    assert lacking.code == 2
    assert "git fetch" in lacking.document["error"]["hint"]


@pytest.mark.parametrize("by", ["option", "variable"])
def test_a_runs_directory_elsewhere(three: Archive, tmp_path: Path, by: str) -> None:
    elsewhere = tmp_path / "elsewhere"
    arguments = ["--runs-dir", str(elsewhere)] if by == "option" else []
    environment = {"AUTONOMOUS_RUNS_DIR": str(elsewhere)} if by == "variable" else {}
    assert three.supervisor("--run-ids", "a", "--quiet", *arguments, **environment).code == 0
    assert three.text("a", "scans/a.png", elsewhere)
    assert not three.runs.exists()
    assert not three.held_locks(elsewhere)


def test_runs_go_on_when_the_repository_moves(three: Archive, tmp_path: Path) -> None:
    assert three.supervisor("--run-ids", "a", "--quiet").code == 0
    moved = tmp_path / "moved"
    shutil.move(three.top, moved)
    done = three.supervisor("--run-ids", "a", "--json", cwd=moved)
    assert done.code == 0
    assert done.runs["a"]["attempt"] == 2
