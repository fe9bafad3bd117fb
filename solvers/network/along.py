"""What lumped and one-dimensional models say at any place along a vessel, for comparison with sections of a 3D run."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from solvers.contract.fluid import Fluid
from solvers.network.one_d.patient import cut_at_lesions
from solvers.network.one_d.solver import Solution1D
from solvers.network.vessel_tree import VesselShape, VesselTree
from solvers.network.zero_d.network import Network
from solvers.network.zero_d.solve import Beat

FloatArray = NDArray[np.float64]


@dataclass(frozen=True, eq=False)
class Track:
    """A vessel over a beat.

    Attributes
    ----------
    shape
        Whose arc length and radius the places refer to.
    times : (n,)
        [s], at equal steps over a period.
    places : (m,)
        [m] along the vessel.
    flow, pressure : (n, m)
        [m3/s] and, less ``kinetic`` (m,) |Q| Q, static pressure [Pa].
    density
        Of the blood [kg/m3] if pressures are total ones, 0 if they are static.
    """

    shape: VesselShape
    times: FloatArray
    places: FloatArray
    flow: FloatArray
    pressure: FloatArray
    density: float

    def at(
        self, place: float, times: FloatArray, period: float, radius: float | None = None
    ) -> tuple[FloatArray, FloatArray]:
        """Flow [m3/s] and static pressure [Pa] at a place [m], (k,) each at times of the periodic beat; the pressure in
        a section of another radius [m] than the vessel's, if one is given."""
        if radius is None:
            radius = float(np.interp(place, self.shape.arc_length, self.shape.radius))
        rows = range(len(self.times))
        flow = np.array([np.interp(place, self.places, self.flow[k]) for k in rows])
        total = np.array([np.interp(place, self.places, self.pressure[k]) for k in rows])
        pressure = total - 0.5 * self.density * np.abs(flow) * flow / (np.pi * radius**2) ** 2
        found = [np.interp(times, self.times, values, period=period) for values in (flow, pressure)]
        return found[0], found[1]


def lumped_tracks(network: Network, tree: VesselTree, beat: Beat, fluid: Fluid) -> dict[str, Track]:
    """Of every vessel of a lumped tree by name.

    Within a vessel, pressure falls by resistance and losses as the integral of r^-4 grows and by inertia as that of
    r^-2, so that a narrowing takes its part where it stands.
    """
    n = len(beat.flow_in)
    times = beat.dt * np.arange(1, n + 1, dtype=np.float64)
    found = {}
    for k, name in enumerate(beat.names):
        vessel, shape = network.vessel(name), tree.vessel(name)
        friction, inertia, volume = (_share(shape, power) for power in (-4.0, -2.0, 2.0))
        q_in, q_out = beat.flow_in[:, k], beat.flow_out[:, k]
        begin = beat.pressure_in[:, k] + vessel.kinetic_in * np.abs(q_in) * q_in
        end = beat.pressure_out[:, k]
        kinetic = 0.5 * fluid.density / (np.pi * shape.radius[-1] ** 2) ** 2 if network.is_total else 0.0
        end = end + kinetic * np.abs(q_out) * q_out
        loss = (vessel.resistance + (vessel.loss - (kinetic if not vessel.kinetic_out else 0.0)) * np.abs(q_in)) * q_in
        inert = begin - end - loss
        pressure = begin[:, None] - loss[:, None] * friction - inert[:, None] * inertia
        flow = q_in[:, None] + (q_out - q_in)[:, None] * volume
        density = fluid.density if network.is_total else 0.0
        found[name] = Track(shape, times, shape.arc_length, flow, pressure, density)
    return found


def one_d_tracks(tree: VesselTree, solution: Solution1D, density: float) -> dict[str, Track]:
    """Of every vessel of a network made by :func:`solvers.network.one_d.patient.network_of_tree`, by the tree's names.

    Between the five places that a solution keeps of each piece, total pressure and flow lie on straight lines.
    """
    found = {}
    for shape in tree.vessels:
        pieces, _ = cut_at_lesions(shape)
        places: list[FloatArray] = []
        flow: list[FloatArray] = []
        pressure: list[FloatArray] = []
        for number, (s, _) in enumerate(pieces):
            k = solution.of(shape.name if number == 0 else f"{shape.name} behind lesion {number}")
            places.append(np.linspace(float(s[0]), float(s[-1]), solution.flow.shape[2], dtype=np.float64))
            speed = solution.flow[:, k] / solution.area[:, k]
            flow.append(solution.flow[:, k])
            pressure.append(solution.pressure[:, k] + 0.5 * density * np.abs(speed) * speed)
        found[shape.name] = Track(
            *(shape, solution.times, np.concatenate(places)),
            *(np.concatenate(flow, axis=1), np.concatenate(pressure, axis=1), density),
        )
    return found


def upstream(tree: VesselTree) -> Mapping[str, tuple[str, ...]]:
    """The vessels from each one back to the inlet, itself first."""
    found: dict[str, tuple[str, ...]] = {}
    for vessel in tree.vessels:
        found[vessel.name] = (vessel.name, *(found[vessel.parent] if vessel.parent else ()))
    return found


def _share(shape: VesselShape, power: float) -> FloatArray:
    """(n,) integral of the radius to a power up to each point, as a part of the whole."""
    s, r = shape.arc_length, shape.radius**power
    up_to = np.concatenate([[0.0], np.cumsum(0.5 * (r[1:] + r[:-1]) * np.diff(s))])
    return np.asarray(up_to / up_to[-1])
