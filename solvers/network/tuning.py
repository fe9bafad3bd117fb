"""Windkessel parameters such that the network meets a patient's pressures.

The resistances share the flow as wished, the compliances follow the flow (all outlets have the same time constant), and
the total resistance and compliance are found so that the inlet's systolic and diastolic pressure are those measured.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy.optimize import least_squares

from solvers.contract.errors import ExitCode, RunError
from solvers.contract.spec import Waveform
from solvers.network.tree import NO_VESSEL, PeriodicState, Segment, Terminal, periodic_state
from solvers.network.waveform import PeriodicCurve

FloatArray = NDArray[np.float64]

PROXIMAL_FRACTION = 0.056
"""Share of the proximal resistance in the total. An assumption: commonly used for the aorta and its branches, but no
source was at hand; it decides how sharp the systolic peak is, hardly the mean pressures."""
TOLERANCE = 1e-3
"""Largest relative difference of a tuned pressure from its target."""


@dataclass(frozen=True)
class PressureTarget:
    """Pressures [Pa] to meet at the inlet."""

    systolic: float
    diastolic: float


@dataclass(frozen=True, eq=False)
class TunedNetwork:
    """A network that meets its target.

    Attributes
    ----------
    terminals
        One for each outlet, in the order given.
    p_initial : (n_outlets,)
        Pressure over each compliance at time 0 of the periodic state [Pa]: where a run should start.
    state
        The periodic state.
    systolic, diastolic, mean
        Pressures it has at the inlet [Pa].
    proximal_fraction
        Proximal over total resistance: what was asked for, or less if that alone brings a larger pulse than wanted.
    """

    terminals: tuple[Terminal, ...]
    p_initial: FloatArray
    state: PeriodicState
    systolic: float
    diastolic: float
    mean: float
    proximal_fraction: float


def fractions_of_radii(radius: ArrayLike, exponent: float) -> FloatArray:
    """Flow fractions (n,) that grow with a power of the outlets' radii; the exponent is 3 for Murray's law."""
    power = np.asarray(radius, dtype=float) ** exponent
    return np.asarray(power / power.sum())


def tune(
    flow: Waveform,
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
    flow
        Inflow [m3/s].
    fractions : (n_outlets,)
        Share of the mean inflow that each outlet shall carry, summing to 1.
    branches
        The vessel that leads to each outlet; resistanceless if not given.
    proximal_fraction
        Proximal over total resistance of a Windkessel; halved as often as needed if the wanted pulse is too small.

    Raises
    ------
    RunError
        ``bad_target``: the pressures cannot be met, e.g. because systolic is not above diastolic.
    """
    share = np.asarray(fractions, dtype=float)
    curve = PeriodicCurve(flow, period)
    branches = branches or tuple(NO_VESSEL for _ in share)
    if curve.mean <= 0.0:
        raise _bad("The mean inflow is not positive; give a flow that enters the vessel.")
    if not target.systolic > target.diastolic > p_distal:
        raise _bad(
            f"The systolic pressure ({target.systolic:.0f} Pa) must be above the diastolic "
            f"({target.diastolic:.0f} Pa), and that above the distal pressure ({p_distal:.0f} Pa)."
        )
    if share.min() <= 0.0 or abs(share.sum() - 1.0) > 1e-6:
        raise _bad("The flow fractions of the outlets must be positive and add up to 1.")
    wanted = np.array([target.systolic, target.diastolic])
    fraction = proximal_fraction
    while True:
        terminals, miss = _fit(curve, period, share, wanted, branches, trunk, p_distal, fraction)
        if float(np.abs(miss).max()) <= TOLERANCE:
            break
        if fraction < proximal_fraction / 16.0:
            nearest = (1.0 + miss) * wanted
            raise _bad(
                f"No compliance gives {target.systolic:.0f} over {target.diastolic:.0f} Pa with this inflow (nearest: "
                f"{nearest[0]:.0f} over {nearest[1]:.0f} Pa); check the pressures and the flow."
            )
        fraction *= 0.5
    state = periodic_state(curve, period, terminals, trunk)
    return TunedNetwork(
        terminals=tuple(terminals),
        p_initial=state.compliance_pressures[0].copy(),
        state=state,
        systolic=float(state.inlet_pressure.max()),
        diastolic=float(state.inlet_pressure.min()),
        mean=float(state.inlet_pressure.mean()),
        proximal_fraction=fraction,
    )


def _fit(
    curve: PeriodicCurve,
    period: float,
    share: FloatArray,
    wanted: FloatArray,
    branches: tuple[Segment, ...],
    trunk: Segment,
    p_distal: float,
    proximal_fraction: float,
) -> tuple[list[Terminal], FloatArray]:
    """Terminals whose systolic and diastolic pressure come nearest to those wanted, and the relative misses (2,)."""

    least = max(part * branch.resistance for part, branch in zip(share.tolist(), branches, strict=True))
    mean = wanted[1] + (wanted[0] - wanted[1]) / 3.0
    expected = (mean - p_distal) / curve.mean - trunk.resistance
    if least > 0.95 * expected:
        raise _bad(
            "A branch of the vessel resists so much that its outlet cannot carry its share of the flow; "
            "lower that outlet's flow fraction or check the vessel for a closed stretch."
        )

    def network(logarithms: FloatArray) -> list[Terminal]:
        above, time_constant = np.exp(logarithms).tolist()
        terminals = []
        for part, branch in zip(share.tolist(), branches, strict=True):
            resistance = (least + above) / part - branch.resistance
            distal = (1.0 - proximal_fraction) * resistance
            terminals.append(Terminal(proximal_fraction * resistance, time_constant / distal, distal, p_distal, branch))
        return terminals

    def miss(logarithms: FloatArray) -> FloatArray:
        pressure = periodic_state(curve, period, network(logarithms), trunk).inlet_pressure
        return np.asarray(np.array([pressure.max(), pressure.min()]) / wanted - 1.0)

    start = np.log([expected - least, 1.5 * period])
    found = least_squares(miss, start, xtol=1e-12, ftol=1e-12, gtol=1e-12, max_nfev=100)
    return network(found.x), np.asarray(found.fun)


def _bad(sentence: str) -> RunError:
    return RunError("bad_target", sentence, exit_code=ExitCode.BAD_SPEC)
