"""The examples of the Python reference, executed as they stand, in a repository such as they speak of."""

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest
from PIL import Image, ImageDraw, ImageFont

import supervisor

PAGE = Path(__file__).parents[3] / "docs/reference/python.md"
EXAMPLES = re.compile(r"^```pycon\n(.*?)^```", re.MULTILINE | re.DOTALL)


@pytest.fixture
def archive(tmp_path: Path) -> Path:
    top = tmp_path / "archive"
    (top / "scans").mkdir(parents=True)
    (top / "ocr-jobs").mkdir()
    image = Image.new("L", (500, 100), 255)
    ImageDraw.Draw(image).text((30, 20), "The new crane", font=ImageFont.load_default(size=40), fill=0)
    image.save(top / "scans" / "crane.png", dpi=(300, 300))
    job = (
        'version = 1\n[[jobs]]\nname = "letters"\ndocuments = ["scans/*.png"]\nlanguages = ["eng"]\nformats = ["txt"]\n'
    )
    (top / "ocr-jobs" / "letters.toml").write_text(job)
    for arguments in (("init", "-q"), ("add", "."), ("commit", "-q", "-m", "first")):
        who = ("-c", "user.name=T", "-c", "user.email=t@example.org")
        subprocess.run(["git", *who, *arguments], cwd=top, check=True)
    return top


def test_the_examples_do_what_is_shown(archive: Path, tmp_path: Path) -> None:
    examples = tmp_path / "examples.txt"
    examples.write_text("\n".join(EXAMPLES.findall(PAGE.read_text())))
    environment = {name: value for name, value in os.environ.items() if not name.startswith(("GIT_", "SUPERVISOR_"))}
    environment["XDG_CACHE_HOME"] = str(tmp_path / "cache")
    done = subprocess.run(
        [sys.executable, "-W", "error", "-m", "doctest", "-o", "ELLIPSIS", str(examples)],
        cwd=archive,
        env=environment,
        capture_output=True,
        text=True,
        timeout=90,
        check=False,
    )
    assert (done.returncode, done.stdout, done.stderr) == (0, "", "")


def test_every_name_is_described() -> None:

    described = PAGE.read_text()
    for name in supervisor.__all__:
        assert f"`{name}`" in described
