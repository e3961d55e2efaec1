import json

import pytest

from supervisor.ocr.errors import JobFileError
from supervisor.ocr.jobs.job import Job
from supervisor.ocr.jobs.jobfile import parse_job_file

GOOD = """
version = 1

[[jobs]]
name = "books"
documents = ["scans/*.tiff", "letters/**/*.pdf"]
exclude = ["**/draft-*"]
allow_empty = true
languages = ["eng", "script/Latin"]
formats = ["txt"]
pages = "1-5,9"
dpi = 200
page_segmentation = 6
engine_mode = 1
tessdata_dir = "tessdata"
user_words = "words.txt"
variables = { preserve_interword_spaces = true, thresholding_method = 2, tessedit_char_blacklist = "|" }
text_layer = "force"
page_timeout_seconds = 60
max_image_megapixels = 100
"""


def parse(text: str) -> Job:
    return parse_job_file(text.encode(), "ocr-jobs/a.toml").jobs[0]


def job_with(line: str) -> str:
    return f'version = 1\n[[jobs]]\nname = "books"\ndocuments = ["*.png"]\n{line}\n'


def test_every_key_is_read() -> None:
    job = parse(GOOD)
    assert job.documents == ("scans/*.tiff", "letters/**/*.pdf")
    assert job.languages == ("eng", "script/Latin")
    assert job.formats == ("txt",)
    assert job.variables == {
        "preserve_interword_spaces": "1",
        "thresholding_method": "2",
        "tessedit_char_blacklist": "|",
    }
    assert (job.pages, job.dpi, job.text_layer, job.page_timeout_seconds) == ("1-5,9", 200, "force", 60)


def test_defaults_are_those_of_the_design() -> None:
    job = parse(job_with(""))
    assert (job.languages, job.formats, job.dpi) == (("eng",), ("txt", "tsv"), 300)
    assert (job.text_layer, job.page_timeout_seconds, job.max_image_megapixels) == ("skip", 180, 250)
    assert not job.allow_empty


@pytest.mark.parametrize("text", [GOOD, job_with("")])
def test_a_job_survives_json(text: str) -> None:
    job = parse(text)
    assert Job.model_validate(json.loads(json.dumps(job.model_dump(mode="json")))) == job


def test_a_byte_order_mark_is_no_mistake() -> None:
    assert parse_job_file(b"\xef\xbb\xbf" + job_with("").encode(), "a.toml").jobs[0].name == "books"


@pytest.mark.parametrize(
    ("line", "message"),
    [
        ('langauges = ["eng"]', 'unknown key "langauges" (did you mean "languages"?)'),
        ('rotate = "90"', '"rotate" must be one of off, auto'),
        ("deskew = 1", '"deskew" must be true or false'),
        ('scale = "half"', '"scale" must be one of auto, off'),
        ('formats = ["docx"]', '"formats" must be one of txt, tsv, hocr, alto, pdf, json'),
        ('text_layer = "never"', '"text_layer" must be one of skip, redo, force'),
        ('languages = "eng"', '"languages" must be a list'),
        ('languages = ["eng+deu"]', "['eng', 'deu']"),
        ('languages = ["../eng"]', "not the name of a language"),
        ('languages = ["-l"]', "not the name of a language"),
        ("languages = []", '"languages" must not be empty'),
        ('languages = ["eng", "eng"]', '"languages" names "eng" twice'),
        ("dpi = 20", '"dpi" must be from 70 to 2400, not 20'),
        ('dpi = "300"', '"dpi" must be a whole number'),
        ("dpi = true", '"dpi" must be a whole number'),
        ("page_segmentation = 0", '"page_segmentation" must be from 1 to 13'),
        ("page_segmentation = 2", '"page_segmentation" 2 recognises no text'),
        ("allow_empty = 1", '"allow_empty" must be true or false'),
        ('pages = "5-2"', '"pages" runs backwards'),
        ('pages = "one"', '"pages" must be page numbers'),
        ('exclude = ["../x"]', '"exclude" must stay in the repository'),
        ('tessdata_dir = "/usr/share"', '"tessdata_dir" must be a path in the repository'),
        ('exclude = [":(top)x"]', "git magic"),
        ("page_timeout_seconds = 0", '"page_timeout_seconds" must be from 1'),
        ("variables = { tessedit_write_images = true }", '"variables" holds "tessedit_write_images"'),
        (
            "variables = { preserve_interword_space = 1 }",
            '(did you mean "preserve_interword_spaces"?)',
        ),
        ("variables = 3", '"variables" must be a table'),
    ],
)
def test_a_mistake_names_file_job_and_key(line: str, message: str) -> None:
    with pytest.raises(JobFileError) as caught:
        parse(job_with(line))
    assert caught.value.message.startswith('ocr-jobs/a.toml: job "books": ')
    assert message in caught.value.message
    assert "\n" not in caught.value.message
    assert caught.value.exit_code == 2


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b'version = 1\n[[jobs]]\nname = "x"\n', 'a.toml: job "x": "documents" is missing'),
        (b'version = 1\n[[jobs]]\ndocuments = ["x"]\n', 'a.toml: job #1: "name" is missing'),
        (b'version = 1\n[[jobs]]\nname="x"\ndocument = ["x"]\n', 'unknown key "document" (did you mean "documents"?)'),
        (b'version = 1\n[[jobs]]\nname="x"\ndocuments = []\n', '"documents" must not be empty'),
        (b'version = 1\n[[job]]\nname="x"\n', 'unknown key "job" (did you mean "jobs"?)'),
        (b"version = 1\n", "no job in it"),
        (b"[[jobs]]\n", '"version" is missing'),
        (b"version = 2\n", '"version" must be 1'),
        (b"version = true\n", '"version" must be 1'),
        (b"version = 1\njobs = 3\n", '"jobs" must be tables'),
        (b"version = 1\nx = [\n", "a.toml: not valid TOML: "),
        (b"version = 1\n# \xff\n", "a.toml: line 2 is not UTF-8"),
        (b"version = 1\nx = " + b"[" * 5000, "not valid TOML"),
        (b"", '"version" is missing'),
    ],
)
def test_a_broken_file_is_one_line(content: bytes, message: str) -> None:
    with pytest.raises(JobFileError) as caught:
        parse_job_file(content, "a.toml")
    assert message in caught.value.message
    assert "\n" not in caught.value.message


def test_toml_errors_name_the_line() -> None:
    with pytest.raises(JobFileError, match="line 2"):
        parse_job_file(b"version = 1\nname = \n", "a.toml")


def test_names_differ() -> None:
    entry = '[[jobs]]\nname = "x"\ndocuments = ["a"]\n'
    with pytest.raises(JobFileError, match='job #2: "name" "x" is taken by job #1'):
        parse_job_file(f"version = 1\n{entry}{entry}".encode(), "a.toml")


def test_control_characters_never_reach_the_message() -> None:
    with pytest.raises(JobFileError) as caught:
        parse('version = 1\n"a\\u001b[31m\\n" = 1\n')
    assert caught.value.message.isprintable()
