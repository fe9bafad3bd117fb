"""Steady and periodic states of lumped trees, of one or of many samples at a time."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from solvers.contract.errors import RunError
from solvers.contract.openings import (
    CoronaryOutlet,
    Outlet,
    PressureOutlet,
    RcrOutlet,
    ResistanceOutlet,
    SplitOutlet,
    Waveform,
)
from solvers.network.tree import leap
from solvers.network.waveform import PeriodicCurve
from solvers.network.zero_d import kernels
from solvers.network.zero_d.network import Network, refuse

FloatArray = NDArray[np.float64]
IntArray = NDArray[np.int64]

STEPS = 512
"""Time steps of a beat."""
PERIODIC = 1e-7
"""Largest change of a pressure from beat to beat, relative to the largest pressure, that is periodic."""
MAX_BEATS = 200
DEPTH = 40
"""Beats from which the periodic state is extrapolated at most."""


@dataclass(frozen=True, eq=False)
class Inflow:
    """What enters: a flow [m3/s], or with ``is_flow`` False a pressure [Pa], over a period [s]."""

    curve: Waveform
    period: float = 1.0
    is_flow: bool = True

    @property
    def mean(self) -> float:
        """Over the period."""
        return PeriodicCurve(self.curve, self.period).mean

    def sample(self, steps: int) -> FloatArray:
        """Values (steps,) at the ends of equal steps."""
        return np.roll(PeriodicCurve(self.curve, self.period).sample(steps), -1)


@dataclass(frozen=True, eq=False)
class Samples:
    """Many trees of one shape as arrays, which a sampler changes as it likes.

    Attributes
    ----------
    names, parent, kind
        Of the vessels (n,): name, index of the parent (-1 at the inlet), what closes it.
    coefficients, ends : (s, n, 4), (s, n, 6)
        As in :mod:`solvers.network.zero_d.kernels`.
    inlet : (s,)
        Mean flow, or pressure where not ``is_flow``.
    kinetic : (n, 2)
        What turns total into static pressure at both ends [Pa s2/m6].
    """

    names: tuple[str, ...]
    parent: IntArray
    kind: IntArray
    coefficients: FloatArray
    ends: FloatArray
    inlet: FloatArray
    is_flow: bool
    kinetic: FloatArray

    @property
    def n(self) -> int:
        """How many samples there are."""
        return len(self.inlet)


@dataclass(frozen=True, eq=False)
class Steady:
    """Steady states: flow [m3/s] and static pressure [Pa] at both ends of each vessel, (s, n) each."""

    names: tuple[str, ...]
    flow: FloatArray
    pressure_in: FloatArray
    pressure_out: FloatArray


@dataclass(frozen=True, eq=False)
class Beat:
    """A periodic beat at the ends of equal steps: flows [m3/s] and static pressures [Pa], (steps, n) each."""

    names: tuple[str, ...]
    dt: float
    flow_in: FloatArray
    flow_out: FloatArray
    pressure_in: FloatArray
    pressure_out: FloatArray
    n_beats: int


def samples_of(network: Network, inflow: Inflow, count: int = 1) -> Samples:
    """``count`` equal samples of a network."""
    index = {vessel.name: number for number, vessel in enumerate(network.vessels)}
    closing = dict(network.outlets)
    n = len(network.vessels)
    kind, ends = np.zeros(n, dtype=np.int64), np.zeros((n, 6))
    for name, outlet in closing.items():
        kind[index[name]], ends[index[name]] = _end_of(outlet, inflow.period)
    if not inflow.is_flow and (kind == kernels.SPLIT).any():
        refuse("An outlet takes a given share of an inflow, but a pressure is given at the inlet.", "bad_outlet")
    for name, vessel in zip(network.names, network.vessels, strict=True):
        if kind[index[name]] == kernels.PRESSURE and vessel.resistance + vessel.loss == 0.0:
            refuse(f"Vessel {name!r} has no resistance and ends at a given pressure: no flow follows.", "bad_outlet")
    coefficients = np.array([[v.resistance, v.loss, v.inertance, v.compliance] for v in network.vessels])
    return Samples(
        network.names,
        np.array([-1 if v.parent is None else index[v.parent] for v in network.vessels]),
        kind,
        np.repeat(coefficients[None], count, axis=0),
        np.repeat(ends[None], count, axis=0),
        np.full(count, inflow.mean),
        inflow.is_flow,
        np.array([[v.kinetic_in, v.kinetic_out] for v in network.vessels]),
    )


def steady(samples: Samples) -> Steady:
    """The steady states of all samples; a Windkessel counts as its resistances.

    Raises
    ------
    RunError
        ``no_steady_state``.
    """
    shape = samples.n, len(samples.names)
    flow, before, behind = np.empty(shape), np.empty(shape), np.empty(shape)
    failed = kernels.steady_kernel(
        *(samples.parent, samples.kind, samples.coefficients, samples.ends, samples.inlet, samples.is_flow),
        *(flow, before, behind),
    )
    if failed or not np.isfinite(before).all():
        raise RunError(
            "no_steady_state",
            "The lumped tree has no steady state that could be found: check its radii, its outlets and its inflow.",
        )
    square = np.abs(flow) * flow
    return Steady(samples.names, flow, before - samples.kinetic[:, 0] * square, behind - samples.kinetic[:, 1] * square)


def periodic(network: Network, inflow: Inflow, steps: int = STEPS) -> Beat:
    """The periodic beat of a network.

    Raises
    ------
    RunError
        ``not_periodic``.
    """
    return periodic_samples(network, samples_of(network, inflow), inflow, steps)[0]


def periodic_samples(network: Network, samples: Samples, inflow: Inflow, steps: int = STEPS) -> list[Beat]:
    """The periodic beat of each sample; the inflow's curve is scaled to the sample's mean."""
    waves = np.zeros((len(samples.names), steps))
    for name, outlet in network.outlets:
        curve = _wave_of(outlet)
        if curve is not None:
            waves[samples.names.index(name)] = np.roll(PeriodicCurve(curve, inflow.period).sample(steps), -1)
    entering, mean = inflow.sample(steps), inflow.mean
    start = steady(samples)
    beats = []
    for s in range(samples.n):
        entered = entering if samples.inlet[s] == mean else entering * (samples.inlet[s] / mean)
        state = _start(samples, start, waves, s)
        beats.append(_beat(samples, s, waves, entered, inflow.period / steps, state))
    return beats


def _beat(samples: Samples, s: int, waves: FloatArray, inlet: FloatArray, dt: float, state: FloatArray) -> Beat:
    shape = len(inlet), len(samples.names)
    out = np.empty(shape), np.empty(shape), np.empty(shape), np.empty(shape)
    starts: list[FloatArray] = []
    changes: list[FloatArray] = []
    scale = np.array([1.0, _impedance(state), 0.0, 1.0, 1.0])  # so that all of the state is a pressure
    for beat in range(1, MAX_BEATS + 1):
        before = state.copy()
        kernels.beat_kernel(
            samples.parent,
            samples.kind,
            samples.coefficients[s],
            samples.ends[s],
            waves,
            inlet,
            samples.is_flow,
            dt,
            state,
            *out,
        )
        starts.append((before[0] * scale).ravel())
        changes.append(((state[0] - before[0]) * scale).ravel())
        largest = max(float(np.abs(out[2]).max()), float(np.abs(waves).max()), 1e-12)
        if not np.isfinite(largest):
            break
        if float(np.abs(changes[-1]).max()) <= PERIODIC * largest:
            square = (np.abs(out[0]) * out[0], np.abs(out[1]) * out[1])
            return Beat(
                samples.names,
                dt,
                out[0],
                out[1],
                out[2] - samples.kinetic[:, 0] * square[0],
                out[3] - samples.kinetic[:, 1] * square[1],
                beat,
            )
        jump = leap(starts, changes, DEPTH).reshape(state[0].shape)
        jump[:, :2] /= np.maximum(scale[:2], np.finfo(float).tiny)
        state += jump
    raise RunError(
        "not_periodic",
        f"The lumped tree did not become periodic in {MAX_BEATS} beats: check the compliances of its outlets.",
    )


def _impedance(state: FloatArray) -> float:
    """Pressure over flow, as a scale."""
    flow = float(np.abs(state[0, :, 1]).max())
    return float(np.abs(state[0, :, 0]).max()) / flow if flow > 0.0 else 1.0


def _start(samples: Samples, start: Steady, waves: FloatArray, s: int) -> FloatArray:
    """The state (2, n, 5) of a steady flow."""
    state = np.zeros((len(samples.names), 5))
    square = np.abs(start.flow[s]) * start.flow[s]
    behind = start.pressure_out[s] + samples.kinetic[:, 1] * square
    state[:, 0], state[:, 1], state[:, 2] = behind, start.flow[s], start.flow[s]
    ends = samples.ends[s]
    stored = behind - ends[:, 0] * start.flow[s]
    state[:, 3] = np.where((samples.kind == kernels.RCR) | (samples.kind == kernels.CORONARY), stored, 0.0)
    muscle = ends[:, 5] + ends[:, 4] * start.flow[s] - waves.mean(axis=1)
    state[:, 4] = np.where(samples.kind == kernels.CORONARY, muscle, 0.0)
    return np.array([state, state])


def _end_of(outlet: Outlet, period: float) -> tuple[int, FloatArray]:
    if isinstance(outlet, RcrOutlet):
        return kernels.RCR, np.array([outlet.r_proximal, outlet.c, outlet.r_distal, outlet.p_distal, 0.0, 0.0])
    if isinstance(outlet, ResistanceOutlet):
        return kernels.RESISTANCE, np.array([outlet.resistance, 0.0, 0.0, outlet.p_distal, 0.0, 0.0])
    if isinstance(outlet, CoronaryOutlet):
        return kernels.CORONARY, np.array(
            [outlet.r_artery, outlet.c_artery, outlet.r_micro, outlet.c_muscle, outlet.r_vein, outlet.p_venous]
        )
    if isinstance(outlet, SplitOutlet):
        return kernels.SPLIT, np.array([outlet.share, 0.0, 0.0, 0.0, 0.0, 0.0])
    mean = PeriodicCurve(outlet.pressure, period).mean
    return kernels.PRESSURE, np.array([mean, 0.0, 0.0, 0.0, 0.0, 0.0])


def _wave_of(outlet: Outlet) -> Waveform | None:
    if isinstance(outlet, PressureOutlet):
        return outlet.pressure
    return outlet.p_muscle if isinstance(outlet, CoronaryOutlet) else None


def with_outlet(network: Network, name: str, outlet: Outlet) -> Network:
    """The network with another outlet behind a vessel."""
    network.outlet(name)
    return replace(network, outlets=tuple((v, outlet if v == name else o) for v, o in network.outlets))
