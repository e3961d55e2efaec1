"""Results that are just those of an earlier attempt: the same file under a second name."""

from pathlib import Path

from supervisor.ocr.formats.outputs import write_outputs


def written(folder: Path, content: bytes, *, earlier: Path | None = None, name: str = "a/b.png") -> Path:
    folder.mkdir(exist_ok=True)
    write_outputs(folder, name, {"txt": content}, earlier_dir=earlier)
    return folder / f"{name}.txt"


def test_what_is_the_same_is_linked_and_what_is_not_is_written(tmp_path: Path) -> None:
    before = written(tmp_path / "before", b"same")
    same = written(tmp_path / "same", b"same", earlier=tmp_path / "before")
    assert same.samefile(before)
    for number, content in enumerate([b"else", b"same and more", b""]):
        other = written(tmp_path / f"other{number}", content, earlier=tmp_path / "before")
        assert (other.read_bytes(), before.read_bytes()) == (content, b"same")


def test_links_and_missing_things_in_the_earlier_results_are_passed_over(tmp_path: Path) -> None:
    outside = tmp_path / "outside.txt"
    outside.write_bytes(b"same")
    before = tmp_path / "before"
    (before / "a").mkdir(parents=True)
    (before / "a" / "b.png.txt").symlink_to(outside)
    (before / "linked").symlink_to(tmp_path, target_is_directory=True)
    for name in ("a/b.png", "linked/outside", "missing/b.png"):
        result = written(tmp_path / "after", b"same", earlier=before, name=name)
        assert result.read_bytes() == b"same"
        assert not result.is_symlink()
        assert not result.samefile(outside)
    assert not (before / "missing").exists()


def test_a_file_that_is_linked_is_replaced_and_never_written_into(tmp_path: Path) -> None:
    before = written(tmp_path / "before", b"same")
    written(tmp_path / "after", b"same", earlier=tmp_path / "before")
    written(tmp_path / "after", b"new", earlier=tmp_path / "before")
    assert before.read_bytes() == b"same"
    assert (tmp_path / "after" / "a/b.png.txt").read_bytes() == b"new"
