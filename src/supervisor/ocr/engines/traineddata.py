"""Language data: which models a file holds, and which other languages it brings with it."""

import functools
import re
import struct
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

# TessdataType in tesseract's tessdatamanager.h, the same from 4.0 to 5.5.
_CONFIG, _LEGACY_CLASSIFIER, _LSTM = 0, 3, 17
_MOST_COMPONENTS = 1000
_ABSENT = -1


@dataclass(frozen=True)
class LanguageFile:
    """What a .traineddata holds.

    Attributes:
        has_lstm: The recogniser of tesseract 4 and later.
        has_legacy: That of tesseract 3, which learns from each page for those that follow.
        requires: Languages that tesseract loads too, if they are there: `jpn` brings `jpn_vert`.
    """

    has_lstm: bool
    has_legacy: bool
    requires: tuple[str, ...] = ()


def language_files(languages: Iterable[str], tessdata_dir: Path) -> dict[str, Path]:
    """Return the files that are loaded for languages, by language; those that are required come after the others.

    Raises:
        OSError: The file of one of the languages cannot be read.
    """
    files = {language: tessdata_dir / f"{language}.traineddata" for language in languages}
    left = list(files)
    while left:
        language = left.pop(0)
        for required in read_language_file(files[language]).requires:
            # tesseract looks for it beside the one that requires it.
            name = f"{language.rpartition('/')[0]}/{required}" if "/" in language else required
            file = tessdata_dir / f"{name}.traineddata"
            if name not in files and file.is_file():
                files[name] = file
                left.append(name)
    return files


def read_language_file(file: Path) -> LanguageFile:
    """Read the directory of a .traineddata, once for as long as it does not change.

    Raises:
        OSError: It cannot be read.
    """
    status = file.stat()
    return _read(file, status.st_size, status.st_mtime_ns)


@functools.lru_cache(maxsize=256)
def _read(file: Path, size_bytes: int, _mtime_ns: int) -> LanguageFile:
    with file.open("rb") as stream:
        count = int.from_bytes(stream.read(4), "little")
        directory = stream.read(8 * min(count, _MOST_COMPONENTS))
        if not 0 < count <= _MOST_COMPONENTS or len(directory) < 8 * count:
            # Of the other byte order, or an archive: tesseract reads those as well, and nobody makes them.
            return LanguageFile(has_lstm=False, has_legacy=True)
        offsets = struct.unpack(f"<{count}q", directory)
        present = {component for component, offset in enumerate(offsets) if offset != _ABSENT}
        config = b""
        if _CONFIG in present:
            ends = min((offset for offset in offsets[1:] if offset != _ABSENT), default=size_bytes)
            stream.seek(offsets[_CONFIG])
            config = stream.read(max(ends - offsets[_CONFIG], 0))
    return LanguageFile(has_lstm=_LSTM in present, has_legacy=_LEGACY_CLASSIFIER in present, requires=_required(config))


def _required(config: bytes) -> tuple[str, ...]:
    found = re.search(rb"^\s*tessedit_load_sublangs[ \t]+(\S+)", config, re.MULTILINE)
    if found is None:
        return ()
    names = found[1].decode("utf-8", "replace").split("+")
    # A tilde says which one is not to be loaded.
    return tuple(name for name in names if name and not name.startswith("~"))
