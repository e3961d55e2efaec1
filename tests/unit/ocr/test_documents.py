import hashlib
import io
import os
from collections.abc import Callable
from pathlib import Path

import pymupdf
import pytest
from PIL import Image

from supervisor.ocr.documents.opening import Document, open_document
from supervisor.ocr.errors import DocumentError

Picture = Callable[..., Image.Image]


def opened(path: Path, root: Path, lfs_objects_dir: Path | None = None) -> Document:
    return open_document(path, root=root, lfs_objects_dir=lfs_objects_dir, max_image_megapixels=250)


def reason(path: Path, root: Path, lfs_objects_dir: Path | None = None) -> str:
    with pytest.raises(DocumentError) as caught:
        opened(path, root, lfs_objects_dir)
    assert "\n" not in caught.value.message
    return caught.value.message


def pdf_bytes(pages: int = 2, **options: object) -> bytes:
    with pymupdf.open() as pdf:
        for number in range(pages):
            pdf.new_page().insert_text((72, 72), f"Page {number + 1}")
        content: bytes = pdf.tobytes(**options)
    return content


@pytest.mark.parametrize(
    ("pillow_format", "frames", "options"),
    [
        ("PNG", 1, {}),
        ("JPEG", 1, {}),
        ("TIFF", 3, {"save_all": True}),
        ("TIFF", 3, {"save_all": True, "big_tiff": True}),
        ("BMP", 1, {}),
        ("WEBP", 1, {}),
        ("GIF", 3, {"save_all": True}),
        ("PPM", 1, {}),
        ("JPEG2000", 1, {}),
    ],
)
def test_images_are_known_by_content(
    tmp_path: Path, picture: Picture, pillow_format: str, frames: int, options: dict[str, object]
) -> None:
    file = tmp_path / "scan.pdf"
    pictures = [picture(size=(400, 200 + number)) for number in range(frames)]
    if pillow_format == "GIF":
        pictures = [
            Image.eval(picture(), lambda value, shade=number: max(value, 60 * shade)) for number in range(frames)
        ]
    more = {"append_images": pictures[1:]} if options else {}
    pictures[0].save(file, pillow_format, **options, **more)
    assert opened(file, tmp_path).page_count == frames


def test_a_pdf_is_known_by_content(tmp_path: Path) -> None:
    file = tmp_path / "letter.png"
    file.write_bytes(b"\n\nnoise in front\n" + pdf_bytes())
    assert opened(file, tmp_path).page_count == 2


def test_what_is_no_document(tmp_path: Path) -> None:
    def written(content: bytes) -> Path:
        file = tmp_path / "file.png"
        file.write_bytes(content)
        return file

    assert reason(written(b""), tmp_path) == "is empty (0 bytes)"
    assert reason(written("Grüße aus Köln".encode()), tmp_path) == "is not an image or a PDF: looks like text"
    assert reason(written(b"P1 is the first prize"), tmp_path) == "is not an image or a PDF: looks like text"
    assert reason(written(b"BMW is a car"), tmp_path) == "is not an image or a PDF: looks like text"
    assert "no known kind" in reason(written(b"\0\1\2\3" * 9), tmp_path)
    assert "ZIP archive" in reason(written(b"PK\x03\x04rest"), tmp_path)
    assert "directory" in reason(tmp_path, tmp_path)
    assert reason(tmp_path / "none", tmp_path) == "is not there"
    fifo = tmp_path / "fifo"
    os.mkfifo(fifo)
    assert reason(fifo, tmp_path) == "is not a regular file"


def test_links(tmp_path: Path, picture: Picture) -> None:
    root = tmp_path / "workspace"
    root.mkdir()
    picture().save(root / "a.png")
    picture().save(tmp_path / "outside.png")
    (root / "in").symlink_to("a.png")
    (root / "out").symlink_to("../outside.png")
    (root / "folder").symlink_to("..")
    (root / "dangling").symlink_to("nowhere.png")
    (root / "loop").symlink_to("loop")
    assert opened(root / "in", root).page_count == 1
    assert "leads out of the repository" in reason(root / "out", root)
    assert "leads out of the repository" in reason(root / "folder" / "outside.png", root)
    assert reason(root / "dangling", root) == "is a symbolic link to nowhere.png, which is not there"
    assert "back to itself" in reason(root / "loop", root)


@pytest.mark.parametrize("share", [0.3, 0.6, 0.95])
def test_truncated_pdf(tmp_path: Path, share: float) -> None:
    content = pdf_bytes(pages=5)
    file = tmp_path / "a.pdf"
    file.write_bytes(content[: int(len(content) * share)])
    assert "truncated" in reason(file, tmp_path)


def test_truncated_multi_frame_tiff(tmp_path: Path, picture: Picture) -> None:
    whole = io.BytesIO()
    picture().save(whole, "TIFF", save_all=True, append_images=[picture(), picture()])
    file = tmp_path / "a.tif"
    file.write_bytes(whole.getvalue()[: int(len(whole.getvalue()) * 0.5)])
    assert reason(file, tmp_path) == "is a truncated TIFF image: frame 3 lies beyond the end of the file"


def test_encrypted_pdf(tmp_path: Path) -> None:
    file = tmp_path / "a.pdf"
    file.write_bytes(pdf_bytes(encryption=pymupdf.PDF_ENCRYPT_AES_256, user_pw="secret", owner_pw="owner"))
    assert reason(file, tmp_path) == "is an encrypted PDF; it needs a password"
    file.write_bytes(pdf_bytes(encryption=pymupdf.PDF_ENCRYPT_AES_256, user_pw="", owner_pw="owner"))
    assert opened(file, tmp_path).page_count == 2


def test_lfs(tmp_path: Path, picture: Picture) -> None:
    root, store = tmp_path / "workspace", tmp_path / "objects"
    (root / "scans").mkdir(parents=True)
    stream = io.BytesIO()
    picture().save(stream, "PNG")
    content = stream.getvalue()
    oid = hashlib.sha256(content).hexdigest()
    pointer = root / "scans" / "a.png"
    pointer.write_text(f"version https://git-lfs.github.com/spec/v1\noid sha256:{oid}\nsize {len(content)}\n")

    fetch = 'git lfs fetch --include="scans/a.png"'
    assert reason(pointer, root, None).endswith(fetch)
    assert "was not fetched" in reason(pointer, root, store)
    assert reason(pointer, root, store).endswith(fetch)

    stored = store / oid[:2] / oid[2:4] / oid
    stored.parent.mkdir(parents=True)
    stored.write_bytes(content)
    document = opened(pointer, root, store)
    assert (document.file, document.page_count) == (stored, 1)

    stored.write_bytes(content[:-1])
    assert "is damaged" in reason(pointer, root, store)
    stored.write_bytes(content[:-1] + b"x")
    assert "is damaged" in reason(pointer, root, store)
