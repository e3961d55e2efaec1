"""The programs that are called: tesseract and git."""

from pathlib import Path

from supervisor.git.command import Git
from supervisor.ocr.engines.tesseract import probe_tesseract
from supervisor.supervision.checkup.findings import Finding, Level, Surroundings


def check_tesseract(_surroundings: Surroundings) -> Finding:
    """Tell the version of tesseract, and where it looks for language data."""
    found = probe_tesseract()
    facts = {"version": found.version, "executable": str(found.executable), "tessdata_dir": str(found.tessdata_dir)}
    return Finding(Level.OK, "tesseract", f"{found.version} ({found.executable})", facts=facts)


def check_git(_surroundings: Surroundings) -> Finding:
    """Tell the version of git."""
    version = Git(directory=Path("/")).line("version").removeprefix("git version ")
    return Finding(Level.OK, "git", version, facts={"version": version})
