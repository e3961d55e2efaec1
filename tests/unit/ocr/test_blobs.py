import subprocess
from pathlib import Path

import pytest

from supervisor.ocr.documents.blobs import is_blob


@pytest.mark.parametrize("object_format", ["sha1", "sha256"])
@pytest.mark.parametrize("content", [b"", b"a page\r\n" * 300_000])
def test_a_file_is_the_blob_that_git_says_it_is(tmp_path: Path, object_format: str, content: bytes) -> None:
    file = tmp_path / "page"
    file.write_bytes(content)
    subprocess.run(["git", "init", "--quiet", f"--object-format={object_format}", tmp_path], check=True)
    asked = subprocess.run(["git", "hash-object", file], cwd=tmp_path, capture_output=True, text=True, check=True)
    blob_sha = asked.stdout.strip()
    assert is_blob(file, blob_sha)
    file.write_bytes(content + b"more")
    assert not is_blob(file, blob_sha)
