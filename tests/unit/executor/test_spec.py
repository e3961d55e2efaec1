import json
import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from supervisor.executor.spec import RunSpec, SpecDocument, SpecError, SpecPath, spelled
from supervisor.ocr.jobs.job import Job

JOBS = (
    Job(name="books", documents=("scans/*.tiff",)),
    Job(
        name="letters",
        documents=("letters/**",),
        exclude=("letters/draft-*",),
        languages=("deu", "eng"),
        formats=("txt",),
        pages="1-3,5",
        variables={"preserve_interword_spaces": "1"},
        tessdata_dir="tessdata",
    ),
)


def document(path: bytes, job: str = "books") -> SpecDocument:
    text, raw = spelled(path)
    return SpecDocument(path=text, raw=raw, blob_sha="b10b", job=job)


@given(st.lists(st.binary(min_size=1, max_size=12), max_size=4))
def test_a_spec_survives_the_database(paths: list[bytes]) -> None:
    spec = RunSpec(
        ["ocr-jobs/a.toml"], JOBS, [document(path) for path in paths], [SpecPath.of(b"tessdata/\xff.traineddata")]
    )
    stored = json.loads(json.dumps(spec.to_json()))
    assert stored == spec.to_json()
    back = RunSpec.from_json(stored)
    assert list(back.jobs) == list(JOBS)
    assert list(back.documents) == list(spec.documents)
    assert back.to_json() == stored
    assert [one.path_bytes for one in back.documents] == paths


def test_what_is_checked_out() -> None:
    spec = RunSpec(
        ["ocr-jobs/a.toml"], JOBS, [document(b"scans/m\xfc.tiff"), document(b"b.pdf")], [SpecPath.of(b"w\xf6rter.txt")]
    )
    assert spec.checkout_paths() == [b"scans/m\xfc.tiff", b"b.pdf", b"w\xf6rter.txt", b"ocr-jobs/a.toml"]
    assert spec.job("letters") is JOBS[1]


@pytest.mark.parametrize(
    ("changed", "reason"),
    [
        ({"documents": "all"}, "documents: Input should be"),
        ({"support_files": [{"path": "x", "raw": "0g"}]}, "non-hexadecimal"),
        ({"jobs": []}, "there is no job 'books'"),
    ],
)
def test_something_else_is_no_spec(changed: dict[str, object], reason: str) -> None:
    right = RunSpec(["ocr-jobs/a.toml"], JOBS, [document(b"b.pdf")], []).to_json()
    with pytest.raises(SpecError, match=re.escape(reason)) as caught:
        RunSpec.from_json(right | changed)
    assert caught.value.message.startswith("its spec cannot be read (")
    assert caught.value.exit_code == 4
