"""Make the sample repository of the quickstart: `sample_repository.py DIR`.

Typesets the pages of `sample_texts.toml`, wears them down like scans (paper tint, skew, blur, noise, black and white),
and commits them with three job files. The same program makes the same commit every time. A folder that this program
made is used again as it is, unless a newer program would make it differently and nothing was added to it since; any
other folder with something in it is refused.
"""

import hashlib
import io
import os
import random
import shutil
import subprocess
import sys
import tomllib
from dataclasses import dataclass
from pathlib import Path

import pymupdf
from PIL import Image, ImageChops, ImageFilter, ImageOps

DPI = 300
PAGE = pymupdf.paper_rect("a5")
MARGIN_POINTS = 40
TEXTS = Path(__file__).with_name("sample_texts.toml")
MARK = Path(".git/sample-repository")  # "unfinished", or what made it and its commit

README = """# Sample repository

Invented scans for trying things out: change, add and commit what you like. Each file in `ocr-jobs/` is one run.
"""

JOBS = {
    "letters": ["letters/*.jpg", "letters/*.png"],
    "books": ["books/*.tiff"],
    "reports": ["reports/*.pdf", "reports/*.png"],
}


@dataclass(frozen=True)
class Wear:
    """What time and the scanner did to a page; `noise` is the largest change of a grey value, `ink` the darkest one."""

    skew_degrees: float = 0.0
    blur_pixels: float = 0.0
    noise: int = 0
    paper: int = 255
    ink: int = 0


def typeset(text: str, font: str, size_points: float) -> pymupdf.Document:
    document = pymupdf.open()
    page = document.new_page(width=PAGE.width, height=PAGE.height)
    area = pymupdf.Rect(MARGIN_POINTS, MARGIN_POINTS, PAGE.width - MARGIN_POINTS, PAGE.height - MARGIN_POINTS)
    left = page.insert_textbox(area, text.strip(), fontname=font, fontsize=size_points, lineheight=1.35)
    if left < 0:
        sys.exit(f"too long for a page: {text.strip()[:40]}")
    return document


def scan(text: str, wear: Wear, *, font: str = "tiro", size_points: float = 11.0, seed: int = 1) -> Image.Image:
    pixmap = typeset(text, font, size_points)[0].get_pixmap(dpi=DPI, colorspace=pymupdf.csGRAY)
    page = Image.frombytes("L", (pixmap.width, pixmap.height), pixmap.samples)
    page = page.rotate(wear.skew_degrees, Image.Resampling.BICUBIC, fillcolor=255)
    page = page.filter(ImageFilter.GaussianBlur(wear.blur_pixels))
    page = page.point([wear.ink + value * (wear.paper - wear.ink) // 255 for value in range(256)])
    if not wear.noise:
        return page
    grain = Image.frombytes("L", page.size, random.Random(seed).randbytes(page.width * page.height))  # noqa: S311 - a picture
    grain = grain.point([value * wear.noise * 2 // 255 for value in range(256)])
    return ImageChops.add(page, grain, offset=-wear.noise)


def black_and_white(page: Image.Image) -> Image.Image:
    return page.point([255 * (value > 128) for value in range(256)]).convert("1", dither=Image.Dither.NONE)


def jpeg(page: Image.Image, quality: int) -> bytes:
    stream = io.BytesIO()
    page.save(stream, "JPEG", quality=quality, dpi=(DPI, DPI))
    return stream.getvalue()


def write_letters(folder: Path, texts: list[str]) -> None:
    harbour_master, thomas, harriet, edwin = texts
    folder.mkdir()
    worn = Wear(skew_degrees=0.7, blur_pixels=1.2, noise=24, paper=226, ink=40)
    (folder / "1921-03-harbour-master.jpg").write_bytes(jpeg(scan(harbour_master, worn), 70))
    scan(thomas, Wear(paper=244)).save(folder / "1921-04-thomas.png", dpi=(DPI, DPI))
    typewritten = scan(harriet, Wear(skew_degrees=-0.5, noise=60), font="cour", size_points=9.5, seed=2)
    black_and_white(typewritten).save(folder / "1921-06-reading-room.png", dpi=(DPI, DPI))
    faded = Wear(skew_degrees=-0.9, blur_pixels=1.6, noise=16, paper=210, ink=90)
    (folder / "1921-11-crane.jpg").write_bytes(jpeg(scan(edwin, faded, font="tiit", size_points=12, seed=3), 55))


def write_books(folder: Path, texts: list[str]) -> None:
    folder.mkdir()
    *chapters, note = texts
    leaves = [
        black_and_white(scan(text, Wear(skew_degrees=(-1) ** number * 0.4, blur_pixels=1.0, noise=70), seed=number))
        for number, text in enumerate(chapters)
    ]
    leaves[0].save(
        folder / "tides-of-the-estuary.tiff",
        save_all=True,
        append_images=leaves[1:],
        compression="group4",
        dpi=(DPI, DPI),
    )
    grey = scan(note, Wear(blur_pixels=0.8, noise=10, paper=235, ink=25), size_points=9)
    grey.save(folder / "note-on-the-soundings.tiff", compression="jpeg", dpi=(DPI, DPI))


def write_reports(folder: Path, texts: dict[str, list[str]]) -> None:
    folder.mkdir()
    wear = Wear(skew_degrees=0.3, blur_pixels=1.0, noise=12, paper=240, ink=20)
    scanned = pymupdf.open()
    for number, text in enumerate(texts["scanned_report"]):
        page = scanned.new_page(width=PAGE.width, height=PAGE.height)
        page.insert_image(PAGE, stream=jpeg(scan(text, wear, font="helv", seed=number), 60))
    scanned.save(folder / "1921-annual-report.pdf", no_new_id=True)
    printed = pymupdf.open()
    for text in texts["printed_report"]:
        printed.insert_pdf(typeset(text, "helv", 11))
    printed.save(folder / "progress.pdf", no_new_id=True, deflate=True)
    notice = scan(texts["notice"][0], Wear(noise=40), font="tibo", size_points=14)
    ImageOps.posterize(notice, 3).save(folder / "1922-notice.png", dpi=(DPI, DPI))


def write_jobs(folder: Path) -> None:
    folder.mkdir()
    for name, documents in JOBS.items():
        patterns = ", ".join(f'"{pattern}"' for pattern in documents)
        (folder / f"{name}.toml").write_text(
            f'version = 1\n\n[[jobs]]\nname = "{name}"\ndocuments = [{patterns}]\n'
            f'languages = ["eng"]\nformats = ["txt", "tsv"]\ndpi = {DPI}\n',
            encoding="utf-8",
        )


def git(repository: Path, *arguments: str) -> str:
    """Run git as nobody in particular: no configuration, hook or repository of the caller's has a say."""
    environment = {name: value for name, value in os.environ.items() if not name.startswith("GIT_")} | {
        "GIT_CONFIG_GLOBAL": os.devnull,
        "GIT_CONFIG_NOSYSTEM": "1",
    }
    for role in ("AUTHOR", "COMMITTER"):
        environment |= {
            f"GIT_{role}_NAME": "Sample Archive",
            f"GIT_{role}_EMAIL": "archive@example.org",
            f"GIT_{role}_DATE": "2024-01-01T12:00:00Z",
        }
    command = ["git", "-C", str(repository), *arguments]
    return subprocess.run(command, env=environment, check=True, stdout=subprocess.PIPE, text=True).stdout.strip()


def program_digest() -> str:
    return hashlib.sha256(Path(__file__).read_bytes() + TEXTS.read_bytes()).hexdigest()


def is_to_be_made(repository: Path) -> bool:
    """Decide what is to become of the folder; clears one of ours that is unfinished or outdated."""
    if not repository.exists() or (repository.is_dir() and not any(repository.iterdir())):
        return True
    mark = repository / MARK
    if not mark.is_file():
        sys.exit(f"{repository} is not empty, and not a sample repository; name another folder: scripts/quickstart DIR")
    made_by, _, commit = mark.read_text(encoding="ascii").partition(" ")
    if made_by == program_digest():
        return False
    if commit and (git(repository, "rev-parse", "HEAD") != commit or git(repository, "status", "--porcelain")):
        print("the sample repository has changes of yours: using it as it is")
        return False
    shutil.rmtree(repository)
    return True


def make(repository: Path) -> None:
    repository.mkdir(parents=True, exist_ok=True)
    # Marked first, so that one whose making is interrupted is known for ours.
    mark = repository / MARK
    mark.parent.mkdir()
    mark.write_text("unfinished", encoding="ascii")
    git(repository, "init", "--quiet", "--initial-branch=main", "--template=")
    texts = tomllib.loads(TEXTS.read_text(encoding="utf-8"))
    (repository / "README.md").write_text(README, encoding="utf-8")
    write_letters(repository / "letters", texts["letters"])
    write_books(repository / "books", texts["book"])
    write_reports(repository / "reports", texts)
    write_jobs(repository / "ocr-jobs")
    git(repository, "add", "--all")
    git(repository, "commit", "--quiet", "--message", "Add scans and the jobs that read them")
    mark.write_text(f"{program_digest()} {git(repository, 'rev-parse', 'HEAD')}", encoding="ascii")


def main() -> None:
    (repository,) = (Path(argument) for argument in sys.argv[1:])
    if is_to_be_made(repository):
        make(repository)
        print(f"made a sample repository in {repository}")
    else:
        print(f"using the sample repository in {repository}")


if __name__ == "__main__":
    main()
