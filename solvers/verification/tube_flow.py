"""Steady and pulsatile flow in a straight tube, through the same inlets and outlets as a patient's run."""

from __future__ import annotations

import numpy as np
from mpi4py import MPI
from numpy.typing import NDArray

from solvers.contract.mesh_file import MeshArrays
from solvers.contract.spec import (
    Elements,
    Fluid,
    Inlet,
    InletProfile,
    MeshFile,
    Numerics,
    Outlet,
    PressureInlet,
    PressureOutlet,
    RunSpec,
    Time,
    Waveform,
)
from solvers.fem.energy import EnergyMeasure
from solvers.fem.surface import WallShear
from solvers.flow.build import build_flow
from solvers.flow.solver import FlowSolver
from solvers.verification.exact import Poiseuille, Womersley
from solvers.verification.meshes import INLET, OUTLET, WALL, straight_tube
from solvers.verification.row import Progress, Row

FloatArray = NDArray[np.float64]

DENSITY, VISCOSITY = 1060.0, 3.5e-3
STEADY_FLOW = 5e-6
BLOOD = Fluid(DENSITY, VISCOSITY)


def tube_solver(
    mesh: MeshArrays,
    flow: Waveform,
    profile: InletProfile,
    period: float,
    steps: int,
    outlet: Outlet | None = None,
    elements: Elements = "P2/P1",
) -> FlowSolver:
    """A flow solver on a tube mesh; the outlet is at zero pressure unless another is given."""
    closed = outlet or PressureOutlet(OUTLET, "outlet", Waveform.constant(0.0))
    return opened_solver(mesh, (Inlet(INLET, "inlet", flow, profile),), (closed,), period, steps, elements)


def opened_solver(
    mesh: MeshArrays,
    inlets: tuple[Inlet | PressureInlet, ...],
    outlets: tuple[Outlet, ...],
    period: float,
    steps: int,
    elements: Elements = "P2/P1",
    fluid: Fluid = BLOOD,
) -> FlowSolver:
    """A flow solver on a mesh of :mod:`solvers.verification.meshes` with any inlets and outlets."""
    spec = RunSpec(
        mesh=MeshFile(""),
        inlets=tuple(inlet for inlet in inlets if isinstance(inlet, Inlet)),
        pressure_inlets=tuple(inlet for inlet in inlets if isinstance(inlet, PressureInlet)),
        outlets=outlets,
        time=Time(period, steps, 1, 1, None, 0.0),
        wall_patch_ids=(WALL,),
        fluid=fluid,
        numerics=Numerics(velocity_tolerance=1e-8, elements=elements),
    )
    spec.check_openings()
    return build_flow(MPI.COMM_SELF, spec, mesh)


def check_poiseuille(progress: Progress, long: bool) -> list[Row]:
    """Steady flow: pressure drop, wall shear stress and flow of A.1 (Re 96)."""
    return _poiseuille(progress, "poiseuille", "P2/P1", (8, 60) if long else (5, 24))


def check_linear_poiseuille(progress: Progress, long: bool) -> list[Row]:
    """The same with linear velocity and pressure on a finer mesh."""
    return _poiseuille(progress, "linear_poiseuille", "P1/P1", (12, 60) if long else (8, 24))


def _poiseuille(progress: Progress, name: str, elements: Elements, mesh: tuple[int, int]) -> list[Row]:
    radius, length, flow = 2e-3, 0.1, 1e-6
    tube = straight_tube(length, radius, *mesh)
    solver = tube_solver(tube, Waveform.constant(flow), "parabolic", 1.0, 100, elements=elements)
    shear = WallShear(solver.mesh, (WALL,), VISCOSITY)
    previous = 0.0
    for step in range(300):
        report = solver.step()
        drop = float(report.pressures[0] - report.pressures[1])
        if step > 50 and abs(drop - previous) < 1e-7 * abs(drop):
            break
        previous = drop
        progress(min(0.99, step / 150), f"Poiseuille: step {step}")
    stress = np.linalg.norm(shear.stress(solver.velocity), axis=1)
    z = solver.mesh.pressure.points[shear.nodes, 2]
    middle = (z > 0.2 * length) & (z < 0.8 * length)
    mean_stress = float(np.average(stress[middle], weights=shear.area[middle]))
    exact = Poiseuille(radius, flow, VISCOSITY)
    peak = float(np.abs(solver.velocity[:, 2]).max())
    source = "Hagen-Poiseuille"
    energy = EnergyMeasure(solver.mesh, (INLET, OUTLET), DENSITY).measure(
        solver.velocity, solver.kinematic_pressure, solver.cell_viscosity
    )
    power = exact.pressure_drop(length) * flow
    return [
        Row(name, "power in through the openings", "W", energy.power_in, power, 0.01, source),
        Row(name, "viscous dissipation", "W", energy.dissipation, power, 0.01, source),
        Row(name, "pressure drop", "Pa", drop, exact.pressure_drop(length), 0.01, source),
        Row(name, "wall shear stress", "Pa", mean_stress, exact.wall_shear, 0.03, source),
        Row(name, "speed on the axis", "m/s", peak, 2.0 * flow / (np.pi * radius**2), 0.01, source),
        Row(name, "outflow", "m3/s", float(report.flows[1]), flow, 1e-6, "conservation of mass"),
        Row(
            name,
            "outflow before the last correction",
            "m3/s",
            flow + report.splitting_imbalance,
            flow,
            1e-4,
            "conservation of mass",
        ),
    ]


def check_womersley(progress: Progress, long: bool) -> list[Row]:
    """Pulsatile flow: amplitudes and phases of A.2 (Womersley number 4.1) in the third cycle.

    A steady flow is added, large enough that no fluid comes back through the outlet, where its profile is not known:
    parallel flows superpose, and the first harmonic is that of the pulsatile part alone.
    """
    mesh = (16, 6, 0.4) if long else (12, 4, 0.4)
    return _womersley(progress, "womersley", "P2/P1", mesh, 800 if long else 200)


def check_linear_womersley(progress: Progress, long: bool) -> list[Row]:
    """The same with linear velocity and pressure on a finer mesh."""
    mesh = (32, 6, 1.0) if long else (20, 4, 1.0)
    return _womersley(progress, "linear_womersley", "P1/P1", mesh, 800 if long else 200)


def _womersley(
    progress: Progress, name: str, elements: Elements, mesh: tuple[int, int, float], steps: int
) -> list[Row]:
    radius, length, period = 3e-3, 9e-3, 1.0
    n_rings, n_sections, stretch = mesh
    omega = 2.0 * np.pi / period
    exact = Womersley(radius, DENSITY, VISCOSITY, omega, 1000.0)
    times = np.linspace(0.0, period, 64, endpoint=False)
    pulse = STEADY_FLOW + np.real(exact.flow * np.exp(1j * omega * times))
    flow = Waveform(tuple(times.tolist()), tuple(pulse.tolist()))
    tube = straight_tube(length, radius, n_rings, n_sections, stretch)
    solver = tube_solver(tube, flow, "womersley", period, steps, elements=elements)
    shear = WallShear(solver.mesh, (WALL,), VISCOSITY)
    points = solver.mesh.velocity.points
    axis = _nearest(points, (0.0, 0.0, length / 2))
    half = _on_circle(points, radius / 2, length / 2, n_rings)
    upstream, downstream = (_nearest(solver.mesh.pressure.points, (0.0, 0.0, length * part)) for part in (1 / 3, 2 / 3))
    distance = solver.mesh.pressure.points[downstream, 2] - solver.mesh.pressure.points[upstream, 2]
    z = solver.mesh.pressure.points[shear.nodes, 2]
    middle = (z > 0.3 * length) & (z < 0.7 * length)
    history = []
    for step in range(3 * steps):
        solver.step()
        pressure = DENSITY * solver.kinematic_pressure
        stress = shear.stress(solver.velocity)[middle, 2]
        history.append(
            (
                solver.velocity[axis, 2],
                solver.velocity[half, 2].mean(),
                (pressure[upstream] - pressure[downstream]) / distance,
                np.average(stress, weights=shear.area[middle]),
            )
        )
        if step % 20 == 0:
            progress(step / (3 * steps), f"Womersley: step {step} of {3 * steps}")
    last = np.array(history[-steps:])
    at = period * np.arange(1, steps + 1) / steps
    amplitudes = 2.0 / steps * (last * np.exp(-1j * omega * at)[:, None]).sum(axis=0)
    r_half = float(np.linalg.norm(points[half, :2], axis=1).mean())
    references = (
        ("speed on the axis", "m/s", complex(exact.velocity(0.0))),
        ("speed at half the radius", "m/s", complex(exact.velocity(r_half))),
        ("pressure gradient", "Pa/m", exact.gradient),
        ("wall shear stress", "Pa", exact.wall_shear),
    )
    rows = []
    for (quantity, unit, reference), value in zip(references, amplitudes.tolist(), strict=True):
        phase = np.degrees(np.angle(value / reference))
        reference_phase = float(np.degrees(np.angle(reference)))
        source = "Womersley 1955"
        rows.append(Row(name, f"{quantity}, amplitude", unit, abs(value), abs(reference), 0.01, source))
        rows.append(
            Row(
                name,
                f"{quantity}, phase",
                "degree",
                reference_phase + float(phase),
                reference_phase,
                1.0,
                source,
                is_absolute=True,
            )
        )
    return rows


def _nearest(points: FloatArray, place: tuple[float, float, float]) -> int:
    return int(np.argmin(np.linalg.norm(points - np.array(place), axis=1)))


def _on_circle(points: FloatArray, radius: float, z: float, n_rings: int) -> NDArray[np.int64]:
    """Nodes of the section at ``z`` nearest to the circle."""
    in_section = np.flatnonzero(np.abs(points[:, 2] - z) < 1e-9)
    distance = np.abs(np.linalg.norm(points[in_section, :2], axis=1) - radius)
    return in_section[np.argsort(distance)[: 3 * n_rings]]
