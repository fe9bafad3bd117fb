"""A lumped tree's coefficients from what a 3D solution of the same vessels has shown, and where they hold.

On the way from the inlet to an outlet the pressure falls by the sum of ``R Q + K |Q| Q + L dQ/dt`` over the vessels,
each with the flow of all the outlets behind it (the walls of the 3D solution are rigid). That is linear in the
coefficients: non-negative least squares find them, drawn weakly to what the shapes alone let expect, because vessels
that carry nearly the same flow cannot be told apart.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray
from scipy.optimize import nnls

from solvers.network.zero_d.network import Network, refuse

FloatArray = NDArray[np.float64]

PRIOR = 1e-3
"""Weight of the expected coefficients against the observed pressure drops. An assumption."""
DISTINCT = 0.1
"""Flows that differ by less than this part count as one: it takes two to tell friction from loss."""


@dataclass(frozen=True, eq=False)
class Observation:
    """Instants of one 3D solution or of several.

    Attributes
    ----------
    ends
        Names of the vessels that end.
    flows, accelerations, pressures : (n, n_ends)
        Out of each [m3/s], its rate of change [m3/s2], static pressure there [Pa].
    inlet_pressure : (n,)
        Static [Pa].
    """

    ends: tuple[str, ...]
    flows: FloatArray
    accelerations: FloatArray
    pressures: FloatArray
    inlet_pressure: FloatArray

    @property
    def inflow(self) -> FloatArray:
        """(n,) [m3/s]."""
        return np.asarray(self.flows.sum(axis=1))

    @staticmethod
    def steady(ends: tuple[str, ...], flows: FloatArray, pressures: FloatArray, inlet: FloatArray) -> Observation:
        """Steady solutions, one in each row."""
        return Observation(ends, flows, np.zeros_like(flows), pressures, inlet)

    @staticmethod
    def beat(
        ends: tuple[str, ...], flows: FloatArray, pressures: FloatArray, inlet: FloatArray, dt: float
    ) -> Observation:
        """A periodic beat at equal steps ``dt`` [s]."""
        rate = (np.roll(flows, -1, axis=0) - np.roll(flows, 1, axis=0)) / (2.0 * dt)
        return Observation(ends, flows, rate, pressures, inlet)

    def joined(self, other: Observation) -> Observation:
        """Both, of the same ends."""
        if self.ends != other.ends:
            refuse("The solutions to calibrate with have different outlets: use runs of one model.", "bad_calibration")
        return Observation(
            self.ends,
            np.concatenate([self.flows, other.flows]),
            np.concatenate([self.accelerations, other.accelerations]),
            np.concatenate([self.pressures, other.pressures]),
            np.concatenate([self.inlet_pressure, other.inlet_pressure]),
        )


@dataclass(frozen=True)
class Coefficients:
    """Resistance, loss and inertance of a vessel (SI)."""

    resistance: float
    loss: float
    inertance: float


@dataclass(frozen=True, eq=False)
class Calibrated:
    """A calibrated tree.

    Attributes
    ----------
    coefficients
        By vessel.
    flow_range
        Smallest and largest inflow that it was calibrated at [m3/s]: where it holds.
    miss
        Root mean square of what it does not explain, over that of the pressure drops.
    miss_before
        The same of the tree as its shapes let expect it.
    """

    network: Network
    coefficients: dict[str, Coefficients]
    flow_range: tuple[float, float]
    miss: float
    miss_before: float


def calibrate(tree: Network, seen: Observation) -> Calibrated:
    """The tree whose pressure drops come nearest to those of the 3D solutions.

    Raises
    ------
    RunError
        ``too_few_runs``: fewer than two distinct flows; ``bad_calibration``: outlets that are not the tree's.
    """
    if set(seen.ends) != {name for name, _ in tree.outlets}:
        refuse("The outlets of the 3D solution are not those of the tree: prepare the run again.", "bad_calibration")
    inflow = np.abs(seen.inflow)
    if inflow.max() <= 0.0 or np.ptp(inflow) < DISTINCT * inflow.max():
        refuse(
            f"Friction and loss cannot be told apart at one flow ({1e6 * inflow.max():.3g} mL/s): calibrate with a run "
            "over heart beats, or with two or three steady runs at different flows.",
            "too_few_runs",
        )
    matrix, drops = _system(tree, seen)
    expected = np.array([[v.resistance, v.loss, v.inertance] for v in tree.vessels]).ravel()
    largest = np.abs(matrix).max(axis=0)
    typical = np.abs(drops).max() / np.where(largest > 0.0, largest, np.inf)
    scale = np.where(expected > 0.0, expected, np.maximum(1e-3 * typical, np.finfo(float).tiny))
    size = float(np.sqrt(np.mean(drops**2)))
    # a coefficient that nothing shows (an inertance in steady flow) stays what it was
    weight = PRIOR * size * np.sqrt(len(drops)) * np.where(largest > 0.0, 1.0, 1e3)
    prior = np.diag(weight * np.minimum(1.0, scale / np.maximum(typical, scale)))
    balance = _balance(seen, drops)
    stacked = np.vstack([matrix * scale * balance[:, None], prior])
    found = nnls(stacked, np.concatenate([drops * balance, prior @ (expected / scale)]))[0] * scale
    coefficients = {
        vessel.name: Coefficients(*map(float, found[3 * k : 3 * k + 3])) for k, vessel in enumerate(tree.vessels)
    }
    return Calibrated(
        with_coefficients(tree, coefficients),
        coefficients,
        (float(seen.inflow.min()), float(seen.inflow.max())),
        _miss(matrix @ found, drops),
        _miss(matrix @ expected, drops),
    )


def with_coefficients(tree: Network, coefficients: dict[str, Coefficients]) -> Network:
    """The tree with the coefficients of some of its vessels replaced."""
    vessels = []
    for vessel in tree.vessels:
        own = coefficients.get(vessel.name)
        if own is not None:
            vessel = replace(vessel, resistance=own.resistance, loss=own.loss, inertance=own.inertance)
        vessels.append(vessel)
    return replace(tree, vessels=tuple(vessels))


def path_to(tree: Network, end: str) -> tuple[str, ...]:
    """The vessels from the inlet to an end."""
    parents = {vessel.name: vessel.parent for vessel in tree.vessels}
    way: list[str] = []
    name: str | None = end
    while name is not None:
        way.append(name)
        name = parents[name]
    return tuple(reversed(way))


def _system(tree: Network, seen: Observation) -> tuple[FloatArray, FloatArray]:
    """(n n_ends, 3 n_vessels) terms and (n n_ends,) drops of the network's pressure from the inlet to each end."""
    index = {name: k for k, name in enumerate(tree.names)}
    ways = [path_to(tree, end) for end in seen.ends]
    n = len(seen.inlet_pressure)
    flow, rate = np.zeros((n, len(index))), np.zeros((n, len(index)))
    for k, way in enumerate(ways):
        for name in way:
            flow[:, index[name]] += seen.flows[:, k]
            rate[:, index[name]] += seen.accelerations[:, k]
    terms = np.stack([flow, np.abs(flow) * flow, rate], axis=-1)
    first = tree.vessels[0]
    inlet = seen.inlet_pressure + first.kinetic_in * np.abs(flow[:, 0]) * flow[:, 0]
    matrix = np.zeros((len(seen.ends), n, len(index), 3))
    for k, way in enumerate(ways):
        for name in way:
            matrix[k, :, index[name]] = terms[:, index[name]]
    drops = np.array([inlet - seen.pressures[:, k] for k in range(len(seen.ends))])
    return matrix.reshape(len(seen.ends) * n, -1), drops.ravel()


def _balance(seen: Observation, drops: FloatArray) -> FloatArray:
    """Weights (n n_ends,): of steady flows each counts by what it misses of its own drop, so that the largest does not
    decide alone; the instants of a beat count alike.
    """
    size = np.sqrt(np.mean(drops**2))
    is_beat = np.tile((seen.accelerations != 0.0).any(axis=1), len(seen.ends))
    return np.asarray(np.where(is_beat, 1.0, size / np.maximum(np.abs(drops), 0.02 * size)))


def _miss(found: FloatArray, wanted: FloatArray) -> float:
    return float(np.sqrt(np.mean((found - wanted) ** 2) / np.mean(wanted**2)))


def joined(observations: Sequence[Observation]) -> Observation:
    """All of them; at least one is given."""
    whole = observations[0]
    for other in observations[1:]:
        whole = whole.joined(other)
    return whole
