"""Settings that come from outside the command line, read once: files, environment, and the directories they imply."""

import difflib
import os
import re
import tomllib
from collections.abc import Iterable, Mapping
from pathlib import Path

from supervisor.errors import UsageError

DISTRIBUTION = "ocr-run-supervisor"  # PyPI has another program called supervisor
REPOSITORY_FILE = "supervisor.toml"
RUNS_DIR_VARIABLE = "AUTONOMOUS_RUNS_DIR"
DEFAULT_RUNS_DIR = ".autonomous_runs"

CACHE_DIR_VARIABLE = "SUPERVISOR_CACHE_DIR"
CACHE_LIMIT_VARIABLE = "SUPERVISOR_CACHE_LIMIT"
DEFAULT_CACHE_LIMIT_BYTES = 5 * 10**9

FROM_OUTSIDE_ONLY = frozenset({"repo", "runs_dir", "cache_dir", "database_url", "per_run_sqlite"})
"""Settings that a file in the repository may not carry, because a pull request can change that file."""


class SettingsError(UsageError):
    """A settings file cannot be used."""


_UNITS = {"": 1, "KB": 10**3, "MB": 10**6, "GB": 10**9, "TB": 10**12, "KIB": 2**10, "MIB": 2**20, "GIB": 2**30}
# Without more digits than any size has: a float of 400 is infinite.
_SIZE = re.compile(r"([0-9]{1,18}(?:\.[0-9]+)?) ?([a-zA-Z]*)")


def user_settings_file(environment: Mapping[str, str]) -> Path:
    """Return where the user's own settings stand, whether or not the file exists."""
    base = environment.get("XDG_CONFIG_HOME") or str(Path(environment.get("HOME", "~")).expanduser() / ".config")
    return Path(base) / "supervisor" / "config.toml"


def parse_settings(content: bytes, source: str, *, known: Iterable[str], in_repository: bool) -> dict[str, object]:
    """Read a settings file into option names (with underscores) and their values.

    Args:
        content: The file.
        source: How to name it in messages.
        known: Names of the options there are.
        in_repository: Whether it is the repository's file, which may not set addresses, directories or secrets.

    Raises:
        SettingsError: The file is not TOML, has an unknown key, or one that it may not set.
    """
    try:
        table = tomllib.loads(content.decode())
    except UnicodeDecodeError as error:
        raise SettingsError(f"{source} is not UTF-8 (byte {error.start})") from error
    except tomllib.TOMLDecodeError as error:
        raise SettingsError(f"{source} is not valid TOML: {error}") from error
    names = set(known) | {"repository"}
    settings: dict[str, object] = {}
    for key, value in table.items():
        name = key.replace("-", "_")
        if name not in names:
            near = difflib.get_close_matches(name, sorted(names), n=1)
            raise SettingsError(
                f"{source} has an unknown key {key!r}", hint=f"did you mean {near[0]!r}?" if near else None
            )
        if in_repository and name in FROM_OUTSIDE_ONLY:
            raise SettingsError(
                f"{source} may not set {key!r}: a file that a pull request can change decides no directory or database",
                hint=f"set it on the command line, in the environment or in {user_settings_file(os.environ)}",
            )
        settings[name] = value
    return settings


def runs_directory(
    chosen: str | Path | None, environment: Mapping[str, str], *, main_work_tree: Path | None, common_dir: Path
) -> Path:
    """Return the absolute runs directory: as chosen, else from the environment, else in the main work tree."""
    if chosen:
        return Path(chosen).absolute()
    if environment.get(RUNS_DIR_VARIABLE):
        return Path(environment[RUNS_DIR_VARIABLE]).absolute()
    return (main_work_tree or common_dir) / DEFAULT_RUNS_DIR


def cache_directory(chosen: str | Path | None, environment: Mapping[str, str]) -> Path:
    """Return the absolute page cache directory: as chosen, else from the environment, else in the user's caches."""
    named = chosen or environment.get(CACHE_DIR_VARIABLE)
    if named:
        return Path(named).expanduser().absolute()
    caches = Path(environment.get("XDG_CACHE_HOME", ""))
    # A relative path there counts as none: XDG Base Directory Specification.
    if not caches.is_absolute():
        caches = Path(environment.get("HOME", "~")).expanduser() / ".cache"
    return caches / "supervisor"


def cache_limit_bytes(environment: Mapping[str, str]) -> int:
    """Return how large the page cache directory may become.

    Raises:
        SettingsError: The environment says it in words that are no size.
    """
    text = environment.get(CACHE_LIMIT_VARIABLE)
    if not text:
        return DEFAULT_CACHE_LIMIT_BYTES
    try:
        return parse_size(text)
    except ValueError as error:
        raise SettingsError(f"{CACHE_LIMIT_VARIABLE}: {error}", hint="write it like 5GB or 500MB") from error


def parse_size(text: str) -> int:
    """Return the bytes of a size such as `5GB`, `1.5 GB`, `500MB`, `2GiB` or `4096`.

    Raises:
        ValueError: It is no size.
    """
    found = _SIZE.fullmatch(text.strip())
    if found is None or found[2].upper() not in _UNITS:
        raise ValueError(f"{text!r} is not a size")
    return int(float(found[1]) * _UNITS[found[2].upper()])
