"""Means over time of an unsteady flow; ``mpiexec -n N python -m solvers.verification.time_means FOLDER`` takes them.

The folder holds ``spec.json`` and the mesh of a run, and ``means.json``: a :class:`Course`. Rank 0 tells the steps on
standard output and writes the result, ``means.npz``.
"""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import tempfile
from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from types import MappingProxyType

if __name__ == "__main__":
    for _variable in ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS"):
        os.environ.setdefault(_variable, "1")
    import dolfinx_solver  # noqa: F401 - orders MPI before the compiled modules

import numpy as np
from mpi4py import MPI
from numpy.typing import NDArray

from solvers.contract.mesh_file import MeshArrays, read_mesh, write_mesh
from solvers.contract.spec import MeshFile, RunSpec, read_spec, write_spec
from solvers.flow.build import build_flow
from solvers.flow.measured import read_measured
from solvers.flow.solver import FlowSolver
from solvers.launch.local import find_mpiexec
from solvers.run.growth import SAMPLE_EVERY, EnergyWatch
from solvers.run.guard import Guard

FloatArray = NDArray[np.float64]

COURSE, MEANS = "means.json", "means.npz"


@dataclass(frozen=True)
class Course:
    """Steps from rest that are not averaged over, and after them parts of some steps each, which are."""

    settle_steps: int
    n_parts: int
    part_steps: int

    @property
    def n_steps(self) -> int:
        """All steps."""
        return self.settle_steps + self.n_parts * self.part_steps


@dataclass(frozen=True)
class TimeMeans:
    """Means over time at the unknowns, in an order that does not depend on the number of ranks.

    Attributes
    ----------
    nodes, velocity
        Places [m] of the velocity's unknowns and mean velocities [m/s], (n, 3) each.
    parts, fluctuation
        Mean of the third velocity component [m/s] over each part (n, n_parts), and its root mean square deviation from
        its mean over all of them (n,).
    vertices, kinematic_pressure
        Places (m, 3) [m] and mean pressures over density (m,) [m2/s2].
    """

    nodes: FloatArray
    velocity: FloatArray
    parts: FloatArray
    fluctuation: FloatArray
    vertices: FloatArray
    kinematic_pressure: FloatArray


def time_means(
    spec: RunSpec,
    arrays: MeshArrays,
    course: Course,
    n_ranks: int,
    progress: Callable[[int], None],
    files: Mapping[str, bytes] = MappingProxyType({}),
) -> TimeMeans:
    """Solve on some ranks, in processes of their own that end when ``progress`` raises; it is told the step.

    ``files`` are put beside the spec: measured velocities that it names.
    """
    with tempfile.TemporaryDirectory() as place:
        folder = Path(place)
        for name, data in files.items():
            (folder / name).write_bytes(data)
        write_spec(folder, replace(spec, mesh=MeshFile(write_mesh(folder, arrays))))
        (folder / COURSE).write_text(json.dumps(asdict(course)), encoding="utf-8")
        command = [find_mpiexec(), "-n", str(n_ranks), sys.executable, "-m", __name__, str(folder)]
        with (
            (folder / "errors.txt").open("w+", encoding="utf-8") as errors,
            subprocess.Popen(
                command, stdout=subprocess.PIPE, stderr=errors, encoding="utf-8", start_new_session=True
            ) as process,
        ):
            try:
                assert process.stdout is not None
                for line in process.stdout:
                    if line.strip().isdecimal():
                        progress(int(line))
                code = process.wait()
            finally:
                if process.poll() is None:
                    os.killpg(process.pid, signal.SIGTERM)
            if code:
                errors.seek(0)
                said = errors.read().strip().splitlines()
                raise ArithmeticError(f"the flow solver stopped with code {code}: {said[-1] if said else 'no word'}")
        with np.load(folder / MEANS) as found:
            return TimeMeans(**found)


def main(folder: Path) -> int:
    """Take the means of a folder."""
    comm = MPI.COMM_WORLD
    course = Course(**json.loads((folder / COURSE).read_text(encoding="utf-8")))
    spec = read_spec(folder)
    arrays, measured = None, {}
    if comm.rank == 0:
        arrays = read_mesh(folder, spec)
        of_file = [inlet for inlet in spec.inlets if inlet.measured is not None]
        measured = {inlet.patch_id: read_measured(folder, inlet, arrays, spec.time.period) for inlet in of_file}
    solver = build_flow(comm, spec, arrays, measured)

    def tell(step: int) -> None:
        if comm.rank == 0 and step % 10 == 0:
            print(step, flush=True)

    found = _means(solver, spec, course, tell)
    if comm.rank == 0:
        np.savez(folder / MEANS, **found)  # type: ignore[arg-type]
    return 0


def _means(solver: FlowSolver, spec: RunSpec, course: Course, tell: Callable[[int], None]) -> dict[str, FloatArray]:
    """The arrays of :class:`TimeMeans` on rank 0; empty elsewhere."""
    advance = _Guarded(solver, spec)
    for step in range(course.settle_steps):
        advance()
        tell(step)
    space, vertices = solver.mesh.velocity, solver.mesh.pressure
    n, m = space.n_owned, vertices.n_owned
    velocity, square, pressure = np.zeros((n, 3)), np.zeros(n), np.zeros(m)
    parts = np.zeros((n, course.n_parts))
    count = course.n_parts * course.part_steps
    for step in range(count):
        advance()
        tell(course.settle_steps + step)
        velocity += solver.velocity[:n] / count
        square += solver.velocity[:n, 2] ** 2 / count
        parts[:, step // course.part_steps] += solver.velocity[:n, 2] / course.part_steps
        pressure += solver.kinematic_pressure[:m] / count
    gathered = {
        "nodes": space.order.gather(space.points[:n]),
        "velocity": space.order.gather(velocity),
        "parts": space.order.gather(parts),
        "fluctuation": space.order.gather(np.sqrt(np.maximum(square - velocity[:, 2] ** 2, 0.0))),
        "vertices": vertices.order.gather(vertices.points[:m]),
        "kinematic_pressure": vertices.order.gather(pressure),
    }
    return {name: array for name, array in gathered.items() if array is not None}


class _Guarded:
    """Steps under the guards of a run, which end it: there is no way back to smaller steps here."""

    def __init__(self, solver: FlowSolver, spec: RunSpec) -> None:
        self._solver, density = solver, spec.fluid.density
        areas = [solver.caps[inlet.patch_id].area for inlet in spec.inlets]
        peaks = [max(map(abs, inlet.flow.values)) / area for inlet, area in zip(spec.inlets, areas, strict=True)]
        self._guard = Guard(spec.numerics.max_cfl, max(peaks, default=0.0), density)
        self._watch = EnergyWatch(solver, density, spec.n_inlets)
        self._mark, self._velocity = self._watch.mark(), solver.velocity

    def __call__(self) -> None:
        """One step; ArithmeticError says what is wrong with it."""
        report, dt = self._solver.step(), self._solver.dt
        trouble = self._guard.judge(report, dt) or self._watch.judge(report, dt, self._mark, self._velocity)
        if trouble is not None and not trouble.is_soft:
            raise ArithmeticError(trouble.sentence)
        if report.step % SAMPLE_EVERY == 0:
            self._mark, self._velocity = self._watch.mark(), self._solver.velocity


if __name__ == "__main__":
    sys.exit(main(Path(sys.argv[1])))
