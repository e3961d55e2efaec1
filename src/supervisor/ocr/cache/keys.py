"""What makes two documents, two pages or two pictures the same to recognition: a key is all that decides, hashed.

A key never holds what does not change the result: formats, paths, page selections, timeouts, the run.
"""

import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Self

from supervisor.ocr.jobs.job import Job

PREPARATION_VERSION = 1
"""Raised whenever the code makes other pictures, other text layers or other page counts of the same documents."""

READING_VERSION = 1
"""Raised whenever the code makes another layout, text or quality of the same picture."""

PREPARATION_SETTINGS = frozenset({"dpi", "text_layer", "max_image_megapixels"})
"""What preparation reads of a job."""

READING_SETTINGS = frozenset(
    {"languages", "page_segmentation", "engine_mode", "variables", "rotate", "deskew", "scale"}
)
"""What recognition reads of a job, but for the files it names: what stands in these is in the language data."""


@dataclass(frozen=True)
class Tools:
    """Versions of what decodes and recognises."""

    tesseract: str
    leptonica: str
    pillow: str
    mupdf: str


@dataclass(frozen=True)
class JobKeys:
    """The keys of what one job asks for; made once for the job, since hashing its settings costs more than a key.

    Attributes:
        settings: Digest of the settings that change results.
        language_data: Digest of language data and user files.
        versions: Digest of the tools' versions, and of our code's.
        preparation: Digest of what turns a page into a picture, or into its text layer.
        reading: Digest of what turns a picture into text.
    """

    settings: str
    language_data: str
    versions: str
    preparation: str
    reading: str

    @classmethod
    def of(cls, job: Job, language_data: Mapping[str, str], tools: Tools) -> Self:
        """Hash what a job's results depend on.

        Args:
            job: The settings; those that no result depends on are left out.
            language_data: SHA-256 of each file of language data, user words and user patterns, by what it is for.
            tools: Versions.
        """
        preparing = job.model_dump(mode="json", include=set(PREPARATION_SETTINGS))
        reading = job.model_dump(mode="json", include=set(READING_SETTINGS))
        decoders = {"pillow": tools.pillow, "mupdf": tools.mupdf, "code": PREPARATION_VERSION}
        recognisers = {"tesseract": tools.tesseract, "leptonica": tools.leptonica, "code": READING_VERSION}
        return cls(
            settings=_digest(preparing, reading),
            language_data=_digest(dict(language_data)),
            versions=_digest(decoders, recognisers),
            preparation=_digest(preparing, decoders),
            reading=_digest(reading, dict(language_data), recognisers),
        )

    def document(self, content: str) -> str:
        """Return under which key the number of pages of a document is kept.

        Args:
            content: What identifies the document's bytes: its blob id. That of a symbolic link identifies only where
                the link leads to, so it takes the blob id of what is there.
        """
        return _key("document", content, self.preparation)

    def lookup(self, content: str, page_number: int) -> str:
        """Return under which key it is kept what a page of a document looks like, or its text layer."""
        return _key("lookup", content, str(page_number), self.preparation)

    def page(self, picture: str) -> str:
        """Return under which key it is kept what stands in a picture, given the digest of it."""
        return _key("page", picture, self.reading)


def _digest(*parts: Mapping[str, object]) -> str:
    return hashlib.sha256(json.dumps(parts, sort_keys=True).encode()).hexdigest()


def _key(kind: str, *parts: str) -> str:
    return f"{kind}-{hashlib.sha256(' '.join((kind, *parts)).encode()).hexdigest()}"
