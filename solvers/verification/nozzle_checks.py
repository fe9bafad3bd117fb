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
from solvers.verification.row import Curve, Progress, Row

GRID = NozzleGrid(core_rings=4, annulus_rings=4, core_stretch=0.4)
EXPANSION_ENDS, DIFFUSER_ENDS = (-0.10, 0.20), (-0.19, 0.06)
"""Ends [m] of the meshes on the axis of the flow into the expansion."""
LONG_STEPS = (0.1, 60)
"""Length [s] and number of the steps in which jet and eddies build up; the pressure in the throat lags behind them."""
SHORT_STEPS = (0.006, 200)
"""Length [s] and largest number of the steps after them, in which throat and pressure settle."""
STEADY = 5e-4
"""Relative change of the velocity (Euclidean norm) in ten short steps with which the flow counts as steady."""
NAME = "fda_nozzle"
MEASURED = "Hariharan et al. 2011, measured"
STUDY_ERROR, STUDY_SPREAD = 0.34, 0.30
"""Mean and standard deviation of the study's global error over its laminar computations (Stewart et al. 2012)."""


def check_nozzle(progress: Progress, long: bool) -> list[Row | Curve]:
    """Steady flow of Re 500 in the throat, in both directions, on tetrahedra that follow the body."""
    if not long:
        return []
    expansion = solve_nozzle(lambda part, text: progress(0.5 * part, text), GRID, False)
    diffuser = solve_nozzle(lambda part, text: progress(0.5 + 0.5 * part, text), GRID, True)
    return [
        *compare(expansion, EXPANSION, "expansion"),
        *compare(diffuser, DIFFUSER, "diffuser"),
        *curves(expansion, EXPANSION, "expansion"),
        *curves(diffuser, DIFFUSER, "diffuser"),
    ]


def solve_nozzle(progress: Progress, grid: NozzleGrid, is_reversed: bool) -> NozzleReading:
    """The flow, from rest until it is steady or after all ``SHORT_STEPS``."""
    data = DIFFUSER if is_reversed else EXPANSION
    stations = [-z if is_reversed else z for z, _, _ in data.axis]
    arrays = nozzle(*(DIFFUSER_ENDS if is_reversed else EXPANSION_ENDS), stations, grid, is_reversed)
    solver = build_flow(MPI.COMM_SELF, _spec(), arrays)
    (_, n_long), (short, n_short) = LONG_STEPS, SHORT_STEPS
    for step in range(n_long):
        solver.step()
        progress(step / (n_long + n_short), f"FDA nozzle: step {step}")
    solver.change_step(short)
    before = solver.velocity
    for step in range(1, n_short + 1):
        solver.step()
        if step % 10:
            continue
        change = float(np.linalg.norm(solver.velocity - before) / np.linalg.norm(solver.velocity))
        before = solver.velocity
        progress((n_long + step) / (n_long + n_short + 1), f"FDA nozzle: step {n_long + step}, change {change:.1e}")
        if change < STEADY:
            break
    mesh, pressure = solver.mesh, DENSITY * solver.kinematic_pressure
    return NozzleReading(arrays, is_reversed, mesh.velocity.points, solver.velocity, mesh.pressure.points, pressure)


def _spec() -> RunSpec:
    step, n_steps = LONG_STEPS
    return RunSpec(
        mesh=MeshFile(""),
        inlets=(Inlet(INLET, "inlet", Waveform.constant(FLOW), "parabolic"),),
        outlets=(PressureOutlet(OUTLET, "outlet", Waveform.constant(0.0)),),
        time=Time(period=step * n_steps, steps_per_cycle=n_steps, ramp=2.0 * step, mode="steady"),
        wall_patch_ids=(WALL,),
        fluid=Fluid(DENSITY, VISCOSITY),
        numerics=Numerics(velocity_tolerance=1e-6),
    )


def compare(reading: NozzleReading, data: NozzleData, name: str) -> list[Row]:
    """The rows of one direction of flow."""
    rows = []
    for z, mean, deviation in data.axis:
        what = f"{name}: speed on the axis at {1e3 * z:g} mm"
        gate = measured_gate(mean, deviation)
        rows.append(Row(NAME, what, "m/s", reading.axis_speed(z), mean, gate, MEASURED, is_absolute=True))
    for z, mean, deviation in data.jet_width:
        what = f"{name}: width of the jet at {1e3 * z:g} mm"
        gate = measured_gate(mean, deviation)
        rows.append(Row(NAME, what, "m", reading.jet_width(z), mean, gate, MEASURED, is_absolute=True))
    rows += pressure_rows(NAME, reading, data.wall_pressure, f"{name}: ")
    for where, flow in section_flows(reading, data, FLOW).items():
        what = f"{name}: flow through {where} / inflow"
        rows.append(Row(NAME, what, "", flow / FLOW, 1.0, 5e-3, "conservation of mass"))
    source = "Stewart et al. 2012, laminar computations"
    rows.append(
        Row(
            *(NAME, f"{name}: global error of the profiles", "", global_error(reading, data), STUDY_ERROR),
            *(STUDY_SPREAD, source, True),
        )
    )
    return rows


def curves(reading: NozzleReading, data: NozzleData, name: str) -> list[Curve]:
    """Speed on the axis and pressure on the wall of one direction of flow."""
    stations = np.array([z for z, _, _ in data.axis])
    along = reading.axis()
    z, speed = along[:, (along[0] >= stations[0] - 5e-3) & (along[0] <= stations[-1] + 5e-3)]
    measured = tuple(mean for _, mean, _ in data.axis)
    wall_z, pressure, _ = (np.array(column) for column in zip(*data.wall_pressure, strict=True))
    fine = np.linspace(wall_z[0], wall_z[-1], 200)
    on_wall = np.array([reading.wall_pressure(float(place)) for place in fine]) - reading.wall_pressure(wall_z[-1])
    place = "distance along the flow from the sudden change [mm]"
    return [
        Curve(
            *(NAME, f"{name}: speed on the axis", place, "speed [m/s]", tuple(1e3 * z), tuple(speed)),
            *(MEASURED, tuple(1e3 * stations), measured),
        ),
        Curve(
            *(NAME, f"{name}: pressure on the wall", place, "pressure [Pa]", tuple(1e3 * fine), tuple(on_wall)),
            *(MEASURED, tuple(1e3 * wall_z), tuple(pressure)),
        ),
    ]


def measured_gate(mean: float, deviation: float) -> float:
    """How far a speed or width may be from the mean of the measurements: 1.5 of their deviations, or 5 %."""
    return max(1.5 * deviation, 0.05 * mean)


def section_flows(reading: NozzleReading, data: NozzleData, inflow: float) -> dict[str, float]:
    """Flow [m3/s] through the plane of the sudden change of diameter, and through the station farthest from ``inflow``.

    The edge of the sudden change is singular, so its plane is named apart (docs/verification/README.md).
    """
    flows = {z: reading.flow(z) for z, _, _ in data.axis}
    at_edge = flows.pop(0.0)
    worst = max(flows.values(), key=lambda flow: abs(flow - inflow))
    return {"the plane of the edge": at_edge, "the worst other section": worst}


def global_error(reading: NozzleReading, data: NozzleData) -> float:
    """The study's global error: the mean over the profiles of each one's mean relative error."""
    errors = []
    for z, measured in data.profiles:
        distance, speed = reading.profile(z)
        places = 0.1 * np.arange(len(measured)) * reading.wall_radius(z)
        errors.append(profile_error(measured, np.interp(places, distance, speed)))
    return float(np.mean(errors))


def pressure_rows(check: str, reading: NozzleReading, measured: Measured, before: str) -> list[Row]:
    """Rows of the pressure on the wall, less that at the last station; ``before`` begins the name of each quantity."""
    base = reading.wall_pressure(measured[-1][0])
    return [
        Row(
            *(check, f"{before}pressure on the wall at {1e3 * z:g} mm", "Pa", reading.wall_pressure(z) - base, mean),
            *(1.5 * deviation, MEASURED, True),
        )
        for z, mean, deviation in measured[:-1]
    ]
