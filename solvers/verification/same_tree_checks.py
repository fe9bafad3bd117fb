"""The same vessels in 0D, 1D and 3D: steady pressure drops of phantoms, and the estimate of what a bend costs."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace

import numpy as np
from numpy.typing import NDArray

from solvers.contract.mesh_file import MeshArrays
from solvers.contract.openings import Inlet, Outlet, ResistanceOutlet, Waveform
from solvers.network.junction_losses import entry_losses
from solvers.network.loss_estimates import Passage, bend_friction, profile
from solvers.network.one_d.patient import network_of_tree
from solvers.network.one_d.solver import Scheme, solve_network
from solvers.network.stenosis import narrowed
from solvers.network.stiffness import Stiffness
from solvers.network.vessel_tree import VesselShape, VesselTree
from solvers.network.zero_d.build import build
from solvers.network.zero_d.solve import Inflow, samples_of, steady
from solvers.verification.meshes import BRANCH, INLET, OUTLET, tee, tube
from solvers.verification.row import Progress, Row
from solvers.verification.tube_flow import BLOOD, opened_solver

FloatArray = NDArray[np.float64]

LENGTH, RADIUS, FLOW = 0.045, 1.5e-3, 1e-6
"""[m], [m], [m3/s]: a coronary artery at rest, Re 129."""
SEVERE_FLOW = 3e-7
"""Through the tightest stenosis [m3/s]: its jet is then steady in 3D."""
BEND = 0.012
"""Radius of the bend [m]: Dean number 46."""
WIDTH = 3e-3
"""Of the fork's square ducts [m]."""
SQUARE = (8.0 / (np.pi * 28.454)) ** 0.25
"""Radius of the circular tube with the friction of a square duct of width 1: dp/ds = 28.454 mu U / w^2 (f Re 14.227,
Shah and London 1978, as handbooks quote it)."""
SETTLE, STEP, RAMP = 0.4, 8e-3, 0.15
"""Time solved in 3D, time step, time in which the flow is brought up [s]."""
STIFF = Stiffness("wave_speed", 30.0)
OUTFLOW = 4e9
"""Resistance of an outlet [Pa s/m3], about the tubes' characteristic impedance, so that waves in 1D leave."""
SCATTER = 0.10
WITH_LOSSES = {"curved": "White 1929", "fork": "Mynard & Valen-Sendstad 2015, gains left out"}
SOURCE = "own 3D solution; published scatter of 0D and 1D against rigid 3D: 1 to 10 % (Pfaller et al. 2022)"


@dataclass(frozen=True)
class Phantom:
    """Vessels as a tree and as a mesh: the tree's ends are ``outlets`` by the vessel's name, with their patches; the
    centerlines' ``points`` (n, 3) [m] of those that bend or fork."""

    name: str
    tree: VesselTree
    mesh: Callable[[], MeshArrays]
    outlets: dict[str, int]
    flow: float = FLOW
    points: Mapping[str, FloatArray] = field(default_factory=dict)


def _tube(name: str, radius: Callable[[FloatArray], FloatArray], flow: float = FLOW, is_bent: bool = False) -> Phantom:
    z = np.linspace(0.0, LENGTH, 401)

    def mesh() -> MeshArrays:
        fine = np.linspace(0.0, LENGTH, 2001)
        crowd = np.concatenate([[0.0], np.cumsum(np.diff(fine) / radius(0.5 * (fine[1:] + fine[:-1])))])
        s = np.interp(np.linspace(0.0, crowd[-1], 49), crowd, fine)
        return tube(centerline(s) if is_bent else np.column_stack([0 * s, 0 * s, s]), radius(s), 3, 1.3)

    tree = VesselTree((VesselShape("tube", None, "tube", 0.0, z, radius(z)),))
    return Phantom(name, tree, mesh, {"tube": OUTLET}, flow, {"tube": centerline(z)} if is_bent else {})


def centerline(s: FloatArray) -> FloatArray:
    """(n, 3) of the bend [m] at arc lengths (n,) [m]."""
    angle = s / BEND
    return BEND * np.column_stack([1.0 - np.cos(angle), 0.0 * s, np.sin(angle)])


def _fork() -> Phantom:
    arm = np.linspace(0.0, 3.0 * WIDTH, 41)
    radius = np.full(41, SQUARE * WIDTH)
    shapes = [("trunk", None), ("straight on", "trunk"), ("side", "trunk")]
    tree = VesselTree(tuple(VesselShape(name, parent, name, 0.0, arm, radius) for name, parent in shapes))
    along, none, end = arm, np.zeros_like(arm), np.full_like(arm, arm[-1])
    points = {
        "trunk": np.column_stack([along, none, none]),
        "straight on": np.column_stack([along + end, none, none]),
        "side": np.column_stack([end, along, none]),
    }
    return Phantom("fork", tree, lambda: tee(4, WIDTH), {"straight on": OUTLET, "side": BRANCH}, points=points)


def _uniform(z: FloatArray) -> FloatArray:
    return np.full_like(z, RADIUS)


def _stenosed(reduction: float) -> Phantom:
    def radius(z: FloatArray) -> FloatArray:
        return RADIUS * narrowed(z, 0.015, 0.01, reduction)

    return _tube(f"{100 * reduction:.0f} % stenosis", radius, SEVERE_FLOW if reduction > 0.6 else FLOW)


PHANTOMS = (
    _tube("straight", _uniform),
    _tube("tapered", lambda z: RADIUS * (1.0 - 0.35 * z / LENGTH)),
    _tube("curved", _uniform, is_bent=True),
    *(_stenosed(reduction) for reduction in (0.3, 0.5, 0.7)),
    _fork(),
)


def _outlets(phantom: Phantom) -> dict[str, Outlet]:
    return {name: ResistanceOutlet(patch, name, OUTFLOW, 0.0) for name, patch in phantom.outlets.items()}


def drops_3d(phantom: Phantom, progress: Progress) -> tuple[dict[str, float], float]:
    """Static pressure drop [Pa] from the inlet to each outlet, and how much of the largest still changes in the last
    fifth of the time.
    """
    times = np.linspace(0.0, SETTLE, 200, endpoint=False)
    rise = phantom.flow * 0.5 * (1.0 - np.cos(np.pi * np.clip(times / RAMP, 0.0, 1.0)))
    curve = Waveform(tuple(times.tolist()), tuple(rise.tolist()))
    outlets = _outlets(phantom)
    steps = round(SETTLE / STEP)
    inlet = Inlet(INLET, "inlet", curve, "parabolic")
    solver = opened_solver(phantom.mesh(), (inlet,), tuple(outlets.values()), 2.0 * SETTLE, 2 * steps)
    early = np.zeros(len(outlets))
    for step in range(steps):
        report = solver.step()
        drops = float(report.pressures[0]) - np.array([float(p) for p in report.pressures[1:]])
        if step == round(0.8 * steps):
            early = drops
        progress(step / steps, f"{phantom.name} in 3D")
    return dict(zip(outlets, drops.tolist(), strict=True)), float(np.abs(drops - early).max() / np.abs(drops).max())


def drops_0d(phantom: Phantom) -> dict[str, float]:
    """The same of the lumped model."""
    network = build(phantom.tree, _outlets(phantom), BLOOD)
    state = steady(samples_of(network, Inflow(Waveform.constant(phantom.flow))))
    at = {name: k for k, name in enumerate(state.names)}
    return {name: float(state.pressure_in[0, 0] - state.pressure_out[0, at[name]]) for name in phantom.outlets}


def drops_1d(phantom: Phantom) -> dict[str, float]:
    """The same of the one-dimensional model with stiff walls."""
    behind = OUTFLOW * phantom.flow / len(phantom.outlets)
    inlet = Inlet(INLET, "inlet", Waveform.constant(phantom.flow))
    network = network_of_tree(phantom.tree, inlet, _outlets(phantom), BLOOD, 0.05, STIFF, behind)
    found = solve_network(network, Scheme(spacing=1e-3, samples=20, periodic_within=1e-7, max_cycles=60))
    first = float(found.pressure[-1, 0, 0])
    last = {
        name: max(k for k, own in enumerate(found.names) if own.split(" behind")[0] == name) for name in phantom.outlets
    }
    return {name: first - float(found.pressure[-1, k, -1]) for name, k in last.items()}


def rows_of(phantom: Phantom, in_3d: dict[str, float]) -> list[Row]:
    """Both reduced models against the drops of the 3D solution."""
    rows = []
    for model, drops in (("0D", drops_0d(phantom)), ("1D", drops_1d(phantom))):
        for name, drop in drops.items():
            to = f" to {name}" if len(drops) > 1 else ""
            what = f"{phantom.name}: drop{to}, {model}"
            rows.append(Row("same_tree", what, "Pa", drop, in_3d[name], SCATTER, SOURCE))
    if phantom.name == "tapered":
        more = profile(Passage(phantom.tree.vessels[0], np.full(4, phantom.flow), 1.0), BLOOD)
        estimate = drops_0d(phantom)["tube"] + (more.pressure if more else 0.0)
        what, source = (
            "tapered: drop, 0D and the estimate of the profile",
            "own 3D solution; a parabola's kinetic energy",
        )
        rows.append(Row("same_tree", what, "Pa", estimate, in_3d["tube"], SCATTER, source))
    if phantom.points:
        source = f"own 3D solution; {WITH_LOSSES[phantom.name]}"
        for model, drops in (("0D", drops_0d(with_losses(phantom))), ("1D", drops_1d(with_losses(phantom)))):
            for name, drop in drops.items():
                to = f" to {name}" if len(drops) > 1 else ""
                what = f"{phantom.name}: drop{to}, {model} with its losses"
                rows.append(Row("same_tree", what, "Pa", drop, in_3d[name], SCATTER, source))
    return rows


def with_losses(phantom: Phantom) -> Phantom:
    """The phantom with what its bends and its junction cost, as `app.workflow.flow_losses` adds them to a patient's
    vessels for a flow that does not change.
    """
    network = build(phantom.tree, _outlets(phantom), BLOOD)
    flow = steady(samples_of(network, Inflow(Waveform.constant(phantom.flow)))).flow[0]
    flows = dict(zip(network.names, flow.tolist(), strict=True))
    into = entry_losses(phantom.tree, phantom.points, flows, True)
    vessels = tuple(
        replace(
            shape,
            entry_loss=into.get(shape.name, 0.0),
            bends=bend_friction(shape, phantom.points[shape.name], flows[shape.name], BLOOD),
        )
        for shape in phantom.tree.vessels
    )
    return replace(phantom, tree=VesselTree(vessels))


def check_same_tree(progress: Progress, long: bool) -> list[Row]:
    """Straight, tapered, bent, stenosed and forking vessels, steady, in 0D, 1D and 3D on some 8000 tetrahedra."""
    rows = []
    for number, phantom in enumerate(PHANTOMS):

        def part(fraction: float, text: str, number: int = number) -> None:
            progress((number + fraction) / len(PHANTOMS), text)

        in_3d, change = drops_3d(phantom, part)
        rows += rows_of(phantom, in_3d)
        what = f"{phantom.name}: change of the 3D drop in the last fifth of the time"
        rows.append(Row("same_tree", what, "", change, 0.0, 0.01, "a steady flow does not change", True))
    return rows
