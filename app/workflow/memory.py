"""How much memory a piece of work needs, all its child processes included."""

from __future__ import annotations

import threading
from types import TracebackType
from typing import Self

SAMPLE_EVERY_S = 0.5


class PeakMemory:
    """Context manager that samples the resident memory of this process and all its descendants.

    ``peak_mb`` is the largest sum seen [MB]. Pages that processes share are counted once for each, so the figure is an
    upper bound; peaks shorter than half a second may be missed.
    """

    def __init__(self) -> None:
        self.peak_mb = 0.0
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._watch, daemon=True)

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        self._stop.set()
        self._thread.join()

    def _watch(self) -> None:
        import psutil

        own = psutil.Process()
        while True:
            total = 0
            for process in (own, *own.children(recursive=True)):
                try:
                    total += process.memory_info().rss
                except psutil.Error:
                    continue
            self.peak_mb = max(self.peak_mb, total / 1e6)
            if self._stop.wait(SAMPLE_EVERY_S):
                return
