"""Steady flow through a stenosis on three meshes: order, limit, uncertainty, and distance to an axisymmetric solution.

The case is that of :mod:`solvers.benchmark.stenosis` with the inflow at the end of its ramp: Re 300, 600 in the
throat.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
from mpi4py import MPI
from numpy.typing import NDArray

from solvers.benchmark import stenosis
from solvers.benchmark.sizing import Sizing, sections
from solvers.contract.mesh_file import MeshArrays
from solvers.contract.spec import Inlet, Numerics, Time, Waveform
from solvers.fem.surface import WallShear
from solvers.flow.build import build_flow
from solvers.flow.solver import FlowSolver, StepReport
from solvers.run.steadiness import Steadiness
from solvers.verification.grid_convergence import cell_size, grid_convergence
from solvers.verification.meshes import INLET, WALL, tube
from solvers.verification.row import Progress, Row, order_row

FloatArray = NDArray[np.float64]

RINGS = (6, 4, 3)
"""Cells from the axis to the wall, finest mesh first; the sections follow in proportion."""
STEPS, MOST_FILLINGS, TOLERANCE = 60, 12, 1e-3
SOURCE = "axisymmetric Q2/Q1 solution on 48 x 480 quadrilaterals, performance study of 2026-11-22"
REFERENCE = {"pressure drop": 535.29, "inlet pressure": 457.28, "largest speed": 1.2059}
UNITS = {"pressure drop": "Pa", "inlet pressure": "Pa", "largest speed": "m/s", "peak wall shear stress": "Pa"}
FLOW = stenosis.MEAN_SPEED * np.pi * stenosis.RADIUS**2
GATE, LEAST_ORDER, MOST_INDEX = 0.02, 1.0, 0.1
NAME, CELIK = "grid_convergence", "Celik et al. 2008"


@dataclass(frozen=True)
class Steady:
    """A steady solution: its cells' size [m], its figures by name, and what still changed in one filling."""

    size: float
    figures: dict[str, float]
    change: float


def similar_mesh(n_rings: int) -> MeshArrays:
    """The stenosis with ``n_rings`` cells across; all members are the same up to their number of cells."""
    base = Sizing()
    places = sections(stenosis.LENGTH, stenosis.radius, base)
    last = len(places) - 1
    n = round(last * n_rings / base.n_rings)
    z = np.interp(np.linspace(0.0, last, n + 1), np.arange(last + 1), places)
    return tube(np.column_stack([0 * z, 0 * z, z]), stenosis.radius(z), n_rings, base.stretch)


def solve_steady(mesh: MeshArrays, progress: Progress) -> Steady:
    """March from rest until nothing changes any more."""
    volume = float(np.abs(np.linalg.det(mesh.points[mesh.tets[:, 1:]] - mesh.points[mesh.tets[:, :1]])).sum() / 6.0)
    filling = volume / FLOW
    spec = stenosis.run_spec(1e-3, "", Numerics())
    spec = replace(
        spec,
        inlets=(Inlet(INLET, "inlet", Waveform.constant(FLOW), "parabolic"),),
        time=Time(filling, STEPS, 2, MOST_FILLINGS, None, 0.1 * filling, "steady", TOLERANCE),
    )
    flow = build_flow(MPI.COMM_WORLD, spec, mesh)
    shear = WallShear(flow.mesh, (WALL,), stenosis.VISCOSITY)
    steadiness = Steadiness(MPI.COMM_WORLD)
    change = float("inf")
    for turn in range(MOST_FILLINGS):
        for _ in range(STEPS):
            report = flow.step()
        stress = shear.stress(flow.velocity)
        found = steadiness.change(flow.velocity, stress, report.flows, report.pressures)
        change = float("inf") if found is None else found
        progress((turn + 1) / MOST_FILLINGS, f"{len(mesh.tets)} cells: change in one filling {change:.1e}")
        if change <= TOLERANCE:
            break
    return Steady(cell_size(volume, len(mesh.tets)), _figures(flow, report, stress), change)


def _figures(flow: FlowSolver, report: StepReport, stress: FloatArray) -> dict[str, float]:
    points = flow.mesh.pressure.points
    on_axis = np.flatnonzero(np.hypot(points[:, 0], points[:, 1]) < 1e-9)
    on_axis = on_axis[np.argsort(points[on_axis, 2])]
    at = np.interp((stenosis.BEFORE, stenosis.BEHIND), points[on_axis, 2], flow.kinematic_pressure[on_axis])
    return {
        "pressure drop": float(stenosis.DENSITY * (at[0] - at[1])),
        "inlet pressure": float(report.pressures[0]),
        "largest speed": report.max_speed,
        "peak wall shear stress": float(np.linalg.norm(stress, axis=1).max()),
    }


def rows_of(found: tuple[Steady, Steady, Steady]) -> list[Row]:
    """What three solutions, finest first, say: values beside the reference, orders, limits, uncertainties."""
    sizes = (found[0].size, found[1].size, found[2].size)
    rows = []
    for name, unit in UNITS.items():
        values = (found[0].figures[name], found[1].figures[name], found[2].figures[name])
        grid = grid_convergence(sizes, values)
        exact = REFERENCE.get(name)
        if exact is not None:
            rows.append(Row(NAME, f"{name}, finest mesh", unit, values[0], exact, GATE, SOURCE))
            rows.append(Row(NAME, f"{name}, Richardson's limit", unit, grid.extrapolated, exact, GATE, SOURCE))
        rows.append(order_row(NAME, f"{name}, observed order", grid.order, 2.0, LEAST_ORDER, CELIK))
        rows.append(Row(NAME, f"{name}, grid convergence index", "", grid.index, 0.0, MOST_INDEX, CELIK, True))
    change = max(solution.change for solution in found)
    rows.append(Row(NAME, "change in one filling at the end", "", change, 0.0, TOLERANCE, "limit of the march", True))
    return rows


def check_grid_convergence(progress: Progress, long: bool) -> list[Row]:
    """A stenosis of 75 % of the area, steady, Re 300: P2/P1 on three similar meshes."""
    found = []
    for number, n_rings in enumerate(RINGS):

        def part(fraction: float, text: str, number: int = number) -> None:
            progress((number + fraction) / len(RINGS), text)

        found.append(solve_steady(similar_mesh(n_rings), part))
    return rows_of((found[0], found[1], found[2]))
