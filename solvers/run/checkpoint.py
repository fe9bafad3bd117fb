"""Checkpoints: the whole state of a run in an order that does not depend on the number of ranks."""

from __future__ import annotations

import zipfile
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from solvers.contract.atomic import write_atomically
from solvers.contract.errors import ExitCode, RunError
from solvers.contract.files import CHECKPOINTS

FloatArray = NDArray[np.float64]
Arrays = dict[str, FloatArray]

SCHEMA_VERSION = 1
N_KEPT = 2


def write_checkpoint(run_dir: Path, step: int, fingerprint: str, arrays: Arrays) -> int:
    """Write a checkpoint atomically, remove all but the newest ``N_KEPT``; returns the step of the oldest kept."""
    folder = run_dir / CHECKPOINTS
    folder.mkdir(exist_ok=True)
    header = {"schema_version": np.array(SCHEMA_VERSION), "fingerprint": np.array(fingerprint), "step": np.array(step)}
    write_atomically(_path(folder, step), lambda stream: np.savez(stream, allow_pickle=False, **header, **arrays))
    steps = checkpoint_steps(run_dir)
    for old in steps[:-N_KEPT]:
        _path(folder, old).unlink(missing_ok=True)
    return steps[-N_KEPT:][0]


def checkpoint_steps(run_dir: Path) -> list[int]:
    """Steps of the checkpoints of a run, ascending."""
    return sorted(int(path.stem) for path in (run_dir / CHECKPOINTS).glob("[0-9]*.npz"))


def read_checkpoint(run_dir: Path, fingerprint: str) -> tuple[int, Arrays]:
    """Step and arrays of the newest checkpoint that can be read.

    Raises
    ------
    RunError
        ``no_checkpoint``: none is whole. ``other_checkpoint``: it belongs to another run.
    """
    for step in reversed(checkpoint_steps(run_dir)):
        try:
            with _path(run_dir / CHECKPOINTS, step).open("rb") as stream, np.load(stream) as archive:
                content = {name: archive[name] for name in archive.files}
        except (OSError, ValueError, EOFError, KeyError, zipfile.BadZipFile):
            continue
        if int(content.pop("schema_version")) != SCHEMA_VERSION or str(content.pop("fingerprint")) != fingerprint:
            raise RunError(
                "other_checkpoint",
                "The checkpoint belongs to a run with other settings; start the run from the beginning.",
                exit_code=ExitCode.BAD_SPEC,
            )
        return int(content.pop("step")), content
    raise RunError(
        "no_checkpoint",
        "The run has no checkpoint to go on from; start it from the beginning.",
        exit_code=ExitCode.BAD_SPEC,
    )


def _path(folder: Path, step: int) -> Path:
    return folder / f"{step:08d}.npz"
