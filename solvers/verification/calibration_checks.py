"""Lumped tubes calibrated to three steady 3D flows, and what they say of flows that they have not seen."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from solvers.contract.openings import PressureOutlet, Waveform
from solvers.network.stenosis import DEFAULT_LAW, narrowed
from solvers.network.vessel_tree import VesselShape, VesselTree
from solvers.network.zero_d.build import Options, build
from solvers.network.zero_d.calibration import Observation, calibrate
from solvers.network.zero_d.solve import Inflow, samples_of, steady
from solvers.verification.meshes import tube
from solvers.verification.row import Progress, Row
from solvers.verification.tube_flow import BLOOD, tube_solver

FloatArray = NDArray[np.float64]

LENGTH, RADIUS, FLOW = 0.045, 1.5e-3, 1e-6
"""[m], [m], [m3/s]: a coronary artery at rest, Re 129."""
SEVERE_FLOW = 3e-7
"""Through the tightest stenosis [m3/s]: behind it the 3D jet of this mesh has no steady state at more than about twice
this flow."""
LEVELS = (0.25, 0.5, 1.0, 1.5, 2.0)
SEEN = (0, 2, 4)
"""Those of the levels that are calibrated with; half and one and a half times the flow are not."""
HOLD, STEP, RAMP = 0.5, 5e-3, 0.3
"""Time at each level [s], time step [s], part of the time in which the flow is brought to it."""
N_RINGS, N_SECTIONS = 3, 60
GATE, SETTLED = 0.02, 0.01


@dataclass(frozen=True)
class Shape:
    """A tube: its name, its radius [m] along it (n,) [m], the flow that ``LEVELS`` multiply [m3/s]."""

    name: str
    radius: Callable[[FloatArray], FloatArray]
    flow: float = FLOW


def _stenosed(reduction: float) -> Shape:
    def radius(z: FloatArray) -> FloatArray:
        return RADIUS * narrowed(z, 0.015, 0.01, reduction)

    return Shape(f"{100 * reduction:.0f} % stenosis", radius, SEVERE_FLOW if reduction > 0.6 else FLOW)


SHAPES = (
    Shape("straight", lambda z: np.full_like(z, RADIUS)),
    Shape("tapered", lambda z: RADIUS * (1.0 - 0.35 * z / LENGTH)),
    *(_stenosed(reduction) for reduction in (0.3, 0.5, 0.7)),
)


def steady_drops(shape: Shape, progress: Progress) -> tuple[FloatArray, float]:
    """Pressure drop (n,) [Pa] of the 3D flow at each of ``LEVELS`` times the flow, brought up one after another, and
    the largest part of it that still changes in the last fifth of the time at a level.
    """
    z = np.linspace(0.0, LENGTH, 2001)
    crowd = np.concatenate([[0.0], np.cumsum(np.diff(z) / shape.radius(0.5 * (z[1:] + z[:-1])))])
    places = np.interp(np.linspace(0.0, crowd[-1], N_SECTIONS + 1), crowd, z)
    mesh = tube(np.column_stack([0 * places, 0 * places, places]), shape.radius(places), N_RINGS, 1.3)
    end = HOLD * len(LEVELS)
    times = np.linspace(0.0, end, 400, endpoint=False)
    level = np.minimum((times / HOLD).astype(int), len(LEVELS) - 1)
    before, now = np.array((0.0, *LEVELS))[level], np.array(LEVELS)[level]
    part = np.clip((times - level * HOLD) / (RAMP * HOLD), 0.0, 1.0)
    flow = shape.flow * (before + (now - before) * 0.5 * (1.0 - np.cos(np.pi * part)))
    curve = Waveform(tuple(times.tolist()), tuple(flow.tolist()))
    steps = round(HOLD / STEP)
    solver = tube_solver(mesh, curve, "parabolic", 2.0 * end, 2 * steps * len(LEVELS))
    drops, change = [], 0.0
    for number in range(len(LEVELS)):
        for step in range(steps):
            report = solver.step()
            if step == round(0.8 * steps):
                early = float(report.pressures[0] - report.pressures[1])
        drops.append(float(report.pressures[0] - report.pressures[1]))
        change = max(change, abs(drops[-1] - early) / drops[-1])
        progress((number + 1) / len(LEVELS), f"{shape.name}: {LEVELS[number]:g} times the flow")
    return np.array(drops), change


def lumped(shape: Shape, law: str = DEFAULT_LAW) -> tuple[VesselTree, Options]:
    """The tube for the lumped model."""
    z = np.linspace(0.0, LENGTH, 401)
    return VesselTree((VesselShape("tube", None, "tube", 0.0, z, shape.radius(z)),)), Options("total", law=law)


def rows_of(shape: Shape, drops: FloatArray) -> list[Row]:
    """The calibrated lumped tube against the flows that it has not seen; the laws as they are, for the record."""
    tree, options = lumped(shape)
    network = build(tree, {"tube": PressureOutlet(0, "o", Waveform.constant(0.0))}, BLOOD, options=options)
    flows = shape.flow * np.array(LEVELS)
    seen = list(SEEN)
    observed = Observation.steady(("tube",), flows[seen][:, None], np.zeros((len(seen), 1)), drops[seen])
    found = calibrate(network, observed).network
    rows = []
    for number in (1, 3):
        state = steady(samples_of(found, Inflow(Waveform.constant(float(flows[number])))))
        what = f"{shape.name}: drop at {LEVELS[number]:g} times the flow"
        source = "own 3D solution; calibrated at a quarter, one and two times the flow"
        rows.append(
            Row("calibration_0d", what, "Pa", float(state.pressure_in[0, 0]), float(drops[number]), GATE, source)
        )
    return rows


def check_calibration(progress: Progress, long: bool) -> list[Row]:
    """Straight, tapered and stenosed tubes at Re 32 to 257: lumped models calibrated at three flows, tried at two."""
    rows = []
    for number, shape in enumerate(SHAPES):

        def part(fraction: float, text: str, number: int = number) -> None:
            progress((number + fraction) / len(SHAPES), text)

        drops, change = steady_drops(shape, part)
        rows += rows_of(shape, drops)
        what = f"{shape.name}: change of the 3D drop in the last fifth of a level"
        rows.append(Row("calibration_0d", what, "", change, 0.0, SETTLED, "a steady flow does not change", True))
    return rows
