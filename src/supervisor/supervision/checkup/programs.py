"""The programs that are called: tesseract and git."""

from pathlib import Path

from supervisor.board.progress import counted
from supervisor.git.command import Git
from supervisor.ocr.engines.tesseract import probe_tesseract
from supervisor.supervision.checkup.findings import Finding, Level, Surroundings

_LANGUAGES_SHOWN = 12


def check_tesseract(_surroundings: Surroundings) -> Finding:
    """Tell the version of tesseract, and for which languages it has data."""
    found = probe_tesseract()
    version, languages = found.version, sorted(found.languages)
    facts: dict[str, object] = {"version": version, "languages": languages}
    if not languages:
        return Finding(
            Level.ERROR,
            "tesseract",
            f"{version} has no data for any language",
            "apt-get install tesseract-ocr-eng",
            facts=facts,
        )
    many = len(languages) > _LANGUAGES_SHOWN
    shown = counted(len(languages), "language") if many else f"languages {', '.join(languages)}"
    return Finding(Level.OK, "tesseract", f"{version}, {shown}", facts=facts)


def check_git(_surroundings: Surroundings) -> Finding:
    """Tell the version of git."""
    version = Git(directory=Path("/")).line("version").removeprefix("git version ")
    return Finding(Level.OK, "git", version, facts={"version": version})
