"""Pulses in elastic tubes in one dimension: speed, height, decay, reflection, order of convergence."""

from __future__ import annotations

from dataclasses import replace
from itertools import pairwise

import numpy as np
from numpy.typing import NDArray

from solvers.contract.openings import Inlet, RcrOutlet, Waveform
from solvers.network.one_d.layout import grid_of, nodes_of, state_at
from solvers.network.one_d.network import Network1D, Reflection, Terminal, Vessel1D
from solvers.network.one_d.solver import Scheme, Solution1D, solve_network
from solvers.network.one_d.walls import beta_of_wall
from solvers.verification.row import Curve, Progress, Row, order_row

FloatArray = NDArray[np.float64]

RADIUS, LENGTH, DENSITY, VISCOSITY = 1e-2, 10.0, 1050.0, 4e-3
BETA = beta_of_wall(4e5, 1.5e-3, RADIUS)
SPEED = float(np.sqrt(BETA / (2.0 * DENSITY)))
IMPEDANCE = DENSITY * SPEED / (np.pi * RADIUS**2)
PEAK, SHARPNESS, CENTER, DURATION = 1e-6, 1e4, 0.05, 2.2
"""Inflow PEAK exp(-SHARPNESS (t - CENTER)^2) [m3/s]."""
SET_UP = "set-up of Boileau et al. 2015, section 3.1"


def gaussian(peak: float = PEAK, duration: float = DURATION) -> Waveform:
    """The inflow of the pulse."""
    t = np.linspace(0.0, duration, 4001)[:-1]
    return Waveform(tuple(t.tolist()), tuple((peak * np.exp(-SHARPNESS * (t - CENTER) ** 2)).tolist()))


def long_tube(viscosity: float, profile: float) -> Network1D:
    """The ten meters of the single pulse."""
    vessel = Vessel1D("tube", 0, 1, LENGTH, (RADIUS, RADIUS), (BETA, BETA), profile=profile)
    ends = (Terminal(0, Inlet(0, "inlet", gaussian())), Terminal(1, Reflection()))
    return Network1D((vessel,), ends, DURATION, DENSITY, viscosity)


def once(network: Network1D, spacing: float, samples: int) -> Solution1D:
    """A single passage, from rest at no pressure."""
    return solve_network(network, Scheme(spacing, samples=samples, max_cycles=1, start_pressure=0.0))


def top(times: FloatArray, values: FloatArray) -> tuple[float, float]:
    """Time and height of the largest value, by a parabola through its neighbors."""
    k = min(max(int(values.argmax()), 2), len(values) - 3)
    a, b, c = np.polyfit(times[k - 2 : k + 3] - times[k], values[k - 2 : k + 3], 2)
    return float(times[k] - 0.5 * b / a), float(c - 0.25 * b * b / a)


def check_pulse(progress: Progress, long: bool) -> list[Row | Curve]:
    """A Gaussian pulse of flow runs down ten meters of elastic tube, without and with viscosity, to an open end."""
    name, spacing = "pulse", 1.25e-3 if long else 2.5e-3
    ideal = once(long_tube(0.0, 2.0), spacing, 2200)
    progress(0.5, "without viscosity")
    viscous = once(long_tube(VISCOSITY, 9.0), spacing, 2200)
    t, p = ideal.times, ideal.pressure[:, 0]
    start, middle = top(t, p[:, 0]), top(t, p[:, 2])
    late = top(t, p[:, 3])[0] - top(t, p[:, 1])[0]
    exact = IMPEDANCE * PEAK * np.exp(-SHARPNESS * (t - CENTER - 0.5 * LENGTH / SPEED) ** 2)
    width = [np.sqrt(np.sum(v * (t - np.sum(v * t) / np.sum(v)) ** 2) / np.sum(v)) for v in (p[:, 2], exact)]
    decay = (DENSITY * SPEED * np.pi * RADIUS**2) / ((9.0 + 2.0) * np.pi * VISCOSITY)
    ratio = top(t, viscous.pressure[:, 0, 2])[1] / middle[1]
    back = float(np.abs(p[t > CENTER + LENGTH / SPEED, 3]).max() / middle[1])  # would be there at 1.25 L / c
    source = f"inviscid linear theory; {SET_UP}"
    near = np.abs(t - middle[0]) < 0.1
    return [
        Row(name, "wave speed, from a quarter to three quarters", "m/s", 0.5 * LENGTH / late, SPEED, 1e-3, source),
        Row(name, "peak pressure at the inlet", "Pa", start[1], IMPEDANCE * PEAK, 5e-3, source),
        Row(name, "peak pressure after 5 m", "Pa", middle[1], IMPEDANCE * PEAK, 5e-3, source),
        Row(name, "arrival of the peak after 5 m", "s", middle[0], CENTER + 0.5 * LENGTH / SPEED, 1e-3, source),
        Row(name, "width of the pulse after 5 m", "s", float(width[0]), float(width[1]), 1e-2, source),
        Row(name, "reflection of the open end", "", back, 0.0, 1e-3, source, is_absolute=True),
        Row(
            *(name, "peak after 5 m, viscous to inviscid", "", ratio, float(np.exp(-0.5 * LENGTH / decay)), 0.01),
            "exp(-x/l), l = rho c0 A0 / ((profile + 2) pi mu), profile 9",
        ),
        Curve(
            *(name, "pressure after 5 m", "t [s]", "p [Pa]", tuple(t[near].tolist()), tuple(p[near, 2].tolist())),
            *(source, tuple(t[near][::4].tolist()), tuple(exact[near][::4].tolist())),
        ),
    ]


def check_pulse_order(progress: Progress, long: bool) -> list[Row]:
    """Pulses on finer and finer cells and steps: against the exact solution, and in a tapered, viscous, stiff-ending
    vessel with a Windkessel against the next finer ones."""
    name, spacings = "pulse_order", (0.02, 0.01, 0.005, 0.0025)
    errors = []
    tube = replace(long_tube(0.0, 2.0).vessels[0], length=4.0)
    small = replace(
        long_tube(0.0, 2.0),
        vessels=(tube,),
        terminals=(Terminal(0, Inlet(0, "inlet", gaussian(1e-12))), Terminal(1, Reflection())),
    )
    for spacing in spacings:
        found = once(small, spacing, 800)
        exact = IMPEDANCE * 1e-12 * np.exp(-SHARPNESS * (found.times - CENTER - 2.0 / SPEED) ** 2)
        errors.append(float(np.linalg.norm(found.pressure[:, 0, 2] - exact) / np.linalg.norm(exact)))
    progress(0.5, "exact solution")
    vessel = Vessel1D("taper", 0, 1, 0.4, (6e-3, 4e-3), (4e4, 8e4), 0.0, 9.0)
    ends = (
        Terminal(0, Inlet(0, "inlet", gaussian(2e-5, 0.4))),
        Terminal(1, RcrOutlet(0, "outlet", 1e8, 1e-9, 5e8, 0.0)),
    )
    strong = Network1D((vessel,), ends, 0.4, flattening=True)
    curves = [once(strong, spacing / 2.0, 400) for spacing in spacings]
    rows = []
    for what, values in (("pressure", [c.pressure for c in curves]), ("flow", [c.flow for c in curves])):
        gaps = [float(np.linalg.norm(a[:, 0, 1:4] - b[:, 0, 1:4])) for a, b in pairwise(values)]
        rows.append(
            order_row(name, f"{what} in a tapered vessel", np.log2(gaps[-2] / gaps[-1]), 2.0, 1.8, "second order")
        )
    order = float(np.log2(errors[-2] / errors[-1]))
    return [order_row(name, "pressure of a small pulse", order, 2.0, 1.8, "second order"), *rows]


def check_tube_law(progress: Progress, long: bool) -> list[Row]:
    """The pressure that opens a carotid of Boileau's to a radius of 3 mm, and a tapered vessel that stays at rest."""
    radius = 2.6485e-3
    beta = beta_of_wall(7e5, 0.24e-3, radius)
    vessel = Vessel1D("carotid", 0, 1, 0.126, (radius, radius), (beta, beta))
    ends = (Terminal(0, Inlet(0, "inlet", Waveform.constant(0.0))), Terminal(1, Reflection(1.0, 11224.7)))
    network = Network1D((vessel,), ends, 1.0)
    grid = grid_of(network, 0.01)
    pressure = float(grid.stiffness[0] * (np.sqrt(np.pi) * 3e-3 - grid.root[0]))
    state = state_at(network, grid, nodes_of(network), 16610.0)
    uneven = replace(network, vessels=(replace(vessel, radius=(3e-3, 1e-3), beta=(beta, 4.0 * beta)),))
    rest = solve_network(uneven, Scheme(2e-3, samples=10, max_cycles=1, start_pressure=11224.7))
    moved = float(np.abs(rest.flow / rest.area).max())
    source = "beta (r/r0 - 1), beta = (4/3) E h / r0 with the carotid of Boileau et al. 2015"
    return [
        Row("tube_law", "pressure at r = 3 mm", "Pa", pressure, 11224.7, 1e-5, source),
        Row("tube_law", "radius at 16.61 kPa", "m", float(np.sqrt(state.area[0] / np.pi)), 3.1686e-3, 5e-5, source),
        Row("tube_law", "largest speed at rest, tapered", "m/s", moved, 0.0, 1e-9, "rest", is_absolute=True),
    ]


def check_reflection(progress: Progress, long: bool) -> list[Row]:
    """A small pulse meets a step in area, a fork, and an end that reflects a given part of it."""
    name, spacing = "reflection", 2.5e-3
    inlet = Terminal(0, Inlet(0, "inlet", gaussian(1e-9, 0.8)))
    first = Vessel1D("first", 0, 1, 2.0, (RADIUS, RADIUS), (BETA, BETA))

    def other(number: int, radius: float) -> tuple[Vessel1D, Terminal]:
        beta = BETA * RADIUS / radius
        vessel = Vessel1D(f"next {number}", 1, 1 + number, 2.0, (radius, radius), (beta, beta))
        return vessel, Terminal(1 + number, Reflection())

    def admittance(radius: float) -> float:
        return float(np.pi * radius**2 / np.sqrt(BETA * RADIUS / radius))

    rows = []
    for what, radii in (("step to half the radius", (0.5e-2,)), ("step to twice", (2e-2,)), ("fork", (0.7e-2, 0.5e-2))):
        nexts = [other(number, radius) for number, radius in enumerate(radii, 1)]
        network = Network1D(
            (first, *(v for v, _ in nexts)), (inlet, *(t for _, t in nexts)), 0.8, DENSITY, 0.0, flattening=False
        )
        found = once(network, spacing, 1600)
        p = found.pressure[:, 0, 2]
        early = found.times < 0.05 + 2.0 / SPEED
        arrived, returned = top(found.times[early], p[early])[1], p[~early][np.abs(p[~early]).argmax()]
        one, beyond = admittance(RADIUS), sum(admittance(radius) for radius in radii)
        rows.append(
            Row(
                *(name, f"pressure sent back by a {what}", "", float(returned) / arrived),
                *((one - beyond) / (one + beyond), 0.01, "(Y1 - sum Y2) / (Y1 + sum Y2), Y = A / (rho c)"),
            )
        )
    for given in (-0.4, 0.8):
        network = Network1D((first,), (inlet, Terminal(1, Reflection(given))), 0.8, DENSITY, 0.0)
        found = once(network, spacing, 1600)
        p = found.pressure[:, 0, 2]
        early = found.times < 0.05 + 2.0 / SPEED
        arrived, returned = top(found.times[early], p[early])[1], p[~early][np.abs(p[~early]).argmax()]
        what = f"pressure sent back by an end of {given:g}"
        rows.append(Row(name, what, "", float(returned) / arrived, given, 0.01, "as given"))
    return rows
