"""Run folders that are solved in seconds."""

from __future__ import annotations

import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import numpy as np

from solvers.contract.mesh_file import write_mesh
from solvers.contract.spec import (
    Inlet,
    MeshFile,
    Numerics,
    Output,
    RcrOutlet,
    RunSpec,
    Section,
    Time,
    Tuning,
    Waveform,
    write_spec,
)
from solvers.verification.meshes import INLET, OUTLET, WALL, straight_tube

PERIOD = 0.8
SECTIONS = (
    Section("upstream", (0.0, 0.0, 0.008), (0.0, 0.0, 1.0), "tube", 0.008),
    Section("aslant", (0.0, 0.0, 0.021), (0.1, 0.2, 1.0), "tube", 0.021),
)
TUNING = Tuning("outlet", (1.0,), systolic=17000.0, diastolic=9500.0)
"""Pressures that the tube's own outlet is far from."""


def tube_spec(sha256: str, steps: int = 60, cycles: int = 2, limit: float | None = None) -> RunSpec:
    """A pulse through a tube into a Windkessel."""
    times = np.linspace(0.0, PERIOD, 40, endpoint=False)
    flow = 2e-6 + 3e-5 * np.where(times < 0.3, np.sin(np.pi * times / 0.3) ** 2, 0.0)
    resistance = 11000.0 / flow.mean()
    return RunSpec(
        mesh=MeshFile(sha256),
        inlets=(Inlet(INLET, "inlet", Waveform(tuple(times.tolist()), tuple(flow.tolist()))),),
        outlets=(RcrOutlet(OUTLET, "outlet", 0.1 * resistance, 0.3 / resistance, 0.9 * resistance, p_initial=11000.0),),
        time=Time(PERIOD, steps, cycles, cycles, limit),
        wall_patch_ids=(WALL,),
        numerics=Numerics(velocity_tolerance=1e-8),
        output=Output(fields_per_cycle=6, checkpoint_every=20),
        sections=SECTIONS,
    )


def write_tube_run(folder: Path, steps: int = 60, cycles: int = 2, limit: float | None = None) -> RunSpec:
    """Prepare a run folder; returns its spec."""
    folder.mkdir(parents=True, exist_ok=True)
    spec = tube_spec(write_mesh(folder, straight_tube(0.04, 0.005, 3, 8, 0.6)), steps, cycles, limit)
    write_spec(folder, spec)
    return spec


def change(folder: Path, spec: RunSpec, **changes: object) -> None:
    """Write a run's spec again with some parts changed."""
    write_spec(folder, replace(spec, **changes))  # type: ignore[arg-type]


def mpiexec() -> str:
    """The launcher of this environment."""
    return str(Path(sys.executable).parent / "mpiexec")


def solve_by_hand(folder: Path, n_ranks: int, *options: str, patch: str = "") -> int:
    """Run a folder without the launcher and return its exit code; ``patch`` is Python that is executed before."""
    program = (
        "import sys\nimport dolfinx_solver\nfrom mpi4py import MPI\nfrom pathlib import Path\n"
        f"{patch}\n"
        "from solvers.run.session import run\n"
        "sys.exit(int(run(MPI.COMM_WORLD, Path(sys.argv[1]), '--restart' in sys.argv)))\n"
    )
    script = folder / "program.py"
    script.write_text(program, encoding="utf-8")
    command = [mpiexec(), "-n", str(n_ranks), sys.executable, str(script), str(folder), *options]
    return subprocess.run(command, timeout=300, check=False, capture_output=True).returncode
