"""Run a geometry library in a child process, so that its crash or hang becomes an answer and Cancel always works."""

from __future__ import annotations

import importlib
import json
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from imaging.types import Progress

Arrays = dict[str, NDArray[Any]]


class IsolatedError(Exception):
    """The child process ended without a result: it raised, crashed or took too long."""


def run_isolated(
    task: str,
    arrays: Mapping[str, NDArray[Any]],
    options: Mapping[str, float | int | str],
    timeout_s: float,
    progress: Progress,
    fraction: float,
    text: str,
) -> Arrays:
    """Call a function of this package in a child process.

    Parameters
    ----------
    task : str
        ``"package.module:function"``; called as ``function(arrays, **options)``, it returns a dict of arrays.
    timeout_s : float
        The child is killed after this time.
    progress, fraction, text
        What to report, every second, while the child works; an exception from ``progress`` kills the child.

    Raises
    ------
    IsolatedError
        With the last line of the child's complaint.
    """
    with tempfile.TemporaryDirectory(prefix="angiotwin-") as folder:
        given, made, complaint = Path(folder, "in.npz"), Path(folder, "out.npz"), Path(folder, "stderr.txt")
        _save(given, {**arrays, "options": np.array(json.dumps(dict(options)))})
        root = str(Path(__file__).parents[1])
        environment = {**os.environ, "PYTHONPATH": os.pathsep.join([root, os.environ.get("PYTHONPATH", "")])}
        command = [sys.executable, "-m", "imaging.isolated", task, str(given), str(made)]
        with complaint.open("w") as log:
            child = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=log, env=environment)
        try:
            _wait(child, timeout_s, progress, fraction, text)
        finally:
            if child.poll() is None:
                child.kill()
            child.wait()
        if child.returncode != 0 or not made.exists():
            lines = complaint.read_text(errors="replace").strip().splitlines()
            raise IsolatedError(lines[-1] if lines else f"the process ended with code {child.returncode}")
        with np.load(made) as result:
            return {name: result[name] for name in result.files}


def _wait(child: subprocess.Popen[bytes], timeout_s: float, progress: Progress, fraction: float, text: str) -> None:
    start = time.monotonic()
    while True:
        progress(fraction, text)
        try:
            child.wait(1.0)
            return
        except subprocess.TimeoutExpired:
            if time.monotonic() - start > timeout_s:
                raise IsolatedError(f"no result after {timeout_s:.0f} s") from None


def _save(path: str | Path, arrays: Mapping[str, Any]) -> None:
    np.savez(path, **arrays)


def main(task: str, given: str, made: str) -> None:
    """Do the task in this process: read arrays and options from ``given``, write the result to ``made``."""
    module, function = task.split(":")
    with np.load(given) as archive:
        arrays = {name: archive[name] for name in archive.files if name != "options"}
        options = json.loads(str(archive["options"]))
    _save(made, getattr(importlib.import_module(module), function)(arrays, **options))


if __name__ == "__main__":
    main(*sys.argv[1:])
