import resource
import subprocess
import sys

import pytest

from supervisor.ocr.limits import UNIT_BYTES, memory_limit, reservation


def test_a_job_that_allows_larger_images_allows_more_memory() -> None:
    assert memory_limit(250) == pytest.approx(1.45e9)
    assert memory_limit(1) < memory_limit(250) < memory_limit(1073)


@pytest.mark.parametrize(("megapixels", "units"), [(0, 1), (8.7, 1), (40, 1), (60, 2), (250, 4)])
def test_a_page_reserves_whole_units_of_memory_by_its_size(megapixels: float, units: int) -> None:
    assert reservation(round(megapixels * 1e6)) == units * UNIT_BYTES


def test_what_is_allowed_holds_what_is_reserved_for_the_picture_and_its_recogniser() -> None:
    assert reservation(250_000_000) >= memory_limit(250)


GREEDY = """
from supervisor.ocr.limits import limited_memory
try:
    with limited_memory(200_000_000):
        bytearray(400_000_000)
except MemoryError:
    print("refused")
len(bytearray(400_000_000))
print("allowed again")
"""


def test_a_process_gets_no_more_than_its_limit_and_only_for_so_long() -> None:
    done = subprocess.run([sys.executable, "-c", GREEDY], capture_output=True, text=True, check=True)
    assert done.stdout == "refused\nallowed again\n"


def test_a_lower_limit_of_the_system_stays() -> None:
    before = resource.getrlimit(resource.RLIMIT_DATA)
    program = (
        "import resource; from supervisor.ocr.limits import limited_memory\n"
        "resource.setrlimit(resource.RLIMIT_DATA, (300_000_000, 300_000_000))\n"
        "with limited_memory(900_000_000): print(resource.getrlimit(resource.RLIMIT_DATA))\n"
        "print(resource.getrlimit(resource.RLIMIT_DATA))"
    )
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    assert done.stdout == "(300000000, 300000000)\n" * 2
    assert resource.getrlimit(resource.RLIMIT_DATA) == before
