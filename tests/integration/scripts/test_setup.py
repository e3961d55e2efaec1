"""What `scripts/setup` says where it cannot go on; that it works is seen by every run of `scripts/test`."""

import os
import re
import shutil
import subprocess
import sys
import tomllib
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[3]


@pytest.fixture
def bare(tmp_path: Path) -> Path:
    """Return a copy of what setup needs, beside a folder `bin` of programs without git and tesseract."""
    project = tmp_path / "the project"
    (project / "scripts").mkdir(parents=True)
    for name in ("scripts/setup", "pyproject.toml", "requirements.lock"):
        shutil.copy(ROOT / name, project / name)
    programs = tmp_path / "bin"
    programs.mkdir()
    for name in ("bash", "cat", "dirname", "grep", "id"):
        found = shutil.which(name)
        assert found
        (programs / name).symlink_to(found)
    return project


def setup(project: Path, **environment: str) -> "subprocess.CompletedProcess[str]":
    return subprocess.run(
        [project / "scripts" / "setup"],
        env={"PATH": str(project.parent / "bin"), **environment},
        cwd="/",
        capture_output=True,
        text=True,
        check=False,
    )


def test_no_python(bare: Path) -> None:
    result = setup(bare)
    assert result.returncode == 1
    assert "no Python 3.11 or newer found" in result.stderr


def test_a_chosen_python_that_is_too_old(bare: Path) -> None:
    old = bare.parent / "bin" / "python-of-yore"
    old.write_text(
        f'#!/bin/sh\nexec {sys.executable} -c "import sys; sys.version_info = (3, 10, 14); $2"\n', encoding="utf-8"
    )
    old.chmod(0o755)
    result = setup(bare, PYTHON="python-of-yore")
    assert result.returncode == 1
    assert result.stderr == "setup: PYTHON=python-of-yore is not a Python 3.11 or newer\n"


@pytest.mark.parametrize(
    ("manager", "told"),
    [
        ("dnf", "sudo dnf install git tesseract tesseract-langpack-eng tesseract-osd poppler-utils"),
        ("pacman", "sudo pacman -S --needed git tesseract tesseract-data-eng tesseract-data-osd poppler"),
        ("apk", "apk add git tesseract-ocr tesseract-ocr-data-eng tesseract-ocr-data-osd poppler-utils"),
        ("brew", "brew install git tesseract poppler"),
        ("none", 'git, poppler-utils, and tesseract 4.1 or newer with its language data "eng" and "osd"'),
    ],
)
def test_a_system_without_apt_is_told_what_to_install(bare: Path, manager: str, told: str) -> None:
    (bare.parent / "bin" / manager).symlink_to("cat")
    result = setup(bare, PYTHON=sys.executable)
    assert result.returncode == 1
    assert "missing: git tesseract-ocr tesseract-ocr-eng tesseract-ocr-osd poppler-utils. Install" in result.stderr
    assert result.stderr.endswith(f"  {told}\n")
    assert not (bare / ".venv").exists()


def test_the_lock_pins_everything_with_hashes_and_names_no_registry() -> None:
    lock = (ROOT / "requirements.lock").read_text(encoding="utf-8")
    pins = re.findall(r"^([a-z0-9][a-z0-9.-]*)==\S+((?: \\\n    --hash=sha256:[0-9a-f]{64})+)$", lock, re.MULTILINE)
    pinned = {name for name, hashes in pins if hashes.count("sha256") > 1}
    lines = [line for line in lock.splitlines() if line and not line.startswith((" ", "#"))]
    assert len(pinned) == len(lines)
    assert "://" not in lock
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))
    asked = [
        *project["build-system"]["requires"],
        *project["project"]["dependencies"],
        *project["project"]["optional-dependencies"]["dev"],
    ]
    assert {re.split(r"[^A-Za-z0-9_.-]", name)[0].lower() for name in asked} <= pinned


def test_quickstart_takes_one_folder() -> None:
    result = subprocess.run(
        [ROOT / "scripts" / "quickstart", "--help"], capture_output=True, text=True, check=False, env=dict(os.environ)
    )
    assert result.returncode == 2
    assert result.stderr.startswith("usage: scripts/quickstart [DIR]")
