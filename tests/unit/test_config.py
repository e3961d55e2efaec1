from pathlib import Path

import pytest

from supervisor.config import (
    FROM_OUTSIDE_ONLY,
    SettingsError,
    parse_settings,
    runs_directory,
    user_settings_file,
)

KNOWN = ("workers", "ocr_workers", "runs_dir", "per_run_sqlite", "database_url", "repo")


def parse(content: str, *, in_repository: bool = True) -> dict[str, object]:
    return parse_settings(content.encode(), "supervisor.toml", known=KNOWN, in_repository=in_repository)


def test_option_names_may_be_written_either_way() -> None:
    assert parse('workers = 3\nocr-workers = 2\nrepository = "letters"') == {
        "workers": 3,
        "ocr_workers": 2,
        "repository": "letters",
    }


def test_an_empty_file_sets_nothing() -> None:
    assert parse("# nothing yet\n") == {}


def test_an_unknown_key_offers_the_nearest_one() -> None:
    with pytest.raises(SettingsError, match=r"supervisor\.toml has an unknown key 'ocr-worker'") as caught:
        parse("ocr-worker = 2")
    assert caught.value.hint
    assert "ocr_workers" in caught.value.hint.replace("-", "_")
    with pytest.raises(SettingsError, match="unknown key 'zzz'") as caught:
        parse("zzz = 2")
    assert caught.value.hint is None


@pytest.mark.parametrize("name", sorted(FROM_OUTSIDE_ONLY))
def test_the_repository_decides_no_directory_and_no_database(name: str) -> None:
    for key in (name, name.replace("_", "-")):
        with pytest.raises(SettingsError, match=f"may not set '{key}'") as caught:
            parse_settings(f'{key} = "x"'.encode(), "supervisor.toml", known=FROM_OUTSIDE_ONLY, in_repository=True)
        assert caught.value.exit_code == 2
        assert caught.value.hint
    own = parse_settings(f'{name} = "x"'.encode(), "config.toml", known=FROM_OUTSIDE_ONLY, in_repository=False)
    assert own == {name: "x"}


@pytest.mark.parametrize(
    ("content", "reason"), [(b"workers = ", "not valid TOML"), (b"workers = '\xff'", "not UTF-8 (byte 11)")]
)
def test_a_damaged_file_is_named(content: bytes, reason: str) -> None:
    with pytest.raises(SettingsError) as caught:
        parse_settings(content, "supervisor.toml", known=KNOWN, in_repository=True)
    assert caught.value.message.startswith("supervisor.toml ")
    assert reason in caught.value.message


def test_where_the_users_own_settings_stand() -> None:
    assert user_settings_file({"XDG_CONFIG_HOME": "/x", "HOME": "/h"}) == Path("/x/supervisor/config.toml")
    assert user_settings_file({"XDG_CONFIG_HOME": "", "HOME": "/h"}) == Path("/h/.config/supervisor/config.toml")
    assert user_settings_file({}) == Path.home() / ".config/supervisor/config.toml"


def test_the_runs_directory_is_chosen_in_order(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    tree, common = Path("/w"), Path("/w/.git")
    named = {"AUTONOMOUS_RUNS_DIR": "elsewhere"}
    assert runs_directory("here", named, main_work_tree=tree, common_dir=common) == tmp_path / "here"
    assert runs_directory(Path("/here"), named, main_work_tree=tree, common_dir=common) == Path("/here")
    assert runs_directory(None, named, main_work_tree=tree, common_dir=common) == tmp_path / "elsewhere"
    for nothing in ({}, {"AUTONOMOUS_RUNS_DIR": ""}):
        assert runs_directory(None, nothing, main_work_tree=tree, common_dir=common) == Path("/w/.autonomous_runs")
    assert runs_directory("", {}, main_work_tree=None, common_dir=Path("/b")) == Path("/b/.autonomous_runs")
