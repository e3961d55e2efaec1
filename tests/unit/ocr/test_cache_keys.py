import io
from dataclasses import asdict, replace
from typing import Any

import pytest
from PIL import Image

from supervisor.ocr.cache.keys import PREPARATION_SETTINGS, READING_SETTINGS, JobKeys, Tools
from supervisor.ocr.jobs.job import Job
from supervisor.ocr.reading.picture import Picture

BLOB, OTHER_BLOB = "a" * 40, "b" * 40
TOOLS = Tools(tesseract="5.3.0", leptonica="1.82.0", pillow="12.0", mupdf="1.26.1")
DATA = {"eng": "1" * 64, "deu": "2" * 64}

# What no result of a page depends on: which documents and pages, in which formats, how long at most, and under which
# names. The files of language data have names here, and their contents in the digests of the language data.
WITHOUT_EFFECT: dict[str, Any] = {
    "name": "others",
    "documents": ["others/*"],
    "exclude": ["x"],
    "allow_empty": True,
    "formats": ["hocr"],
    "pages": "1-3",
    "tessdata_dir": "elsewhere",
    "user_words": "words",
    "user_patterns": "patterns",
    "page_timeout_seconds": 9,
}
PREPARING: dict[str, Any] = {"dpi": 200, "text_layer": "force", "max_image_megapixels": 20}
READING: dict[str, Any] = {
    "languages": ["deu"],
    "page_segmentation": 6,
    "engine_mode": 1,
    "variables": {"tessedit_do_invert": "0"},
    "rotate": "auto",
    "deskew": True,
    "scale": "off",
}


def job(**settings: Any) -> Job:
    return Job.model_validate({"name": "books", "documents": ["*"], **settings})


def keys(**settings: Any) -> JobKeys:
    return JobKeys.of(job(**settings), DATA, TOOLS)


def digest(image: Image.Image, dpi: int = 300) -> str:
    return Picture(image, dpi).digest()


def test_every_setting_is_known_to_matter_or_not_to_matter() -> None:
    assert set(WITHOUT_EFFECT) | set(PREPARING) | set(READING) == set(Job.model_fields)
    assert set(PREPARING) == PREPARATION_SETTINGS
    assert set(READING) == READING_SETTINGS


@pytest.mark.parametrize("name", WITHOUT_EFFECT)
def test_what_has_no_effect_is_in_no_key(name: str) -> None:
    assert keys(**{name: WITHOUT_EFFECT[name]}) == keys()


@pytest.mark.parametrize("name", PREPARING)
def test_preparation_decides_what_a_page_looks_like(name: str) -> None:
    other = keys(**{name: PREPARING[name]})
    assert other.lookup(BLOB, 1) != keys().lookup(BLOB, 1)
    assert other.document(BLOB) != keys().document(BLOB)
    assert other.page("p") == keys().page("p")
    assert other.settings != keys().settings


@pytest.mark.parametrize("name", READING)
def test_reading_decides_what_stands_in_a_picture(name: str) -> None:
    other = keys(**{name: READING[name]})
    assert other.page("p") != keys().page("p")
    assert other.lookup(BLOB, 1) == keys().lookup(BLOB, 1)
    assert other.document(BLOB) == keys().document(BLOB)
    assert other.settings != keys().settings


@pytest.mark.parametrize("tool", asdict(TOOLS))
def test_another_version_is_another_result_where_it_is_used(tool: str) -> None:
    other = JobKeys.of(job(), DATA, replace(TOOLS, **{tool: "99"}))
    decodes = tool in {"pillow", "mupdf"}
    assert (other.lookup(BLOB, 1) != keys().lookup(BLOB, 1)) == decodes
    assert (other.document(BLOB) != keys().document(BLOB)) == decodes
    assert (other.page("p") != keys().page("p")) != decodes
    assert other.versions != keys().versions
    assert (other.settings, other.language_data) == (keys().settings, keys().language_data)


def test_other_language_data_is_another_result() -> None:
    other = JobKeys.of(job(), {**DATA, "eng": "3" * 64}, TOOLS)
    assert other.page("p") != keys().page("p")
    assert other.lookup(BLOB, 1) == keys().lookup(BLOB, 1)
    assert other.language_data != keys().language_data
    assert (other.settings, other.versions) == (keys().settings, keys().versions)
    assert JobKeys.of(job(), dict(reversed(DATA.items())), TOOLS) == keys()


def test_languages_count_in_their_order_and_variables_do_not() -> None:
    assert keys(languages=["eng", "deu"]).page("p") != keys(languages=["deu", "eng"]).page("p")
    variables = {"tessedit_do_invert": "0", "load_system_dawg": "1"}
    assert keys(variables=variables) == keys(variables=dict(reversed(variables.items())))


def test_no_two_keys_are_the_same() -> None:
    one = keys()
    found = [one.document(BLOB), one.document(OTHER_BLOB), one.page(BLOB), one.page(OTHER_BLOB)]
    found += [one.lookup(blob, number) for blob in (BLOB, OTHER_BLOB) for number in (1, 2, 11, 111)]
    assert len(set(found)) == len(found)


def test_keys_are_the_same_tomorrow() -> None:
    # A change here makes every page of every cache be recognised anew. If results differ, that is what VERSION is for.
    assert keys().lookup(BLOB, 1) == "lookup-0a74efd63c0be828c0a60ed619ad7c7e80fdd9319badd869cf86a504fbb191a1"
    assert keys().page("c" * 64) == "page-7376cf0ac887b3ffcaf1253eca4440b5a8ad1ac389d732e5ab134a5bb76fc00d"


def test_a_picture_is_its_pixels_their_size_and_density() -> None:
    image = Image.new("L", (6, 4), 255)
    image.putpixel((1, 1), 0)
    assert digest(image) == digest(image.copy())
    other = image.copy()
    other.putpixel((1, 1), 1)
    different = [digest(image), digest(image, 299), digest(other), digest(image.convert("1"))]
    different.append(digest(Image.frombytes("L", (4, 6), image.tobytes())))
    assert len(set(different)) == len(different)


def test_a_picture_is_not_its_file() -> None:
    image = Image.linear_gradient("L")
    found = set()
    for format_, options in (("PNG", {"compress_level": 1}), ("PNG", {"compress_level": 9}), ("TIFF", {})):
        content = io.BytesIO()
        image.save(content, format_, **options)
        with Image.open(content) as saved:
            found.add(digest(saved))
    assert found == {digest(image)}
