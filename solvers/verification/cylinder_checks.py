"""The flow around a cylinder in a channel against the published intervals of Schaefer & Turek (1996)."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from solvers.contract.mesh_file import MeshArrays
from solvers.flow.solver import FlowSolver
from solvers.verification.meshes import INLET, WALL
from solvers.verification.planar_meshes import AHEAD, CENTER, CYLINDER, HEIGHT, RADIUS, SIDE, channel
from solvers.verification.plane_flow import Reaction, nearest_pressure, slab_solver
from solvers.verification.row import Curve, Progress, Row, inside_row

FloatArray = NDArray[np.float64]

SOURCE = "Schaefer & Turek 1996"
VISCOSITY = 1e-3
MESH_OF_VORTICES, STEP_OF_VORTICES = (28, 22, 44), 1.0 / 300.0
"""Cells of :func:`channel`, and time step [s], where vortices are shed ..."""
PASSES_OF_VORTICES = (2, 1e-3)
"""... and solves of a step with the pressure, and how well the convecting velocity must be the one found: the splitting
of velocity and pressure makes the lift of shed vortices too large (docs/verification/README.md)."""


@dataclass(frozen=True)
class Course:
    """Time [s], drag and lift coefficient and pressure difference [Pa] between front and back, (n,) each."""

    time: FloatArray
    drag: FloatArray
    lift: FloatArray
    drop: FloatArray


def march(
    mesh: MeshArrays,
    mean_speed: float,
    strength: Callable[[float], float],
    dt: float,
    duration: float,
    progress: Callable[[float], None],
    begin: float = 0.0,
    rough: tuple[float, float] | None = None,
    passes: tuple[int, float] = (1, 5e-3),
) -> Course:
    """Solve from rest until ``duration`` [s] and keep what is compared from the time ``begin`` on.

    Parameters
    ----------
    mesh
        See :func:`channel`; a slab is a plane flow, anything thicker has side walls.
    mean_speed
        Mean speed [m/s] of the inflow, also that of the coefficients, times ``strength(time)``: a parabola, or the
        product of two.
    rough
        A longer time step [s], and the time [s] until which it is used, where the way there does not count.
    passes
        Solves of a step with the pressure, and the tolerance of those without (``pass_tolerance``).
    """
    width = float(np.ptp(mesh.points[:, 2]))
    is_plane = width < 0.5 * HEIGHT
    walls = (WALL, CYLINDER) if is_plane else (WALL, CYLINDER, SIDE)

    def inflow(points: FloatArray, time: float) -> FloatArray:
        y, z = points[:, 1], points[:, 2]
        shape = 6.0 * y * (HEIGHT - y) / HEIGHT**2
        if not is_plane:
            shape = 6.0 * z * (HEIGHT - z) / HEIGHT**2 * shape
        return np.column_stack([mean_speed * strength(time) * shape, 0.0 * y, 0.0 * y])

    solver = slab_solver(
        mesh,
        VISCOSITY,
        rough[0] if rough else dt,
        (INLET,),
        inflow,
        walls,
        frozen_component=2 if is_plane else None,
        tolerance=1e-6,
        pressure_passes=passes[0],
        pass_tolerance=passes[1],
    )
    reaction = Reaction(solver, CYLINDER)
    scale = 2.0 / (mean_speed**2 * 2.0 * RADIUS * width)
    kept = []
    older = old = solver.velocity
    while solver.time < duration - 0.5 * dt:
        if rough and solver.dt > dt and solver.time > rough[1] - 0.5 * dt:
            solver.change_step(dt)
        older, old = old, solver.velocity
        solver.step()
        progress(solver.time / duration)
        if solver.time > begin - 0.5 * dt:
            force = scale * reaction.force((1.5 * solver.velocity - 2.0 * old + 0.5 * older) / dt)
            x = CENTER if is_plane else AHEAD + CENTER
            kept.append((solver.time, force[0], force[1], _drop(solver, x, 0.5 * width)))
    return Course(*np.array(kept).T)


def _drop(solver: FlowSolver, x: float, z: float) -> float:
    front, back = (np.array([x + side * RADIUS, CENTER, z]) for side in (-1.0, 1.0))
    return nearest_pressure(solver, front) - nearest_pressure(solver, back)


def check_cylinder(progress: Progress, long: bool) -> list[Row | Curve]:
    """The plane flow from rest at Reynolds number 20 (2D-1); with ``long`` also at 100 (2D-2), and a pulse (2D-3).

    The short version leaves the pressure difference out: its mesh is too coarse for an interval of 0.3 %.
    """

    def part(begin: float, end: float, case: str) -> Callable[[float], None]:
        return lambda fraction: progress(begin + (end - begin) * fraction, f"Cylinder {case}")

    n, n_radial, n_along, dt, duration = (24, 20, 32, 0.02, 8.0) if long else (12, 10, 20, 0.04, 8.0)
    steady = march(
        channel(n, n_radial, n_along),
        0.2,
        lambda time: min(1.0, 5.0 * time),
        dt,
        duration,
        part(0.0, 0.1 if long else 1.0, "2D-1"),
        duration,
    )
    found: list[Row | Curve] = [
        _row("2D-1", "drag coefficient", "", steady.drag[-1], 5.57, 5.59),
        _row("2D-1", "lift coefficient", "", steady.lift[-1], 0.0104, 0.0110),
    ]
    if not long:
        return found
    mesh = channel(*MESH_OF_VORTICES)
    found.append(_row("2D-1", "pressure difference", "Pa", steady.drop[-1], 0.1172, 0.1176))
    dt, passes = STEP_OF_VORTICES, PASSES_OF_VORTICES
    rising = march(
        *(mesh, 1.0, lambda time: min(1.0, 2.0 * time), dt, 7.0, part(0.1, 0.4, "2D-2"), 5.8, (0.01, 3.5), passes)
    )
    found += _vortices(rising)
    pulse = march(
        *(mesh, 1.0, lambda time: np.sin(np.pi * time / 8.0), dt, 8.0, part(0.4, 1.0, "2D-3"), 3.0, (0.01, 2.0), passes)
    )
    found += _pulse(pulse)
    return found


def _vortices(course: Course) -> list[Row | Curve]:
    """Case 2D-2 from the last whole periods; the pressure difference half a period after the largest lift."""
    time, lift = course.time, course.lift
    rises = np.flatnonzero((lift[:-1] < 0.0) & (lift[1:] >= 0.0))
    if len(rises) < 3:
        raise ArithmeticError("The lift of case 2D-2 does not oscillate.")
    crossing = time[rises] - lift[rises] * np.diff(time)[rises] / np.diff(lift)[rises]
    period = float(np.diff(crossing).mean())
    last = slice(rises[-3], rises[-1] + 1)
    peak = time[rises[-3] + int(np.argmax(lift[rises[-3] : rises[-2]]))]
    drop = np.interp(peak + 0.5 * period, time, course.drop)
    return [
        _row("2D-2", "largest drag coefficient", "", course.drag[last].max(), 3.22, 3.24),
        _row("2D-2", "largest lift coefficient", "", lift[last].max(), 0.99, 1.01),
        _row("2D-2", "Strouhal number", "", 2.0 * RADIUS / period, 0.295, 0.305),
        _row("2D-2", "pressure difference half a period on", "Pa", drop, 2.46, 2.50),
        Curve(
            *("cylinder", "2D-2: lift", "time [s]", "lift coefficient", tuple(time), tuple(lift)),
            *(f"{SOURCE}: interval of the largest", (peak, peak), (0.99, 1.01)),
        ),
    ]


def _pulse(course: Course) -> list[Row | Curve]:
    """Case 2D-3: one half wave of the inflow, from rest to rest in 8 s."""
    return [
        _row("2D-3", "largest drag coefficient", "", course.drag.max(), 2.93, 2.97),
        _row("2D-3", "largest lift coefficient", "", course.lift.max(), 0.47, 0.49),
        _row("2D-3", "pressure difference at 8 s", "Pa", course.drop[-1], -0.115, -0.105),
        Curve(
            *("cylinder", "2D-3: lift", "time [s]", "lift coefficient", tuple(course.time), tuple(course.lift)),
            *(f"{SOURCE}: interval of the largest", (5.693, 5.693), (0.47, 0.49)),
        ),
    ]


def check_cylinder_3d(progress: Progress, long: bool) -> list[Row]:
    """Steady flow at Reynolds number 20 around a cylinder across a square channel (3D-1Z); only with ``long``."""
    if not long:
        return []
    duration = 6.0
    steady = march(
        channel(12, 10, 14, 12),
        0.2,
        lambda time: min(1.0, 5.0 * time),
        0.05,
        duration,
        lambda fraction: progress(fraction, "Cylinder 3D-1Z"),
        duration,
    )
    return [
        _row("3D-1Z", "drag coefficient", "", steady.drag[-1], 6.05, 6.25, "cylinder_3d"),
        _row("3D-1Z", "lift coefficient", "", steady.lift[-1], 0.008, 0.010, "cylinder_3d"),
        _row("3D-1Z", "pressure difference", "Pa", steady.drop[-1], 0.165, 0.175, "cylinder_3d"),
    ]


def _row(case: str, quantity: str, unit: str, value: float, low: float, high: float, name: str = "cylinder") -> Row:
    return inside_row(name, f"{case} {quantity}", unit, float(value), low, high, f"{SOURCE}, {case}")
