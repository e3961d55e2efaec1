"""Input as the world has it: each bad document is named with its reason, and harms no other."""

from pathlib import Path
from typing import Any

import pymupdf

Archive = Any  # stands in conftest.py, which importlib mode keeps from being imported
OID = "4d7a214614ab2935c943f9e0ff69d22eadbb8f32b1258daaa5e2ca24d17e2393"
POINTER = f"version https://git-lfs.github.com/spec/v1\noid sha256:{OID}\nsize 12345\n"
REASONS = {
    "encrypted.pdf": "password",
    "leading-out.png": "leads out of the repository",
    "pointer.tiff": 'git lfs fetch --include="in/pointer.tiff"',
    "text.png": "looks like text",
    "truncated.png": "truncated",
    "zero.jpg": "empty (0 bytes)",
}


def test_each_fails_by_its_own_name_and_the_others_are_there(archive: Archive, tmp_path: Path) -> None:
    archive.scan("in/good.png", "in/also good.png")
    whole = archive.write("in/truncated.png", (archive.top / "in/good.png").read_bytes())
    whole.write_bytes(whole.read_bytes()[:600])
    archive.write("in/text.png", "Dear Sir, no picture.\n" * 20)
    archive.write("in/zero.jpg", b"")
    archive.write("in/pointer.tiff", POINTER)
    with pymupdf.open() as document:
        document.new_page().insert_text((72, 72), "secret")
        document.save(
            archive.top / "in/encrypted.pdf", encryption=pymupdf.PDF_ENCRYPT_AES_256, user_pw="u", owner_pw="o"
        )
    (tmp_path / "outside.png").write_bytes((archive.top / "in/good.png").read_bytes())
    (archive.top / "in/leading-out.png").symlink_to(tmp_path / "outside.png")
    archive.job("a", "in/*")
    archive.commit()
    done = archive.supervisor("--run-ids=a")
    assert done.code == 1
    results = archive.manifest("a")["results"]
    errors = {Path(result["path"]).name: result["error"] for result in results}
    assert {name for name, error in errors.items() if error} == set(REASONS)
    for name, reason in REASONS.items():
        assert reason in errors[name]
        assert f"  in/{name}: {errors[name]}\n" in done.out
        assert f"a: failed: in/{name}: {errors[name]}\n" in done.err
        assert "Traceback" not in errors[name]
        # Where pages were found but could not be read, there is a page without a word for each.
        text = archive.runs / f"a/output/in/{name}.txt"
        assert not text.exists() or not text.read_text().strip()
    assert "harbour" in archive.text("a", "in/good.png")
    assert "harbour" in archive.text("a", "in/also good.png")
    log = (archive.runs / "a/logs/executor.log").read_text()
    assert "Traceback" not in log
