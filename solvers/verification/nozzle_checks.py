"""The FDA benchmark nozzle at a throat Reynolds number of 500, in both directions, against what was measured."""

from __future__ import annotations

import numpy as np
from mpi4py import MPI

from solvers.contract.spec import Fluid, Inlet, MeshFile, Numerics, PressureOutlet, RunSpec, Time, Waveform
from solvers.flow.build import build_flow
from solvers.verification.meshes import INLET, OUTLET, WALL
from solvers.verification.nozzle_data import DENSITY, DIFFUSER, EXPANSION, FLOW, VISCOSITY, Measured, NozzleData
from solvers.verification.nozzle_mesh import NozzleGrid, nozzle
from solvers.verification.nozzle_reading import NozzleReading, profile_error
from solvers.verification.row import Progress, Row

GRID = NozzleGrid(core_rings=5, annulus_rings=5, coarseness=1.25)
EXPANSION_ENDS, DIFFUSER_ENDS = (-0.10, 0.20), (-0.19, 0.06)
"""Ends [m] of the meshes on the axis of the flow into the expansion."""
STEP, MOST_STEPS = 0.03, 400
STEADY = 1e-3
"""Relative change of the velocity (Euclidean norm) in ten steps with which the flow counts as steady."""
NAME = "fda_nozzle"
MEASURED = "Hariharan et al. 2011, measured"
STUDY_ERROR, STUDY_SPREAD = 0.34, 0.30
"""Mean and standard deviation of the study's global error over its laminar computations (Stewart et al. 2012)."""


def check_nozzle(progress: Progress, long: bool) -> list[Row]:
    """Axis, jet, pressure, profiles and conservation in both directions; only in the long set."""
    if not long:
        return []
    expansion = solve_nozzle(lambda part, text: progress(0.5 * part, text), GRID, False)
    diffuser = solve_nozzle(lambda part, text: progress(0.5 + 0.5 * part, text), GRID, True)
    return [
        *compare(expansion, EXPANSION, "expansion"),
        *compare(diffuser, DIFFUSER, "diffuser"),
    ]


def solve_nozzle(progress: Progress, grid: NozzleGrid, is_reversed: bool, steps: int = MOST_STEPS) -> NozzleReading:
    """The steady flow, from rest, after at most ``steps`` steps."""
    data = DIFFUSER if is_reversed else EXPANSION
    stations = [-z if is_reversed else z for z, _, _ in data.axis]
    arrays = nozzle(*(DIFFUSER_ENDS if is_reversed else EXPANSION_ENDS), stations, grid, is_reversed)
    solver = build_flow(MPI.COMM_SELF, _spec(), arrays)
    before = solver.velocity
    for step in range(1, steps + 1):
        solver.step()
        change = 1.0
        if step % 10 == 0:
            change = float(np.linalg.norm(solver.velocity - before) / np.linalg.norm(solver.velocity))
            before = solver.velocity
            progress(min(0.99, step / steps), f"FDA nozzle: step {step}, change {change:.1e}")
        if change < STEADY:
            break
    mesh = solver.mesh
    pressure = DENSITY * solver.kinematic_pressure
    return NozzleReading(arrays, is_reversed, mesh.velocity.points, solver.velocity, mesh.pressure.points, pressure)


def _spec() -> RunSpec:
    return RunSpec(
        mesh=MeshFile(""),
        inlets=(Inlet(INLET, "inlet", Waveform.constant(FLOW), "parabolic"),),
        outlets=(PressureOutlet(OUTLET, "outlet", Waveform.constant(0.0)),),
        time=Time(period=100.0 * STEP, steps_per_cycle=100, ramp=0.2, mode="steady"),
        wall_patch_ids=(WALL,),
        fluid=Fluid(DENSITY, VISCOSITY),
        numerics=Numerics(velocity_tolerance=1e-6, max_passes=1),
    )


def compare(reading: NozzleReading, data: NozzleData, name: str) -> list[Row]:
    """The rows of one direction of flow."""
    rows = []
    for z, mean, deviation in data.axis:
        what = f"{name}: speed on the axis at {1e3 * z:g} mm"
        gate = max(1.5 * deviation, 0.05 * mean)
        rows.append(Row(NAME, what, "m/s", reading.axis_speed(z), mean, gate, MEASURED, is_absolute=True))
    for z, mean, deviation in data.jet_width:
        what = f"{name}: width of the jet at {1e3 * z:g} mm"
        gate = max(1.5 * deviation, 0.05 * mean)
        rows.append(Row(NAME, what, "m", reading.jet_width(z), mean, gate, MEASURED, is_absolute=True))
    rows += _pressure_rows(reading, data.wall_pressure, name)
    deviations = [reading.flow(z) / FLOW - 1.0 for z, _, _ in data.axis]
    worst = 1.0 + max(deviations, key=abs)
    rows.append(Row(NAME, f"{name}: flow through the worst section", "", worst, 1.0, 5e-3, "conservation of mass"))
    errors = []
    for z, measured in data.profiles:
        distance, speed = reading.profile(z)
        places = 0.1 * np.arange(len(measured)) * reading.wall_radius(z)
        errors.append(profile_error(measured, np.interp(places, distance, speed)))
    mean_error = float(np.mean(errors))
    source = "Stewart et al. 2012, laminar computations"
    rows.append(
        Row(
            *(NAME, f"{name}: global error of the profiles", "", mean_error, STUDY_ERROR, STUDY_SPREAD, source),
            is_absolute=True,
        )
    )
    return rows


def _pressure_rows(reading: NozzleReading, measured: Measured, name: str) -> list[Row]:
    base = reading.wall_pressure(measured[-1][0])
    return [
        Row(
            NAME,
            f"{name}: pressure on the wall at {1e3 * z:g} mm",
            "Pa",
            reading.wall_pressure(z) - base,
            mean,
            1.5 * deviation,
            MEASURED,
            is_absolute=True,
        )
        for z, mean, deviation in measured[:-1]
    ]
