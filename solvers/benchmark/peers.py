"""Other open flow solvers that the engine is measured against: where they are, and what starts them.

None of them is needed or shipped. Oasis is found by the variable ANGIOTWIN_OASIS (the folder that holds its package
``oasis``) together with a Python that has the legacy ``dolfin`` (ANGIOTWIN_DOLFIN_PYTHON, default /usr/bin/python3);
OpenFOAM by ``pimpleFoam`` on the PATH and WM_PROJECT_DIR (default /usr/share/openfoam). Several ranks of either need
``mpirun.openmpi``, the MPI that Debian builds them with.
"""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

TIMEOUT_S = 600.0
DEBIAN_OPENFOAM = "/usr/share/openfoam"


@dataclass(frozen=True)
class Peer:
    """A solver that was found, with the environment its programs need."""

    name: str
    command: tuple[str, ...]
    environment: dict[str, str]


@dataclass(frozen=True)
class PeerTiming:
    """Medians of a step in the second half of the run: seconds, and seconds of one rank's processor."""

    step_s: float
    busy_s: float
    n_steps: int


class PeerFailure(Exception):
    """A peer that was found did not do its run; the message says which."""


def find_oasis(environment: Mapping[str, str]) -> Peer | str:
    """Oasis, or why it is not measured."""
    folder = environment.get("ANGIOTWIN_OASIS", "")
    if not folder:
        return "Oasis is not installed: set ANGIOTWIN_OASIS to its folder"
    if not (Path(folder) / "oasis" / "NSfracStep.py").is_file():
        return f"Oasis is not in {folder}, which ANGIOTWIN_OASIS names"
    python = environment.get("ANGIOTWIN_DOLFIN_PYTHON", "/usr/bin/python3")
    clean = _clean(environment) | {"PYTHONPATH": folder}
    try:
        found = subprocess.run([python, "-c", "import dolfin"], env=clean, capture_output=True, check=False)
    except OSError:
        return f"Oasis needs a Python with legacy dolfin, and {python} cannot be started: set ANGIOTWIN_DOLFIN_PYTHON"
    if found.returncode:
        return f"Oasis needs legacy dolfin, which {python} does not have: install it or set ANGIOTWIN_DOLFIN_PYTHON"
    return Peer("Oasis", (python, "-m", "oasis.run_oasis", "NSfracStep"), clean)


def find_openfoam(environment: Mapping[str, str]) -> Peer | str:
    """OpenFOAM's pimpleFoam, or why it is not measured."""
    program = shutil.which("pimpleFoam", path=environment.get("PATH", os.defpath))
    if program is None:
        return "OpenFOAM is not installed: pimpleFoam is not on the PATH"
    project = environment.get("WM_PROJECT_DIR", DEBIAN_OPENFOAM)
    if not Path(project).is_dir():
        return "OpenFOAM's files were not found: set WM_PROJECT_DIR"
    return Peer("OpenFOAM", (program,), _clean(environment) | {"WM_PROJECT_DIR": project})


def parallel(command: tuple[str, ...], n_ranks: int, is_root: bool) -> tuple[str, ...]:
    """A command on several ranks of Open MPI; on one rank the command itself."""
    if n_ranks == 1:
        return command
    as_root = ("--allow-run-as-root",) if is_root else ()
    return ("mpirun.openmpi", *as_root, "-n", str(n_ranks), *command)


def _clean(environment: Mapping[str, str]) -> dict[str, str]:
    """The environment without this program's own Python, and one thread a process."""
    mine = ("PYTHONPATH", "PYTHONHOME", "VIRTUAL_ENV")
    kept = {name: value for name, value in environment.items() if name not in mine}
    return kept | {"OMP_NUM_THREADS": "1", "OPENBLAS_NUM_THREADS": "1", "PYTHONDONTWRITEBYTECODE": "1"}


def run_oasis(peer: Peer, folder: Path, n_ranks: int) -> PeerTiming:
    """Time the case that :func:`solvers.benchmark.oasis.write_oasis` has written."""
    command = parallel((*peer.command, "problem=timed_tube"), n_ranks, os.geteuid() == 0)
    timing = folder / "timing.json"
    timing.unlink(missing_ok=True)
    _run(peer, command, folder)
    if not timing.is_file():
        raise PeerFailure(f"{peer.name} ended without its timing")
    found = json.loads(timing.read_text(encoding="utf-8"))
    return second_half(found["step_s"], found["busy_s"])


def run_openfoam(peer: Peer, folder: Path, n_ranks: int) -> PeerTiming:
    """Time the case that :func:`solvers.benchmark.openfoam.write_openfoam` has written."""
    flags: tuple[str, ...] = ()
    if n_ranks > 1:
        _run(peer, (str(Path(peer.command[0]).with_name("decomposePar")), "-force"), folder)
        flags = ("-parallel",)
    stamps = _stamps(peer, parallel((*peer.command, *flags), n_ranks, os.geteuid() == 0), folder)
    log = (folder / "log.txt").read_text(encoding="utf-8")
    busy = [float(seconds) for seconds in re.findall(r"^ExecutionTime = (\S+) s", log, re.MULTILINE)]
    # mpiexec may hand the lines on in blocks, which a median of their distances does not survive
    return second_half(np.diff(stamps).tolist(), np.diff(busy).tolist(), np.mean)


def second_half(
    steps_s: list[float], busy_s: list[float], middle: Callable[[list[float]], Any] = np.median
) -> PeerTiming:
    """Medians of the second half of the steps, or what else is their ``middle``."""
    if len(steps_s) < 2 or not busy_s or not np.isfinite([*steps_s, *busy_s]).all():
        raise PeerFailure("too few steps were timed")
    step, busy = (float(middle(seconds[len(seconds) // 2 :])) for seconds in (steps_s, busy_s))
    return PeerTiming(step, busy, len(steps_s))


def _run(peer: Peer, command: tuple[str, ...], folder: Path) -> None:
    with (folder / "log.txt").open("w", encoding="utf-8") as log:
        try:
            code = subprocess.run(
                command, cwd=folder, env=peer.environment, stdout=log, stderr=log, check=False, timeout=TIMEOUT_S
            ).returncode
        except (OSError, subprocess.TimeoutExpired) as error:
            raise PeerFailure(f"{peer.name} did not run: {type(error).__name__}") from error
    if code:
        raise PeerFailure(f"{peer.name} stopped with code {code}")


def _stamps(peer: Peer, command: tuple[str, ...], folder: Path) -> list[float]:
    """When each time step began, by the lines that pimpleFoam prints."""
    stamps: list[float] = []
    started = time.perf_counter()
    try:
        process = subprocess.Popen(
            command,
            cwd=folder,
            env=peer.environment,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            encoding="utf-8",
        )
    except OSError as error:
        raise PeerFailure(f"{peer.name} did not run: {error.strerror}") from error
    with process, (folder / "log.txt").open("w", encoding="utf-8") as log:
        assert process.stdout is not None
        for line in process.stdout:
            log.write(line)
            if line.startswith(("Time = ", "End")):
                stamps.append(time.perf_counter())
            if time.perf_counter() - started > TIMEOUT_S:
                process.kill()
    if process.returncode:
        raise PeerFailure(f"{peer.name} stopped with code {process.returncode}")
    return stamps
