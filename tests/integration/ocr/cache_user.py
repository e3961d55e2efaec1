"""One of several processes that use a cache directory at once: `cache_user.py DIRECTORY SEED STOP`.

What stands in a page follows from its number, so that whatever else is read is wrong. Prints after every round how many
pages were found so far. Ends with 1 at the first that is not what was kept, and with 0 once there is a file STOP.
"""

import random
import sys
from pathlib import Path

from supervisor.ocr.cache.cache import PageCache
from supervisor.ocr.cache.entries import CachedPage
from supervisor.ocr.cache.keys import JobKeys
from supervisor.ocr.cache.upkeep import prune

KEYS = JobKeys(settings="s", language_data="l", versions="v", preparation="p", reading="r")
DOCUMENTS = 40


def page(number: int) -> CachedPage:
    text = f"page {number}\n" * (1 + number * 50)
    return CachedPage("ocr", text, f"<div>{text}</div>", 90.0 + number, word_count=number, page_key=f"page-{number}")


def main() -> int:
    directory, seed, stop = Path(sys.argv[1]), int(sys.argv[2]), Path(sys.argv[3])
    chance = random.Random(seed)  # noqa: S311 (the same every time)
    found = 0
    while not stop.exists():
        cache = PageCache(directory)  # a new one each time: it remembers nothing
        for number in chance.sample(range(DOCUMENTS), 10):
            content = f"{number:040}"
            if chance.random() < 0.5:
                cache.keep_page_count(KEYS, content, number + 1)
                cache.keep(KEYS, content, 1, f"{number:064}", page(number))
                continue
            count, read = cache.page_count(KEYS, content), cache.page(KEYS, content, 1)
            if count not in {None, number + 1} or read not in {None, page(number)}:
                sys.stdout.write(f"wrong: {count} pages, {read} for page {number}\n")
                return 1
            found += read is not None
        if chance.random() < 0.1:
            prune(directory, chance.randrange(400_000))
        sys.stdout.write(f"{found}\n")
        sys.stdout.flush()
    return 0


if __name__ == "__main__":
    sys.exit(main())
