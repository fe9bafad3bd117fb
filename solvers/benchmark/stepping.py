"""``mpiexec -n N python -m solvers.benchmark.stepping FOLDER``: time the steps of a prepared run, in memory only.

The folder holds ``spec.json`` and the mesh of a run, and a :class:`solvers.benchmark.job.Job`; rank 0 writes the
result, ``timing.json``.
"""

from __future__ import annotations

import json
import os
import resource
import sys
import time
from pathlib import Path
from typing import Any

for _variable in ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS"):
    os.environ.setdefault(_variable, "1")

import dolfinx_solver  # noqa: F401, E402 - orders MPI before the compiled modules
import numpy as np  # noqa: E402
from mpi4py import MPI  # noqa: E402
from numpy.typing import NDArray  # noqa: E402

from solvers.benchmark.job import TIMING, read_job  # noqa: E402
from solvers.benchmark.traffic import read_bandwidth, step_bytes  # noqa: E402
from solvers.contract.mesh_file import read_mesh  # noqa: E402
from solvers.contract.spec import read_spec  # noqa: E402
from solvers.fem.surface import WallShear  # noqa: E402
from solvers.fem.warmup import compile_kernels  # noqa: E402
from solvers.flow.build import build_flow  # noqa: E402
from solvers.flow.solver import FlowSolver  # noqa: E402

FloatArray = NDArray[np.float64]


def main(folder: Path) -> int:
    """Run the job of a folder."""
    comm = MPI.COMM_WORLD
    job = read_job(folder)
    spec = read_spec(folder)
    arrays = read_mesh(folder, spec) if comm.rank == 0 else None
    compile_kernels(comm)
    idle_mb = _memory_mb()
    started = time.perf_counter()
    flow = build_flow(comm, spec, arrays)
    shear = WallShear(flow.mesh, spec.wall_patch_ids, spec.fluid.viscosity)
    build_s = time.perf_counter() - started
    steps: list[float] = []
    history: list[tuple[float, float, float]] = []
    iterations: list[int] = []
    inlet: list[tuple[float, float]] = []
    busy_before = time.process_time()
    for _ in range(job.n_steps):
        comm.barrier()
        began = time.perf_counter()
        report = flow.step()
        if job.drop_between is not None:
            stress = np.linalg.norm(shear.stress(flow.velocity), axis=1)
            history.append((flow.time, _drop(flow, job.drop_between), float(stress.max(initial=0.0))))
        comm.barrier()
        steps.append(time.perf_counter() - began)
        iterations.append(report.velocity_iterations)
        inlet.append((flow.time, float(report.pressures[0])))
        if not (report.velocity_converged and np.isfinite(report.max_speed)):
            break
    busy_s = time.process_time() - busy_before
    drops = np.array([drop for _, drop, _ in history])
    stresses = np.array([stress for _, _, stress in history])
    comm.Allreduce(MPI.IN_PLACE, stresses, MPI.MAX)
    result: dict[str, Any] = {
        "is_complete": len(steps) == job.n_steps and bool(report.velocity_converged),
        "build_s": build_s,
        "step_s": steps,
        "busy_s": comm.allreduce(busy_s, MPI.MAX),
        "iterations": iterations,
        "n_cells": flow.mesh.n_cells_global,
        "n_unknowns": flow.mesh.n_unknowns_global,
        "peak_mb": comm.allgather(_memory_mb()),
        "idle_mb": comm.allgather(idle_mb),
        "shared_mb": comm.allgather(_shared_mb()),
        "read_gb_s": read_bandwidth(comm),
        "step_bytes": comm.allreduce(step_bytes(flow, float(np.median(iterations[len(iterations) // 2 :])))),
        "inlet_time_s": [at for at, _ in inlet],
        "inlet_pa": [pressure for _, pressure in inlet],
        "time_s": [at for at, _, _ in history],
        "drop_pa": drops.tolist(),
        "peak_stress_pa": stresses.tolist(),
    }
    if comm.rank == 0:
        (folder / TIMING).write_text(json.dumps(result), encoding="utf-8")
    return 0


def _memory_mb() -> float:
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024.0


def _shared_mb() -> float:
    """Unchanged pages that other processes map too, such as the libraries' [MB]; 0 where the system does not tell."""
    try:
        lines = Path("/proc/self/smaps_rollup").read_text(encoding="ascii").splitlines()
    except OSError:
        return 0.0
    return sum(float(line.split()[1]) / 1024.0 for line in lines if line.startswith("Shared_Clean:"))


def _drop(flow: FlowSolver, between: tuple[float, float]) -> float:
    """Pressure [Pa] at the first place on the axis minus that at the second."""
    space, comm = flow.mesh.pressure, flow.mesh.comm
    points = space.points[: space.n_owned]
    on_axis = np.flatnonzero(np.hypot(points[:, 0], points[:, 1]) < 1e-9)
    gathered = comm.allgather((points[on_axis, 2], flow.kinematic_pressure[on_axis]))
    z = np.concatenate([places for places, _ in gathered])
    pressure = np.concatenate([values for _, values in gathered])
    order = np.argsort(z)
    before, behind = np.interp(between, z[order], pressure[order])
    return flow.parameters.density * float(before - behind)


if __name__ == "__main__":
    sys.exit(main(Path(sys.argv[1])))
