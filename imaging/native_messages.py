"""Keeps what C++ readers print off the user's screen; what matters comes as an exception."""

from __future__ import annotations

import os
import threading
from collections.abc import Iterator
from contextlib import contextmanager

_one_at_a_time = threading.Lock()


@contextmanager
def native_messages_hidden() -> Iterator[None]:
    """Within it nothing reaches the process's standard error, also not from below Python."""
    with _one_at_a_time:
        kept = os.dup(2)
        nowhere = os.open(os.devnull, os.O_WRONLY)
        try:
            os.dup2(nowhere, 2)
            yield
        finally:
            os.dup2(kept, 2)
            os.close(kept)
            os.close(nowhere)
