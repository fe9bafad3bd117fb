"""Checks of the head that the pulse shakes: its force and swing against closed forms, the inverse on traces of its own
solves, with noise, heads and arteries that its library does not hold.
"""

from __future__ import annotations

import math
from dataclasses import replace

import numpy as np

from app.workflow.head_library import FLOW_RANGES, SCHEME, Library, make_library, state_of
from app.workflow.head_motion import HEAD_RANGES, MADE_SCHEME, MADE_SHORTEST, HeadFit, Recording, fit_trace, made_trace
from solvers.contract.openings import Inlet, ResistanceOutlet, Waveform
from solvers.network.head_motion import (
    BOOLE,
    Head,
    compliance,
    displacement,
    force_harmonics,
    force_on_head,
)
from solvers.network.one_d.head_arteries import (
    DENSITY,
    VISCOSITY,
    Geometry,
    HeadState,
    head_geometry,
    head_network,
)
from solvers.network.one_d.network import Network1D, Terminal, Vessel1D
from solvers.network.one_d.solver import Scheme, Solution1D, solve_network
from solvers.verification.registry import Check
from solvers.verification.row import Progress, Row

NAME = "head_motion"
GOAL, SEEDS = 10.0, (1, 2, 3)
PERCENTS = (50, 70, 90)
TRUTH = "the stenosis of the trace, which was solved for itself"
LENGTH, RADIUS, PERIOD = 0.2, 3e-3, 0.8
TUBE = Geometry(("tube",), np.array([[LENGTH, 0.0, 0.0]]), ("tube",), np.array([[1.0, 0.0, 0.0]]))


def check_head_motion(progress: Progress, long: bool) -> list[Row]:
    """Force and swing in closed form; with --long the inverse at 20 dB, each trace of another head, other arteries."""
    rows = [*_forces(), *_swing(), *_coarse()]
    if not long:
        progress(1.0, "closed forms; the inverse is checked with --long")
        return rows
    library = make_library(progress=lambda part, text: progress(0.6 * part, text))
    return rows + inverse_rows(library, lambda part, text: progress(0.6 + 0.4 * part, text))


def _tube(flow: Waveform) -> Solution1D:
    vessel = Vessel1D("tube", 0, 1, LENGTH, (RADIUS, RADIUS), (2e5, 2e5), profile=9.0, p_external=1e4)
    ends = Terminal(0, Inlet(0, "in", flow)), Terminal(1, ResistanceOutlet(0, "out", 1.5e9, 0.0))
    network = Network1D((vessel,), ends, PERIOD, DENSITY, VISCOSITY)
    return solve_network(network, Scheme(spacing=2e-3, samples=128, periodic_within=1e-7, max_cycles=60))


def _forces() -> list[Row]:
    flow = 7e-6
    steady = _tube(Waveform.constant(flow))
    force = force_on_head(steady, TUBE, DENSITY)[:, 0]
    area = float(steady.area[0, 0, 0])
    friction = 22.0 * math.pi * VISCOSITY * flow / area**2 * LENGTH  # 2 (9 + 2) pi mu Q / A^2 over the length
    by_hand = (1.5e9 * flow + friction) * area + DENSITY * flow**2 / area
    rows = [
        Row(
            NAME,
            "steady flow: force",
            "N",
            float(force.mean()),
            by_hand,
            5e-3,
            "pA + rho Q^2/A, p by friction and outlet",
        ),
        Row(NAME, "steady flow: its change over a beat", "N", float(np.ptp(force)), 0.0, 1e-5 * by_hand, "none", True),
    ]
    t = PERIOD * np.arange(64) / 64
    wave = 1e-6 * np.sin(2.0 * np.pi * t / PERIOD)
    known = np.broadcast_to(wave[:, None, None], (64, 1, 5))
    still = np.zeros_like(known)
    given = Solution1D(("tube",), t, still, known, still + 1e-5, 1, np.zeros(1), 0.0, True, 2)
    found = force_on_head(given, TUBE, DENSITY)[:, 0]
    rate = 2.0 * np.pi / PERIOD * 1e-6 * np.cos(2.0 * np.pi * t / PERIOD)
    miss = np.abs(found - (DENSITY * wave**2 / 1e-5 - DENSITY * LENGTH * rate)).max() / np.abs(found).max()
    rows.append(Row(NAME, "given flow: largest error of the force", "", float(miss), 0.0, 1e-9, "closed form", True))
    beat = 4e-6 + 4e-6 * np.sin(np.pi * np.minimum(t / 0.3, 1.0)) ** 2
    rows.append(_balance(_tube(Waveform((*t.tolist(),), (*beat.tolist(),)))))
    return rows


def _balance(found: Solution1D) -> Row:
    """What enters less the rate of what is inside, against wall, friction and what leaves."""
    p, q, a = (each[:, 0] for each in (found.pressure, found.flow, found.area))
    force = force_on_head(found, TUBE, DENSITY)[:, 0]
    friction = (22.0 * math.pi * VISCOSITY * q / a) @ BOOLE * LENGTH
    wall = np.sum(0.5 * (p[:, 1:] + p[:, :-1]) * np.diff(a, axis=1), axis=1)
    other = p[:, -1] * a[:, -1] + DENSITY * q[:, -1] ** 2 / a[:, -1] + friction - wall
    miss = float(np.sqrt(np.mean((force - other) ** 2)) / np.std(force))
    source = "end, wall and friction of the same flow, from five places of the tube"
    return Row(
        NAME,
        "pulse in a tube: misfit of the balance of momentum, over the force's pulse",
        "",
        miss,
        0.0,
        0.01,
        source,
        True,
    )


def _swing() -> list[Row]:
    from scipy.integrate import solve_ivp

    head, own, zeta, rate = Head(4.7, (3.5, 5.0, 7.0), (0.2, 0.3, 0.5)), 2.0 * np.pi * 5.0, 0.3, 1.4
    run = solve_ivp(
        lambda t, y: (y[1], math.cos(2.0 * math.pi * rate * t) / 4.7 - 2.0 * zeta * own * y[1] - own**2 * y[0]),
        *((0.0, 6.0), (0.0, 0.0)),
        rtol=1e-9,
        atol=1e-14,
        t_eval=np.linspace(6.0 - 1.0 / rate, 6.0, 201)[:-1],
    )
    force = np.repeat(np.cos(2.0 * np.pi * np.arange(64) / 64)[:, None], 3, axis=1)
    beat = displacement(force, 1.0 / rate, head)[:, 1]
    integrated = abs(2.0 * np.mean(run.y[0] * np.exp(-2j * np.pi * rate * run.t)))
    made = abs(2.0 * np.fft.fft(beat)[1] / 64)
    at_own = float(np.abs(compliance(5.0, 4.7, 5.0, 0.3)))
    return [
        Row(
            NAME, "swing at 1.4 Hz: amplitude for 1 N", "m", float(made), float(integrated), 1e-5, "integrated in time"
        ),
        Row(
            NAME,
            "swing at its own frequency: 1/(2 zeta k)",
            "m",
            at_own,
            1.0 / (0.6 * 4.7 * own**2),
            1e-9,
            "closed form",
        ),
    ]


def _coarse() -> list[Row]:
    state = HeadState(stenosis=0.7)
    geometry = head_geometry()
    made = [
        force_harmonics(force_on_head(solve_network(head_network(one), scheme), geometry, DENSITY), 4)
        for one, scheme in ((state, SCHEME), (replace(state, shortest=MADE_SHORTEST), MADE_SCHEME))
    ]
    miss = float(np.abs(made[0] - made[1]).max() / np.abs(made[1]).max())
    source = "cells of 10 mm, vessels of 5 mm and more as published"
    return [
        Row(
            NAME,
            "network of the library: largest error of a harmonic, over the largest",
            "",
            miss,
            0.0,
            0.02,
            source,
            True,
        )
    ]


def random_case(percent: float, seed: int) -> tuple[HeadState, Head, Recording]:
    """Arteries, a head and a recording within the ranges, the trace's axes up to 4 degrees off."""
    rng = np.random.default_rng([seed, round(percent)])
    side = 1.0 if rng.random() < 0.5 else -1.0
    flow = np.array([one.low + one.width * rng.uniform(0.1, 0.9) for one in FLOW_RANGES])
    mass, *rest = (one.low + one.width * rng.uniform(0.1, 0.9) for one in HEAD_RANGES[:7])
    head = Head(mass, (rest[0], rest[1], rest[2]), (rest[3], rest[4], rest[5]))
    x, y, z = rng.uniform(-4.0, 4.0, 3)
    return state_of(side * percent, flow), head, Recording(seed=seed, tilt_deg=(x, y, z))


def inverse_rows(library: Library, progress: Progress) -> list[Row]:
    """The inverse at 50, 70 and 90 %, at none, and on arteries that are built otherwise."""
    rows: list[Row] = []
    held, sides = [], []
    cases = [(percent, seed) for percent in PERCENTS for seed in SEEDS]
    total = len(cases) + len(SEEDS) + len(other_states())
    for percent, seed in cases:
        state, head, recording = random_case(percent, seed)
        fit = fit_trace(made_trace(state, head, recording), library)
        held.append(fit.low <= percent <= fit.high)
        sides.append(fit.side == state.side)
        text = f"{percent} %, 20 dB, seed {seed}: {fit.sentence}"
        rows.append(Row(NAME, text, "%", fit.percent, float(percent), GOAL, TRUTH, is_absolute=True))
        progress(len(rows) / total, text)
    for what, count in (("bands of 90 % that hold the truth", held), ("right sides", sides)):
        rows.append(Row(NAME, f"{what}, of {len(cases)}", "", float(sum(count)), len(cases), 1.0, TRUTH, True))
    for seed in SEEDS:
        state, head, recording = random_case(0.0, seed)
        fit = fit_trace(made_trace(state, head, recording), library)
        text = f"no stenosis, seed {seed}: low end of the band ({fit.sentence})"
        rows.append(Row(NAME, text, "%", fit.low, 0.0, 20.0, TRUTH, is_absolute=True))
        progress(len(rows) / total, text)
    for what, state in other_states().items():
        _, head, recording = random_case(70.0, 4)
        rows.append(_other(what, fit_trace(made_trace(state, head, recording), library)))
        progress(min(len(rows) / total, 1.0), what)
    return rows


def other_states() -> dict[str, HeadState]:
    """Stenoses of 70 % in arteries that the library's ranges do not hold."""
    from app.workflow.inflow_library import SHAPES

    state = HeadState(stenosis=0.7, side="left")
    return {
        "no left posterior communicating artery": replace(state, radii=(("posterior communicating L", 0.25),)),
        "narrow A1 of the right": replace(state, radii=(("anterior cerebral A1 R", 0.5),)),
        "internal carotids 10 % wider": replace(
            state, radii=tuple((f"internal carotid, {part} {side}", 1.1) for part in ("neck", "head") for side in "LR")
        ),
        "stenosis of 20 mm by Itu's law": replace(state, lesion_length=0.020, law="itu"),
        "ejection with backflow": replace(state, inflow=SHAPES["ascending-aorta"].values),
    }


def _other(what: str, fit: HeadFit) -> Row:
    return Row(NAME, f"70 %, {what}: {fit.sentence}", "%", fit.percent, 70.0, GOAL, TRUTH, is_absolute=True)


HEAD_MOTION_CHECKS: dict[str, Check] = {NAME: Check(NAME, "Carotid stenosis from head motion", check_head_motion)}
