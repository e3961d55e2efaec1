"""Which file of a repository a path means that a person or a program gives."""

import posixpath

from supervisor.errors import UsageError
from supervisor.model.paths import path_text, printable

_CONTROL = bytes(range(0x20)) + b"\x7f"


class RepositoryPathError(UsageError):
    """A path that can name no file of the repository."""


def repository_path(path: bytes, *, top: bytes | None) -> bytes:
    """Return a path as git lists it: from the top of the repository, without `.`, `..` and doubled slashes.

    Looks at nothing: symbolic links on the way are not followed, and the file need not exist.

    Args:
        path: From the top of the repository, or absolute and inside the work tree.
        top: The work tree, absolute and without `..`; None where there is none.

    Raises:
        RepositoryPathError: It is empty, names a folder or the repository itself, leads out of it, or has a NUL or
            another control byte.
    """
    shown = repr(printable(path_text(path)))
    if not path:
        raise RepositoryPathError("an empty path names no file", hint="name a file from the top of the repository")
    if any(byte in _CONTROL for byte in path):
        raise RepositoryPathError(f"path {shown} has a control character", hint="rename the file")
    inside = _below(path, top, shown) if path.startswith(b"/") else path
    if inside.endswith((b"/", b"/.")):
        raise RepositoryPathError(f"path {shown} names a folder", hint="name its files, one by one")
    normal = posixpath.normpath(inside)
    if normal == b".":
        raise RepositoryPathError(f"path {shown} names the repository itself", hint="name its files, one by one")
    if normal.split(b"/", 1)[0] == b"..":
        raise RepositoryPathError(
            f"path {shown} leads out of the repository", hint="name a file from the top of the repository"
        )
    return normal


def _below(path: bytes, top: bytes | None, shown: str) -> bytes:
    if top is None:
        raise RepositoryPathError(
            f"path {shown} is absolute, and the repository has no work tree",
            hint="name the file from the top of the repository",
        )
    last = path[len(path.rstrip(b"/")) :]
    # Two slashes at the beginning mean something else to POSIX, and nothing to Linux.
    normal = posixpath.normpath(b"/" + path.lstrip(b"/"))
    if normal == top:
        return b"."
    if not normal.startswith(top.rstrip(b"/") + b"/"):
        raise RepositoryPathError(
            f"path {shown} is not inside the work tree {printable(path_text(top))}",
            hint="name a file from the top of the repository",
        )
    return normal[len(top.rstrip(b"/")) + 1 :] + last[:1]
