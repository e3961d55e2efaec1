import os
from pathlib import Path

import pytest

from supervisor.artifacts.atomic import write_atomically


def test_directories_are_made(tmp_path: Path) -> None:
    write_atomically(tmp_path / "a" / "b" / "run.json", b"new")
    assert (tmp_path / "a" / "b" / "run.json").read_bytes() == b"new"


def test_a_reader_keeps_the_old_file_whole(tmp_path: Path) -> None:
    path = tmp_path / "run.json"
    write_atomically(path, b"old and long")
    with path.open("rb") as reader:
        write_atomically(path, b"new")
        assert reader.read() == b"old and long"
    assert path.read_bytes() == b"new"
    assert path.stat().st_mode & 0o777 == 0o644
    assert os.listdir(tmp_path) == ["run.json"]  # noqa: PTH208 (hidden ones count)


def test_a_failed_write_leaves_the_old_file_and_nothing_else(tmp_path: Path) -> None:
    path = tmp_path / "run.json"
    write_atomically(path, b"old")
    with pytest.raises(TypeError):
        write_atomically(path, "text")  # type: ignore[arg-type]
    (tmp_path / "folder" / "inside").mkdir(parents=True)
    with pytest.raises(IsADirectoryError):
        write_atomically(tmp_path / "folder", b"new")
    assert path.read_bytes() == b"old"
    assert sorted(entry.name for entry in tmp_path.iterdir()) == ["folder", "run.json"]


def test_what_a_killed_writer_left_is_replaced_and_not_followed(tmp_path: Path) -> None:
    (tmp_path / "elsewhere").write_bytes(b"not ours")
    (tmp_path / ".run.json.new").symlink_to(tmp_path / "elsewhere")
    write_atomically(tmp_path / "run.json", b"new")
    assert (tmp_path / "run.json").read_bytes() == b"new"
    assert (tmp_path / "elsewhere").read_bytes() == b"not ours"
    assert sorted(entry.name for entry in tmp_path.iterdir()) == ["elsewhere", "run.json"]
