"""Computing the next chunks on a second thread while the database takes the ones before."""

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from queue import Queue
from typing import Final, TypeVar

T = TypeVar("T")

_AHEAD: Final = 2  # chunks; more would only be memory


class _End:
    """Nothing more comes; with the error that ended it, if one did."""

    def __init__(self, error: BaseException | None = None) -> None:
        self.error = error


@contextmanager
def ahead_of(chunks: Iterator[T], *, is_computed: bool) -> Iterator[Iterator[T]]:
    """The same chunks, in order; made ahead when they are only computed.

    An error of the chunks is raised where they are taken. Leaving early ends the thread.
    """
    if not is_computed:
        yield chunks
        return
    queue: Queue[T | _End] = Queue(maxsize=_AHEAD)
    left = threading.Event()
    thread = threading.Thread(target=_make, args=(chunks, queue, left), daemon=True)
    thread.start()
    try:
        yield _taken(queue)
    finally:
        left.set()
        while thread.is_alive():
            while not queue.empty():
                queue.get_nowait()
            thread.join(0.01)


def _make(chunks: Iterator[T], queue: "Queue[T | _End]", left: threading.Event) -> None:
    try:
        for chunk in chunks:
            if left.is_set():
                return
            queue.put(chunk)
    except BaseException as error:  # noqa: BLE001 - carried to the thread that takes the chunks
        queue.put(_End(error))
    else:
        queue.put(_End())


def _taken(queue: "Queue[T | _End]") -> Iterator[T]:
    while True:
        chunk = queue.get()
        if isinstance(chunk, _End):
            if chunk.error is not None:
                raise chunk.error
            return
        yield chunk
