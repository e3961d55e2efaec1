"""The files that somebody wants locked, as the database knows them."""

import os
from collections.abc import Iterable

from supervisor.git.repository import Repository
from supervisor.model.paths import path_text, printable
from supervisor.model.repository_path import RepositoryPathError, repository_path

AnyPath = str | bytes | os.PathLike[str] | os.PathLike[bytes]


def lockable(repository: Repository, paths: AnyPath | Iterable[AnyPath]) -> list[str]:
    """Return files as `path_text` of their paths in the repository.

    Args:
        repository: Whose files they are.
        paths: From the top of the repository, or absolute; the files need not exist.

    Raises:
        RepositoryPathError: One of them can name no file of the repository, or is a folder.
    """
    # A text is a sequence of texts, too.
    several = [paths] if isinstance(paths, str | bytes | os.PathLike) else paths
    return [_lockable(repository, path) for path in several]


def _lockable(repository: Repository, path: AnyPath) -> str:
    top = repository.work_tree or repository.main_work_tree
    try:
        raw = os.fsencode(path)
    except UnicodeEncodeError as error:
        raise RepositoryPathError(f"path {path!a} cannot be the name of a file", hint="rename the file") from error
    if top is None:
        return path_text(repository_path(raw, top=None))
    named = repository_path(_physical(raw, os.fsencode(top)), top=os.fsencode(top))
    file = top / os.fsdecode(named)
    if file.is_dir() and not file.is_symlink():
        raise RepositoryPathError(
            f"path {printable(path_text(named))!r} is a folder", hint="name its files, one by one"
        )
    return path_text(named)


def _physical(path: bytes, top: bytes) -> bytes:
    """Return an absolute path that leads into the work tree by a symbolic link as git, which follows it, would say."""
    if not path.startswith(b"/") or b"\0" in path or path.startswith(top + b"/"):
        return path
    folder, name = os.path.split(path)
    return os.path.join(os.path.realpath(folder), name)  # noqa: PTH118 (of bytes)
