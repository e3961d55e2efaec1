"""A tesseract that does what no tesseract should, on pages whose name says "bad"; the others it answers.

Run as a program it takes the name of a behaviour and then tesseract's own arguments: one page, or names of pages on
standard input.
"""

import os
import resource
import signal
import sys
from collections.abc import Callable
from pathlib import Path

HEAD = "<html>\n <body>\n"
PAGE = "  <div class='ocr_page' id='page_1' title='image \"{}\"; bbox 0 0 9 9'>\n  </div>\n"
END = " </body>\n</html>\n"


def install(folder: Path, behaviour: str) -> None:
    """Put it into a folder that can stand in PATH."""
    folder.mkdir(exist_ok=True)
    program = folder / "tesseract"
    program.write_text(f'#!/bin/sh\nexec "{sys.executable}" -IS "{__file__}" {behaviour} "$@"\n')
    program.chmod(0o755)


def crash() -> None:
    os.kill(os.getpid(), signal.SIGSEGV)


def hang() -> None:
    signal.pause()


def eat_memory() -> None:
    # Only what it is not to have: without a limit it must not harm the machine.
    limit = resource.getrlimit(resource.RLIMIT_AS)[0]
    _ = bytearray(limit if limit != resource.RLIM_INFINITY else 1)


def no_utf8() -> None:
    sys.stdout.buffer.write(PAGE.encode().replace(b"{}", b"\xff\xfe"))
    sys.stdout.buffer.flush()


def nothing() -> None:
    sys.exit(0)


def no_hocr() -> None:
    say("something else\n  </div>\n")
    sys.exit(0)


def no_end() -> None:
    while True:
        say("x" * 65536)


def fail() -> None:
    sys.stderr.write("the image is broken\n")
    sys.exit(3)


def fail_in_latin() -> None:
    sys.stderr.buffer.write(b"caf\xe9\n")
    sys.exit(1)


def stay_behind() -> None:
    """Close the output and go on."""
    os.close(1)
    signal.pause()


def chatter() -> None:
    sys.stderr.write("warning\n" * 100_000)
    sys.stderr.flush()
    answer("bad")


def half_do() -> None:
    """Go on without the memory that is missing, as leptonica does."""
    sys.stderr.write("Error in pixCreateHeader: pixdata_malloc fail\n")
    sys.stderr.flush()
    answer("bad")


BEHAVIOURS: dict[str, Callable[[], None]] = {
    function.__name__: function
    for function in (
        crash,
        hang,
        eat_memory,
        no_utf8,
        nothing,
        no_hocr,
        no_end,
        fail,
        fail_in_latin,
        stay_behind,
        chatter,
        half_do,
    )
}


def say(text: str) -> None:
    sys.stdout.write(text)
    sys.stdout.flush()


def answer(name: str) -> None:
    say(PAGE.format(name))


def main(behaviour: str, arguments: list[str]) -> None:
    streams = "stream_filelist=true" in arguments
    names = (line.rstrip("\n") for line in sys.stdin) if streams else iter(arguments[:1])
    say(HEAD)
    for name in names:
        if "bad" in name:
            BEHAVIOURS[behaviour]()
        else:
            sys.stderr.write("all is well with this one\n")
            answer(name)
    say(END)


if __name__ == "__main__":
    main(sys.argv[1], sys.argv[2:])
