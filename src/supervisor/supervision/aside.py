"""What is done beside the loop, in threads, and rings when it is done."""

from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor
from typing import ParamSpec, TypeVar

from supervisor.model.numbers import MAX_WORKERS

P = ParamSpec("P")
T = TypeVar("T")

# Threads are made as they are needed. Each worker may have one that checks out or tidies up, and some that end its
# executor: whatever takes long keeps nothing else waiting.
_MOST_THREADS = 4 * MAX_WORKERS


class Aside:
    """Takes steps in threads."""

    def __init__(self, ring: Callable[[object], None]) -> None:
        self._ring = ring
        self._threads = ThreadPoolExecutor(max_workers=_MOST_THREADS, thread_name_prefix="aside")

    def begin(self, step: Callable[P, T], *args: P.args, **kwargs: P.kwargs) -> Future[T]:
        """Take a step, and ring when it is done."""
        future = self._threads.submit(step, *args, **kwargs)
        future.add_done_callback(self._ring)
        return future

    def close(self) -> None:
        """Wait for what has begun."""
        self._threads.shutdown(wait=True, cancel_futures=True)
