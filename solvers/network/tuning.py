"""Windkessel parameters such that the network meets a patient's pressures.

The resistances share the mean flow as wished, the compliances follow the flow (all outlets have the same time
constant), and the total resistance and the time constant are found so that the systolic and diastolic pressure at one
opening are those measured.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy.optimize import least_squares

from solvers.contract.errors import ExitCode, RunError
from solvers.network.tree import NO_VESSEL, PeriodicState, Segment, Terminal, periodic_state
from solvers.network.waveform import PeriodicCurve

FloatArray = NDArray[np.float64]

MMHG = 133.322387415
"""[Pa]."""
PROXIMAL_FRACTION = 0.056
"""Share of the proximal resistance in the total. An assumption: commonly used for the aorta and its branches, but no
source was at hand; it decides how sharp the systolic peak is, hardly the mean pressures."""
N_HALVINGS = 4
"""How often that share is halved when it alone brings a larger pulse than wanted."""
TIME_CONSTANTS = (8.0, 20.0)
"""Longest product of distal resistance and compliance, in periods, that is tried first and at last: the more
compliance, the more beats the pressures take to settle. An assumption."""
TOLERANCE = 1e-3
"""Largest relative difference of a tuned pressure or share from its target."""


@dataclass(frozen=True)
class PressureTarget:
    """Pressures [Pa] to meet at the outlet ``site``, or at the inlet if that is None."""

    systolic: float
    diastolic: float
    site: int | None = None

    def pressure(self, state: PeriodicState) -> FloatArray:
        """The curve (n,) that has to meet the target [Pa]."""
        return state.inlet_pressure if self.site is None else state.outlet_pressures[:, self.site]


@dataclass(frozen=True, eq=False)
class TunedNetwork:
    """The network that comes nearest to its target.

    Attributes
    ----------
    terminals
        One for each outlet, in the order given.
    p_initial : (n_outlets,)
        Pressure over each compliance at time 0 of the periodic state [Pa]: where a run should start.
    state
        The periodic state.
    systolic, diastolic
        Pressures that it has where the target is to be met [Pa].
    proximal_fraction
        Proximal over total resistance: what was asked for, or less if that alone brings a larger pulse than wanted.
    miss
        Largest relative difference of a pressure or share from its target.
    """

    terminals: tuple[Terminal, ...]
    p_initial: FloatArray
    state: PeriodicState
    systolic: float
    diastolic: float
    proximal_fraction: float
    miss: float

    @property
    def is_met(self) -> bool:
        """Whether the target is met within ``TOLERANCE``."""
        return self.miss <= TOLERANCE


def fractions_of_radii(radius: ArrayLike, exponent: float) -> FloatArray:
    """Flow fractions (n,) that grow with a power of the outlets' radii; the exponent is 3 for Murray's law."""
    power = np.asarray(radius, dtype=float) ** exponent
    return np.asarray(power / power.sum())


def tune(
    curve: PeriodicCurve,
    period: float,
    fractions: ArrayLike,
    target: PressureTarget,
    branches: tuple[Segment, ...] | None = None,
    trunk: Segment = NO_VESSEL,
    p_distal: float = 0.0,
    proximal_fraction: float = PROXIMAL_FRACTION,
) -> TunedNetwork:
    """Windkessels for all outlets.

    Parameters
    ----------
    curve
        Inflow [m3/s].
    fractions : (n_outlets,)
        Share of the mean inflow that each outlet shall carry, summing to 1.
    branches
        The vessel that leads to each outlet; resistanceless if not given.
    proximal_fraction
        Proximal over total resistance of a Windkessel; halved if the wanted pulse is too small for it.

    Raises
    ------
    RunError
        ``bad_target``: the wish contradicts itself or the vessel.
    """
    share = np.asarray(fractions, dtype=float)
    branches = branches or tuple(NO_VESSEL for _ in share)
    if curve.mean <= 0.0:
        raise _bad("The mean inflow is not positive; give a flow that enters the vessel.")
    if not target.systolic > target.diastolic > p_distal:
        raise _bad(
            f"The systolic pressure ({target.systolic / MMHG:.0f} mmHg) must be above the diastolic "
            f"({target.diastolic / MMHG:.0f} mmHg), and that above the distal pressure ({p_distal / MMHG:.0f} mmHg)."
        )
    if share.min() <= 0.0 or abs(share.sum() - 1.0) > 1e-6:
        raise _bad("The flow fractions of the outlets must be positive and add up to 1.")
    found = []
    for longest in TIME_CONSTANTS:
        for halving in range(N_HALVINGS + 1):
            fraction = proximal_fraction / 2**halving
            found.append(_fit(curve, period, share, target, branches, trunk, p_distal, fraction, longest * period))
            if found[-1].is_met:
                return found[-1]
    return min(found, key=lambda network: network.miss)


def require_met(network: TunedNetwork, target: PressureTarget, tolerance: float = TOLERANCE) -> TunedNetwork:
    """Refuse a network that misses its target by more than a relative tolerance (RunError ``bad_target``)."""
    if network.miss > tolerance:
        raise _bad(
            f"No outlets give {target.systolic / MMHG:.0f} over {target.diastolic / MMHG:.0f} mmHg with this inflow "
            f"(nearest: {network.systolic / MMHG:.0f} over {network.diastolic / MMHG:.0f} mmHg): check the pressures, "
            "and how much of the cardiac output enters here."
        )
    return network


def _fit(
    curve: PeriodicCurve,
    period: float,
    share: FloatArray,
    target: PressureTarget,
    branches: tuple[Segment, ...],
    trunk: Segment,
    p_distal: float,
    proximal_fraction: float,
    longest_time_constant: float,
) -> TunedNetwork:
    wanted = np.array([target.systolic, target.diastolic])
    flow = share * curve.mean
    mean = wanted[1] + (wanted[0] - wanted[1]) / 3.0 - p_distal
    expected = mean / flow - np.array([branch.resistance for branch in branches])
    if expected.min() < 0.05 * mean / flow[expected.argmin()]:
        raise _bad(
            "A branch of the vessel resists so much that its outlet cannot carry its share of the flow; "
            "lower that outlet's flow fraction or check the vessel for a closed stretch."
        )

    def network(unknowns: FloatArray) -> list[Terminal]:
        *resistances, time_constant = np.exp(unknowns).tolist()
        distal = [(1.0 - proximal_fraction) * resistance for resistance in resistances]
        return [
            Terminal(proximal_fraction * resistance, time_constant / r_distal, r_distal, p_distal, branch)
            for resistance, r_distal, branch in zip(resistances, distal, branches, strict=True)
        ]

    def misses(unknowns: FloatArray) -> FloatArray:
        state = periodic_state(curve, period, network(unknowns), trunk)
        pressure = target.pressure(state)
        shares = state.flows.mean(axis=0)[1:] / flow[1:] - 1.0
        return np.concatenate([shares, np.array([pressure.max(), pressure.min()]) / wanted - 1.0])

    start = np.log(np.append(expected, 1.5 * period))
    low = np.append(start[:-1] - 4.0, np.log(1e-3 * period))
    high = np.append(start[:-1] + 4.0, np.log(longest_time_constant))
    best = least_squares(misses, start, bounds=(low, high), xtol=1e-9, ftol=1e-9, gtol=1e-9, max_nfev=25)
    terminals = network(best.x)
    state = periodic_state(curve, period, terminals, trunk)
    pressure = target.pressure(state)
    return TunedNetwork(
        terminals=tuple(terminals),
        p_initial=state.compliance_pressures[0].copy(),
        state=state,
        systolic=float(pressure.max()),
        diastolic=float(pressure.min()),
        proximal_fraction=proximal_fraction,
        miss=float(np.abs(best.fun).max()),
    )


def _bad(sentence: str) -> RunError:
    return RunError("bad_target", sentence, exit_code=ExitCode.BAD_SPEC)
