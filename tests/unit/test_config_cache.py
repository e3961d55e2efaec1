from pathlib import Path

import pytest

from supervisor.config import SettingsError, cache_directory, cache_limit_bytes, parse_size

HOME = Path("/home/anna")


def test_the_first_that_says_something_wins() -> None:
    environment = {"SUPERVISOR_CACHE_DIR": "/srv/cache", "XDG_CACHE_HOME": "/var/caches", "HOME": str(HOME)}
    assert cache_directory("chosen", environment) == Path.cwd() / "chosen"
    assert cache_directory(None, environment) == Path("/srv/cache")
    assert cache_directory(None, {**environment, "SUPERVISOR_CACHE_DIR": ""}) == Path("/var/caches/supervisor")
    assert cache_directory(None, {"HOME": str(HOME)}) == HOME / ".cache" / "supervisor"
    assert cache_directory(None, {"HOME": str(HOME), "XDG_CACHE_HOME": "relative"}) == HOME / ".cache" / "supervisor"


def test_a_home_that_a_shell_did_not_spell_out_is_found(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HOME", str(HOME))
    assert cache_directory("~/pages", {}) == HOME / "pages"


@pytest.mark.parametrize(
    ("text", "size_bytes"),
    [
        ("0", 0),
        ("4096", 4096),
        ("5GB", 5 * 10**9),
        (" 1.5 gb ", 15 * 10**8),
        ("500 MB", 5 * 10**8),
        ("10kB", 10**4),
        ("2GiB", 2 * 2**30),
        ("1TB", 10**12),
    ],
)
def test_sizes_are_read_as_people_write_them(text: str, size_bytes: int) -> None:
    assert parse_size(text) == size_bytes


@pytest.mark.parametrize(
    "text", ["", "GB", "-1", "5 apples", "1e9", "0x10", "1,5GB", "5GB5", "٣", "9" * 400, "9" * 19 + "TB"]
)
def test_what_is_no_size_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match="is not a size"):
        parse_size(text)


def test_the_limit_comes_from_the_environment() -> None:
    assert cache_limit_bytes({}) == cache_limit_bytes({"SUPERVISOR_CACHE_LIMIT": ""}) == 5 * 10**9
    assert cache_limit_bytes({"SUPERVISOR_CACHE_LIMIT": "500MB"}) == 5 * 10**8
    with pytest.raises(SettingsError, match=r"SUPERVISOR_CACHE_LIMIT: 'much' is not a size") as caught:
        cache_limit_bytes({"SUPERVISOR_CACHE_LIMIT": "much"})
    assert caught.value.exit_code == 2
    with pytest.raises(SettingsError, match="99' is not a size"):
        cache_limit_bytes({"SUPERVISOR_CACHE_LIMIT": "9" * 400})
