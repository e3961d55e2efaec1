import os
from pathlib import Path

import pytest

from supervisor.git.repository import Repository
from supervisor.model.repository_path import RepositoryPathError
from supervisor.supervision.sessions.lockable import lockable


def test_one_path_is_no_list_of_letters(repository: Repository) -> None:
    for one in ("./scans//a.tiff", b"scans/a.tiff", Path("scans/a.tiff")):
        assert lockable(repository, one) == ["scans/a.tiff"]
    assert lockable(repository, ["b", Path("a")]) == ["b", "a"]
    assert lockable(repository, []) == []


def test_what_is_not_utf_8_is_escaped(repository: Repository) -> None:
    for one in (b"100% m\xfcde", os.fsdecode(b"100% m\xfcde")):
        assert lockable(repository, one) == ["100%25 m%FCde"]
    with pytest.raises(RepositoryPathError, match="cannot be the name of a file"):
        lockable(repository, "\ud800")


def test_an_absolute_path_is_made_one_of_the_repository(repository: Repository, tmp_path: Path) -> None:
    top = repository.work_tree
    assert top is not None
    assert lockable(repository, top / "scans" / "a.tiff") == ["scans/a.tiff"]
    (tmp_path / "link").symlink_to(top)
    assert lockable(repository, tmp_path / "link" / "a.tiff") == ["a.tiff"]
    for outside in (tmp_path / "a.tiff", "/", "/\0"):
        with pytest.raises(RepositoryPathError):
            lockable(repository, outside)


def test_a_folder_is_refused_and_a_link_to_one_is_not(repository: Repository) -> None:
    top = repository.work_tree
    assert top is not None
    (top / "link").symlink_to("ocr-jobs")
    assert lockable(repository, "link") == ["link"]
    for folder in ("ocr-jobs", top / "ocr-jobs", top):
        with pytest.raises(RepositoryPathError, match=r"folder|repository itself"):
            lockable(repository, folder)
