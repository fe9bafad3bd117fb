"""Pieces of work one after another in a process beside this one, with results kept for a later run to go on from."""

from __future__ import annotations

import json
import multiprocessing
from collections.abc import Callable, Sequence
from multiprocessing.connection import Connection
from pathlib import Path
from typing import Any

from imaging.types import Progress

_LONGEST_S = 1200.0
Work = Callable[[], dict[str, Any]]
"""Gives what JSON can hold. An error in it is a result too: ``failure`` in words and its ``code``."""

NOT_NAMED = ("error", "crash", "hang")
"""Codes of work that ended otherwise than by a result or a refusal in words."""


def run_beside(works: Sequence[tuple[str, Work]], kept: Path | None, progress: Progress) -> list[dict[str, Any]]:
    """The results of named pieces of work; a crash or hang of one is its result and leaves the others alone.

    Parameters
    ----------
    works : sequence of (name, work)
        The names differ; the work can be pickled.
    kept : Path, optional
        File with a result on each line: those there are not worked out again, new ones are added as they come.
    """
    done = _read(kept) if kept else {}
    worker = _Worker()
    results = []
    try:
        for number, (name, work) in enumerate(works):
            progress(number / len(works), f"{name} ({number + 1} of {len(works)})")
            if name not in done:
                done[name] = worker.run(work)
                if kept:
                    _append(kept, name, done[name])
            results.append(done[name])
    finally:
        worker.stop()
    return results


def _read(path: Path) -> dict[str, dict[str, Any]]:
    """Results by name; a torn last line is left out."""
    found = {}
    for line in path.read_text(encoding="utf-8").splitlines() if path.exists() else []:
        try:
            held = json.loads(line)
        except ValueError:
            continue
        found[held["name"]] = held["result"]
    return found


def _append(path: Path, name: str, result: dict[str, Any]) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    with path.open("a", encoding="utf-8") as file:
        file.write(json.dumps({"name": name, "result": result}) + "\n")


class _Worker:
    """One process, started when it is needed and again when it has died."""

    def __init__(self) -> None:
        self._running: tuple[multiprocessing.process.BaseProcess, Connection] | None = None

    def run(self, work: Work) -> dict[str, Any]:
        if self._running is None:
            context = multiprocessing.get_context("spawn")
            door, inner = context.Pipe()
            process = context.Process(target=_serve, args=(inner,))
            process.start()
            inner.close()
            self._running = process, door
        _, door = self._running
        door.send(work)
        try:
            if door.poll(_LONGEST_S):
                found: dict[str, Any] = door.recv()
                return found
            code, failure = "hang", f"no result after {_LONGEST_S:.0f} s"
        except (EOFError, ConnectionError):
            code, failure = "crash", "the process died"
        self.stop()
        return {"failure": failure, "code": code}

    def stop(self) -> None:
        if self._running is not None:
            process, door = self._running
            door.close()
            process.kill()
            process.join()
        self._running = None


def _serve(door: Connection) -> None:
    while True:
        try:
            work = door.recv()
        except EOFError:
            return
        door.send(attempted(work))


def attempted(work: Work) -> dict[str, Any]:
    """What the work gives; a refusal or error in it as ``failure`` and ``code``."""
    from imaging.errors import ImagingError

    try:
        return work()
    except ImagingError as refusal:
        return {"failure": refusal.message, "code": refusal.code}
    except Exception as error:  # without a sentence for the user: a defect, which the bench counts
        return {"failure": f"{type(error).__name__}: {error}", "code": "error"}
