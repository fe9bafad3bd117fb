"""A network as the flat arrays that the compiled loops walk over."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from solvers.contract.fluid import Fluid
from solvers.contract.openings import (
    CoronaryOutlet,
    Inlet,
    PressureInlet,
    PressureOutlet,
    RcrOutlet,
    ResistanceOutlet,
    Waveform,
)
from solvers.network.one_d.network import Network1D, Reflection, Stenosis, Vessel1D
from solvers.network.stenosis import segment_of

FloatArray = NDArray[np.float64]
IntArray = NDArray[np.int64]

TABLE = 16384
"""Samples of a waveform over its period; straight lines between them."""
ROUGH = 0.02
"""Part of beta by which the difference of the pressure changes from cell to cell where slopes are limited; our choice:
ten times what the steepest upstroke of the checks does on cells of 5 mm."""
FLOW, PRESSURE, RESISTANCE, RCR, CORONARY, REFLECTION = range(6)


class Grid(NamedTuple):
    """Vessels cut into cells; ``(c)`` one value a cell, ``(f)`` a face, ``(v)`` a vessel.

    The cells of vessel v are ``first[v]`` to ``first[v + 1]``; face i + v is to the left of its cell i.
    """

    first: IntArray  # (v + 1,)
    dx: FloatArray  # (v) [m]
    friction: FloatArray  # (v) 2 (profile + 2) pi mu / rho [m2/s]
    more: FloatArray  # (v, 2) per length and density: dQ/dt -= A (more[0] + more[1] |Q|) Q
    alpha: FloatArray  # (v)
    p_external: FloatArray  # (v)
    stiffness: FloatArray  # (c) B of p = p_external + B (s - s0), s = sqrt(A) [Pa/m]
    root: FloatArray  # (c) s0 [m]
    viscosity: FloatArray  # (c) of the wall: Gamma / A0 [Pa s / m]
    face_stiffness: FloatArray  # (f)
    face_root: FloatArray  # (f)
    rough: FloatArray  # (v, 2) differences of p and Q that change by more than this from cell to cell are limited
    density: float


class Nodes(NamedTuple):
    """What meets at the nodes. Ends: 2 v is the start of vessel v, 2 v + 1 its end."""

    first: IntArray  # (n + 1,) into ends
    ends: IntArray  # (2 v,) the ends at each node in turn
    kind: IntArray  # (n,) of the condition at a node with one end
    table: IntArray  # (n,) row of ``tables``
    numbers: FloatArray  # (n, 8) of the condition
    tables: FloatArray  # (m, TABLE + 1) waveforms over a period
    losses: FloatArray  # (2 v, 3) R, K, L of a stenosis or an entry: dp = R Q + K |Q| Q + L dQ/dt
    static_from: int  # so many vessels at a node share p, fewer p + rho U^2 / 2


class State(NamedTuple):
    """What changes."""

    area: FloatArray  # (c) [m2]
    flow: FloatArray  # (c) [m3/s]
    memory: FloatArray  # (n, 2) pressures of the outlets' compliances [Pa]
    through: FloatArray  # (2 v, 2) flow through a stenosis half a step ago and one before
    clock: FloatArray  # (3,) time, the last two steps [s]
    volume: FloatArray  # (n,) that has come in through each node [m3]


def cells_of(vessel: Vessel1D, spacing: float) -> int:
    """How many cells a vessel gets: at least two."""
    return max(2, round(vessel.length / spacing))


def grid_of(network: Network1D, spacing: float) -> Grid:
    """The cells of a network, about ``spacing`` [m] long."""
    counts = [cells_of(vessel, spacing) for vessel in network.vessels]
    along = [(np.arange(n) + 0.5) / n for n in counts]
    at_faces = [np.arange(n + 1) / n for n in counts]
    profile = np.array([vessel.profile for vessel in network.vessels])
    stiffness, root = _joined(network.vessels, along)
    face_stiffness, face_root = _joined(network.vessels, at_faces)
    wall = np.repeat([vessel.wall_viscosity for vessel in network.vessels], counts)
    return Grid(
        first=np.concatenate([[0], np.cumsum(counts)]).astype(np.int64),
        dx=np.array([vessel.length / n for vessel, n in zip(network.vessels, counts, strict=True)]),
        friction=2.0 * (profile + 2.0) * np.pi * network.viscosity / network.density,
        more=np.array(
            [
                np.array([vessel.more_resistance, vessel.more_loss]) / (network.density * vessel.length)
                for vessel in network.vessels
            ]
        ),
        alpha=(profile + 2.0) / (profile + 1.0) if network.flattening else np.ones(len(profile)),
        p_external=np.array([vessel.p_external for vessel in network.vessels], dtype=np.float64),
        stiffness=stiffness,
        root=root,
        viscosity=wall / root**2,
        face_stiffness=face_stiffness,
        face_root=face_root,
        rough=np.array([_rough(vessel, network.density) for vessel in network.vessels]),
        density=float(network.density),
    )


def _rough(vessel: Vessel1D, density: float) -> tuple[float, float]:
    pressure = ROUGH * min(vessel.beta)
    admittance = np.pi * min(vessel.radius) ** 2 / np.sqrt(0.5 * density * min(vessel.beta))
    return pressure, pressure * float(admittance)


def _joined(vessels: tuple[Vessel1D, ...], places: list[FloatArray]) -> tuple[FloatArray, FloatArray]:
    stiffness, roots = [], []
    for vessel, x in zip(vessels, places, strict=True):
        root = np.sqrt(np.pi) * np.interp(x, vessel.at, vessel.radius)
        roots.append(root)
        stiffness.append(np.interp(x, vessel.at, vessel.beta) / root)
    return np.concatenate(stiffness), np.concatenate(roots)


def table_of(waveform: Waveform, network: Network1D) -> FloatArray:
    """(TABLE + 1,) values over a period."""
    times = network.period * np.arange(TABLE + 1) / TABLE
    if len(waveform.t) == 1:
        return np.full(TABLE + 1, waveform.values[0])
    if network.interpolation == "smooth":
        from solvers.network.waveform import PeriodicCurve

        return PeriodicCurve(waveform, network.period)(times)
    return np.interp(times, waveform.t, waveform.values, period=network.period)


def losses_of(stenosis: Stenosis, network: Network1D) -> tuple[float, float, float]:
    """R [Pa s/m3], K [Pa s2/m6] and L [Pa s2/m3] of a stenosis."""
    found = segment_of(stenosis.lesion, Fluid(network.density, network.viscosity), stenosis.law)
    return found.resistance, found.loss, found.inertance


def node_numbers(network: Network1D) -> list[int]:
    """The numbers of all nodes, increasing: the order of everything that is kept by node."""
    return sorted({node for vessel in network.vessels for node in (vessel.start, vessel.end)})


def nodes_of(network: Network1D) -> Nodes:
    """The nodes of a network in the order of their numbers."""
    numbers = node_numbers(network)
    position = {number: index for index, number in enumerate(numbers)}
    meeting: list[list[int]] = [[] for _ in numbers]
    for v, vessel in enumerate(network.vessels):
        meeting[position[vessel.start]].append(2 * v)
        meeting[position[vessel.end]].append(2 * v + 1)
    kind, table = np.full(len(numbers), -1, dtype=np.int64), np.zeros(len(numbers), dtype=np.int64)
    values = np.zeros((len(numbers), 8))
    tables: list[FloatArray] = [np.zeros(TABLE + 1)]
    for terminal in network.terminals:
        index, condition, waveform = position[terminal.node], terminal.condition, None
        match condition:
            case Inlet():
                kind[index], waveform = FLOW, condition.flow
            case PressureInlet() | PressureOutlet():
                kind[index], waveform = PRESSURE, condition.pressure
            case ResistanceOutlet():
                kind[index], values[index, :2] = RESISTANCE, (condition.resistance, condition.p_distal)
            case RcrOutlet():
                kind[index] = RCR
                values[index, :4] = condition.r_proximal, condition.c, condition.r_distal, condition.p_distal
            case CoronaryOutlet():
                kind[index], waveform = CORONARY, condition.p_muscle
                values[index, :3] = condition.r_artery, condition.c_artery, condition.r_micro
                values[index, 3:6] = condition.c_muscle, condition.r_vein, condition.p_venous
            case Reflection():
                kind[index], values[index, :2] = REFLECTION, (condition.coefficient, condition.pressure)
        if waveform is not None:
            table[index] = len(tables)
            tables.append(table_of(waveform, network))
    losses = np.zeros((2 * len(network.vessels), 3))
    by_name = {vessel.name: v for v, vessel in enumerate(network.vessels)}
    for v, vessel in enumerate(network.vessels):
        losses[2 * v, 1] = vessel.entry_loss
    for stenosis in network.stenoses:
        losses[2 * by_name[stenosis.vessel] + 1] = losses_of(stenosis, network)
    return Nodes(
        first=np.concatenate([[0], np.cumsum([len(ends) for ends in meeting])]).astype(np.int64),
        ends=np.array([end for ends in meeting for end in ends], dtype=np.int64),
        kind=kind,
        table=table,
        numbers=values,
        tables=np.array(tables),
        losses=losses,
        static_from={"total": 1 << 30, "static": 2, "static forks": 3}[network.junctions],
    )


def state_at(network: Network1D, grid: Grid, nodes: Nodes, pressure: float, stored: float | None = None) -> State:
    """At rest at one pressure [Pa]; compliances too at ``stored`` [Pa], or as their conditions say where it is None."""
    counts = np.diff(grid.first)
    root = grid.root + (pressure - np.repeat(grid.p_external, counts)) / grid.stiffness
    n_nodes, n_ends = len(nodes.kind), len(nodes.losses)
    memory = np.zeros((n_nodes, 2))
    position = {number: index for index, number in enumerate(node_numbers(network))}
    for terminal in network.terminals:
        if isinstance(terminal.condition, RcrOutlet | CoronaryOutlet):
            index = position[terminal.node]
            memory[index, 0] = terminal.condition.p_initial if stored is None else stored
            if isinstance(terminal.condition, CoronaryOutlet):
                _, _, r_micro, _, r_vein, p_venous = nodes.numbers[index, :6]
                flow = (memory[index, 0] - p_venous) / (r_micro + r_vein)
                memory[index, 1] = p_venous + r_vein * flow - nodes.tables[nodes.table[index], 0]
    return State(
        area=root**2,
        flow=np.zeros_like(root),
        memory=memory,
        through=np.zeros((n_ends, 2)),
        clock=np.zeros(3),
        volume=np.zeros(n_nodes),
    )
