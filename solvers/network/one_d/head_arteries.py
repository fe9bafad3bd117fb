"""Arteries from the heart to a circle of Willis, with a stenosis of one internal carotid, and where they lie in a head.

Lengths, radii, Young's moduli, resistances and compliances: Alastruey, Parker, Peiro, Byrd & Sherwin 2007, J. Biomech.
40:1794, as the circle of Willis of openBF tabulates them. Walls have openBF's thickness. Internal carotid and vertebral
arteries are cut in pieces so that the stenosis and the skull base have their places. Where the vessels lie is an
assumption: rounded places of textbook anatomy.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from solvers.contract.openings import Inlet, RcrOutlet, Waveform
from solvers.network.one_d.network import Network1D, Stenosis, Terminal, Vessel1D
from solvers.network.one_d.walls import beta_of_wall, thickness_of_radius
from solvers.network.stenosis import Lesion

FloatArray = NDArray[np.float64]
Side = Literal["left", "right"]

SOURCE = "Alastruey et al. 2007, J. Biomech. 40:1794, as distributed with openBF; places in the head are assumptions"
DENSITY, VISCOSITY, PROFILE = 1060.0, 4e-3, 9.0
BULB, NECK, ATLAS = 0.020, 0.060, 0.040
"""Lengths [m], assumptions: from the bifurcation to the stenosis, from there to the skull base; of the vertebral artery
above the atlas."""
REFERENCE_PRESSURE = 12.4e3
"""Mean pressure [Pa], 93 mmHg, at which the brain's resistances are the table's: its flow stays when pressure changes
(autoregulation, an assumption)."""

SHORTEST = 0.020
"""[m]; shorter vessels, which would set the time step, are drawn out to it and widened so that their friction stays."""

_SOFT, _FIRM, _STIFF = 4e5, 8e5, 16e5

# name, nodes, length [m], radius [m], Young's modulus [Pa]; {} is L or R, nodes of the right are 100 more
_MIDDLE: tuple[tuple[str, int, int, float, float, float], ...] = (
    ("ascending aorta", 1, 2, 0.04, 0.012, _SOFT),
    ("arch I", 2, 3, 0.02, 0.0112, _SOFT),
    ("brachiocephalic", 2, 104, 0.034, 0.0062, _SOFT),
    ("arch II", 3, 4, 0.039, 0.0107, _SOFT),
    ("thoracic aorta", 4, 5, 0.156, 0.00999, _SOFT),
    ("common carotid L", 3, 6, 0.208, 0.0025, _SOFT),
    ("common carotid R", 104, 106, 0.177, 0.0025, _SOFT),
    ("subclavian L", 4, 8, 0.034, 0.00423, _SOFT),
    ("subclavian R", 104, 108, 0.034, 0.00423, _SOFT),
    ("basilar", 15, 22, 0.029, 0.00162, _STIFF),
    ("anterior communicating", 25, 125, 0.003, 0.00074, _STIFF),
)
_SIDES: tuple[tuple[str, int, int, float, float, float], ...] = (
    ("bulb {}", 6, 9, BULB, 0.002, _FIRM),
    ("internal carotid, neck {}", 9, 10, NECK, 0.002, _FIRM),
    ("internal carotid, head {}", 10, 12, 0.177 - BULB - NECK, 0.002, _FIRM),
    ("external carotid {}", 6, 11, 0.177, 0.0015, _FIRM),
    ("vertebral, neck {}", 8, 14, 0.148 - ATLAS, 0.00136, _FIRM),
    ("vertebral, head {}", 14, 15, ATLAS, 0.00136, _FIRM),
    ("brachial {}", 8, 16, 0.422, 0.00403, _SOFT),
    ("internal carotid, end {}", 12, 18, 0.005, 0.002, _STIFF),
    ("posterior communicating {}", 19, 12, 0.015, 0.00073, _STIFF),
    ("middle cerebral {}", 18, 23, 0.119, 0.00143, _STIFF),
    ("anterior cerebral A1 {}", 18, 25, 0.012, 0.00117, _STIFF),
    ("anterior cerebral A2 {}", 25, 27, 0.103, 0.0012, _STIFF),
    ("posterior cerebral P1 {}", 22, 19, 0.005, 0.00107, _STIFF),
    ("posterior cerebral P2 {}", 19, 29, 0.086, 0.00105, _STIFF),
)
_SHARED = {3, 15, 22}
"""Nodes of the middle that vessels of both sides meet."""
# total resistance [Pa s/m3], compliance [m3/Pa], whether it feeds the brain
_OUTLETS: dict[str, tuple[float, float, bool]] = {
    "thoracic aorta": (1.8e8, 3.87e-9, False),
    "external carotid": (5.43e9, 1.27e-10, False),
    "brachial": (2.68e9, 2.58e-10, False),
    "middle cerebral": (5.97e9, 1.16e-10, True),
    "anterior cerebral A2": (8.48e9, 8.2e-11, True),
    "posterior cerebral P2": (11.08e9, 6.2e-11, True),
}

# places of the left [m] in the head's frame: x to the left, y to the back, z up, from the middle of the skull base
_PLACES: dict[str, tuple[tuple[float, float, float], tuple[float, float, float]]] = {
    "internal carotid, head {}": ((0.030, 0.000, 0.000), (0.015, -0.030, 0.050)),
    "external carotid {}": ((0.035, -0.010, -0.050), (0.060, -0.030, 0.060)),
    "vertebral, head {}": ((0.025, 0.030, -0.020), (0.000, 0.000, 0.015)),
    "internal carotid, end {}": ((0.015, -0.030, 0.050), (0.014, -0.032, 0.055)),
    "posterior communicating {}": ((0.008, -0.016, 0.046), (0.015, -0.030, 0.050)),
    "middle cerebral {}": ((0.014, -0.032, 0.055), (0.065, -0.020, 0.085)),
    "anterior cerebral A1 {}": ((0.014, -0.032, 0.055), (0.0015, -0.042, 0.060)),
    "anterior cerebral A2 {}": ((0.0015, -0.042, 0.060), (0.004, -0.010, 0.130)),
    "posterior cerebral P1 {}": ((0.000, -0.018, 0.045), (0.008, -0.016, 0.046)),
    "posterior cerebral P2 {}": ((0.008, -0.016, 0.046), (0.020, 0.070, 0.060)),
    "basilar": ((0.000, 0.000, 0.015), (0.000, -0.018, 0.045)),
    "anterior communicating": ((0.0015, -0.042, 0.060), (-0.0015, -0.042, 0.060)),
}
_CUT_DIRECTIONS: dict[str, tuple[float, float, float]] = {
    "internal carotid, head {}": (-0.25, -0.10, 0.96),
    "external carotid {}": (0.20, -0.15, 0.97),
    "vertebral, head {}": (-0.50, -0.45, 0.74),
}
"""Where blood crosses from the neck into the head, and which way."""


@dataclass(frozen=True)
class HeadState:
    """What drives the arteries of a head.

    Attributes
    ----------
    stenosis, side
        Reduction of the diameter (NASCET), 0 to below 1, and of which internal carotid.
    period, stroke_volume, ejection
        Of the heart [s, m3, s]; the inflow is a sine squared during the ejection unless ``inflow`` gives a curve over
        its mean.
    mean_pressure
        Stroke volume by period times the resistance of all outlets [Pa].
    stiffness
        Factor on all moduli; compliances behind the outlets are divided by it.
    brain, collaterals
        Factors on the brain's conductance and on the radii of the communicating arteries.
    lesion_length, law
        Of the stenosis [m], and by which law pressure falls over it.
    radii
        Factors on the radii of vessels by name.
    shortest
        [m], see ``SHORTEST``.
    """

    stenosis: float = 0.0
    side: Side = "left"
    period: float = 60.0 / 70.0
    stroke_volume: float = 75e-6
    ejection: float = 0.294
    mean_pressure: float = REFERENCE_PRESSURE
    stiffness: float = 1.0
    brain: float = 1.0
    collaterals: float = 1.0
    lesion_length: float = 0.010
    law: str = "young-tsai"
    radii: tuple[tuple[str, float], ...] = ()
    inflow: tuple[float, ...] = ()
    shortest: float = SHORTEST


def head_network(state: HeadState) -> Network1D:
    """The network of a state; the inflow starts the beat."""
    vessels = tuple(_vessel(*row, state) for row in (*_MIDDLE, *_of_side("L"), *_of_side("R")))
    lesions: tuple[Stenosis, ...] = ()
    if state.stenosis > 0.0:
        name = f"bulb {'L' if state.side == 'left' else 'R'}"
        radius = next(vessel.radius[-1] for vessel in vessels if vessel.name == name)
        throat = radius * (1.0 - state.stenosis)
        lesions = (Stenosis(name, Lesion(radius, throat, state.lesion_length), state.law),)
    terminals = (Terminal(1, Inlet(0, "heart", _inflow(state))), *_outlets(vessels, state))
    return Network1D(
        *(vessels, terminals, state.period, DENSITY, VISCOSITY, lesions),
        interpolation="linear",
        name="head",
    )


def _inflow(state: HeadState, n: int = 100) -> Waveform:
    times = state.period * np.arange(n) / n
    if state.inflow:
        phase = np.arange(len(state.inflow) + 1) / len(state.inflow)
        shape = np.interp(times / state.period, phase, (*state.inflow, state.inflow[0]))
    else:
        shape = np.where(times < state.ejection, np.sin(np.pi * times / state.ejection) ** 2, 0.0)
    flow = shape * (state.stroke_volume / state.period / shape.mean())
    return Waveform(tuple(times.tolist()), tuple(flow.tolist()))


def _of_side(letter: str) -> list[tuple[str, int, int, float, float, float]]:
    more = 0 if letter == "L" else 100
    return [
        (name.format(letter), *(node if node in _SHARED else node + more for node in ends), *sizes)  # type: ignore[misc]
        for name, *ends_and_sizes in _SIDES
        for ends, sizes in [(ends_and_sizes[:2], ends_and_sizes[2:])]
    ]


def _vessel(name: str, start: int, end: int, length: float, radius: float, young: float, state: HeadState) -> Vessel1D:
    radius *= dict(state.radii).get(name, 1.0)
    if "communicating" in name:
        radius *= state.collaterals
    if length < state.shortest:
        length, radius = state.shortest, radius * (state.shortest / length) ** 0.25
    beta = beta_of_wall(young * state.stiffness, thickness_of_radius(radius), radius)
    return Vessel1D(name, start, end, length, (radius, radius), (beta, beta), profile=PROFILE)


def _outlets(vessels: tuple[Vessel1D, ...], state: HeadState) -> list[Terminal]:
    """Windkessels: the brain takes its flow whatever the pressure, the rest of the body what is left."""
    found = [(v, *_OUTLETS[kind]) for v in vessels if (kind := _kind(v.name)) in _OUTLETS]
    regulated = state.brain * REFERENCE_PRESSURE / state.mean_pressure
    brain = sum(regulated / r for _, r, _, is_brain in found if is_brain)
    body = sum(1.0 / r for _, r, _, is_brain in found if not is_brain)
    left = state.stroke_volume / state.period / state.mean_pressure - brain
    share = max(left / body, 0.05)  # where the output would not even feed the brain
    terminals = []
    for vessel, resistance, compliance, is_brain in found:
        total = resistance / (regulated if is_brain else share)
        first = min(math.sqrt(0.5 * DENSITY * vessel.beta[1]) / (math.pi * vessel.radius[1] ** 2), 0.9 * total)
        outlet = RcrOutlet(0, vessel.name, first, compliance / state.stiffness, total - first, 0.0)
        terminals.append(Terminal(vessel.end, outlet))
    return terminals


def _kind(name: str) -> str:
    return name.removesuffix(" L").removesuffix(" R")


@dataclass(frozen=True, eq=False)
class Geometry:
    """Which vessels a head holds and how they lie.

    Attributes
    ----------
    names : (v,)
        Of the vessels in the head.
    ways : (v, 3)
        From start to end of each [m].
    cuts : (c,)
        Vessels at whose start blood enters the head.
    directions : (c, 3)
        Which way, unit vectors.
    """

    names: tuple[str, ...]
    ways: FloatArray
    cuts: tuple[str, ...]
    directions: FloatArray


def head_geometry() -> Geometry:
    """Of :func:`head_network`: the head begins at the skull base, behind the stenosis, and where the external carotid
    does; x to the left, y to the back, z up.
    """
    names, ways, cuts, directions = [], [], [], []
    for name, (start, end) in _PLACES.items():
        for letter, mirror in (("L", 1.0), ("R", -1.0)) if "{}" in name else (("", 1.0),):
            names.append(name.format(letter))
            ways.append((np.array(end) - start) * (mirror, 1.0, 1.0))
    for name, way in _CUT_DIRECTIONS.items():
        for letter, mirror in (("L", 1.0), ("R", -1.0)):
            cuts.append(name.format(letter))
            directions.append(np.array(way) / np.linalg.norm(way) * (mirror, 1.0, 1.0))
    return Geometry(tuple(names), np.array(ways), tuple(cuts), np.array(directions))
