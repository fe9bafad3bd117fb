"""Windkessels behind a lumped tree such that a patient's pressures and the wished shares of the flow come out.

The shares set the resistances, the mean pressure their sum, the pulse the time constant (the same for all outlets), and
how much of the resistance is proximal the place of the mean between systole and diastole. Where the same time constant
and proximal share for all outlets do not suffice, each outlet gets its own.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray
from scipy.optimize import least_squares

from solvers.contract.openings import Outlet, RcrOutlet
from solvers.network.tuning import MMHG, PROXIMAL_FRACTION
from solvers.network.zero_d.network import Network, refuse
from solvers.network.zero_d.solve import Beat, Inflow, periodic

FloatArray = NDArray[np.float64]
OneOrEach = float | FloatArray

PHYSIOLOGIC = (2700.0, 40_000.0)
"""Pressures of arteries in a living person [Pa]: 20 to 300 mmHg. An assumption."""
PRESSURE_TOLERANCE, SHARE_TOLERANCE = 266.644774830, 0.02
"""2 mmHg [Pa] and 2 % of the inflow."""
PROXIMAL_BOUNDS = (1e-3, 0.6)
TIME_CONSTANT_BOUNDS = (0.02, 20.0)
"""Of distal resistance times compliance, in periods. An assumption: beyond, the pressures take too long to settle."""
STEPS = 256
COARSE_STEPS, EACH_ROUNDS, NEAR = 128, 6, 1e-3
"""Of the search with a time constant for each outlet: steps of a beat, rounds, weight of staying near to one of all."""
SWEEPS = 4
SETTLED = 1e-3
"""Largest change of a share in a sweep over the resistances that counts as none."""


@dataclass(frozen=True)
class TreeTarget:
    """What shall be met.

    Attributes
    ----------
    systolic, diastolic, mean
        [Pa]; the mean may be None, where only the two are known.
    shares
        Of the inflow for each vessel that ends, summing to 1.
    site
        The vessel at whose end the pressures shall hold; None for the inlet.
    """

    systolic: float
    diastolic: float
    shares: Mapping[str, float]
    mean: float | None = None
    site: str | None = None


@dataclass(frozen=True)
class Goal:
    """A target and what came of it: ``pressure`` in Pa, ``share`` as a part of the inflow.

    Attributes
    ----------
    band
        Distance from ``wanted`` within which it counts as met.
    why
        Why it is not met, as the end of a sentence; empty where it is.
    """

    what: str
    kind: Literal["pressure", "share"]
    wanted: float
    reached: float
    band: float
    why: str

    @property
    def is_met(self) -> bool:
        """Whether it was reached."""
        return abs(self.reached - self.wanted) <= self.band

    @property
    def sentence(self) -> str:
        """That it is not met, and why."""
        if self.kind == "pressure":
            wanted, reached = f"{self.wanted / MMHG:.0f} mmHg", f"{self.reached / MMHG:.0f} mmHg"
            return f"The {self.what} pressure of {wanted} cannot be met (nearest {reached}): {self.why}."
        wanted, reached = f"{100 * self.wanted:.0f} %", f"{100 * self.reached:.0f} %"
        return f"The share of {wanted} through {self.what} cannot be met (nearest {reached}): {self.why}."


@dataclass(frozen=True, eq=False)
class TunedTree:
    """The tree with the Windkessels that come nearest.

    Attributes
    ----------
    reached
        Systolic, diastolic and mean pressure at the site [Pa].
    shares
        Of the inflow for each vessel that ends.
    goals
        Each target with what was reached, and why it is not met.
    """

    network: Network
    beat: Beat
    reached: tuple[float, float, float]
    shares: dict[str, float]
    goals: tuple[Goal, ...]

    @property
    def misses(self) -> tuple[str, ...]:
        """A sentence for each target that is not met, and why."""
        return tuple(goal.sentence for goal in self.goals if not goal.is_met)


def tune_tree(tree: Network, inflow: Inflow, target: TreeTarget, p_distal: float = 0.0) -> TunedTree:
    """Windkessels for every outlet of a tree.

    Parameters
    ----------
    tree
        Its outlets are replaced; their names and patches are kept.

    Raises
    ------
    RunError
        ``bad_target``: a target that contradicts itself or lies outside what lives.
    """
    check_target(tree, inflow, target, p_distal)
    return search(tree, inflow, target, p_distal)


def search(tree: Network, inflow: Inflow, target: TreeTarget, p_distal: float = 0.0) -> TunedTree:
    """As `tune_tree`, for a target that need not be one of a living person (of a model that is known to be off)."""
    tuner = _Tuner(tree, inflow, target, p_distal)
    network, beat = tuner.own_for_each(*(tuner.with_mean() if target.mean is not None else tuner.without_mean()))
    reached, shares = state_of(network, beat, target.site)
    return TunedTree(network, beat, reached, shares, goals_of(target, reached, shares, tuner.why(network, beat)))


def state_of(network: Network, beat: Beat, site: str | None) -> tuple[tuple[float, float, float], dict[str, float]]:
    """Systolic, diastolic and mean pressure at a site [Pa], and each outlet's share of the flow."""
    pressure = beat.pressure_in[:, 0] if site is None else beat.pressure_out[:, beat.names.index(site)]
    ends = [name for name, _ in network.outlets]
    flow = beat.flow_out[:, [beat.names.index(name) for name in ends]].mean(axis=0)
    shares = dict(zip(ends, (flow / flow.sum()).tolist(), strict=True))
    return (float(pressure.max()), float(pressure.min()), float(pressure.mean())), shares


def goals_of(
    target: TreeTarget,
    reached: tuple[float, float, float],
    shares: Mapping[str, float],
    why: Mapping[str, str],
) -> tuple[Goal, ...]:
    """The targets beside what was reached; ``why`` by ``larger``, ``smaller`` (the pulse) and an outlet's vessel."""
    wanted = {"systolic": target.systolic, "diastolic": target.diastolic, "mean": target.mean}
    pulse = why["larger" if reached[0] - reached[1] > target.systolic - target.diastolic else "smaller"]
    found = [
        Goal(what, "pressure", value, got, PRESSURE_TOLERANCE, "" if abs(got - value) <= PRESSURE_TOLERANCE else pulse)
        for (what, value), got in zip(wanted.items(), reached, strict=True)
        if value is not None
    ]
    for name, share in target.shares.items():
        is_met = abs(shares[name] - share) <= SHARE_TOLERANCE
        reason = "" if is_met else why.get(name, "the search did not settle")
        found.append(Goal(name, "share", share, shares[name], SHARE_TOLERANCE, reason))
    return tuple(found)


class _Tuner:
    def __init__(self, tree: Network, inflow: Inflow, target: TreeTarget, p_distal: float) -> None:
        self._tree, self._inflow, self._target, self._p_distal = tree, inflow, target, p_distal
        self.ends = tuple(name for name, _ in tree.outlets)
        self._columns = [tree.names.index(name) for name in self.ends]
        self._wanted = np.array([target.shares[name] for name in self.ends])
        self._flow = inflow.mean * self._wanted
        self._way = np.zeros(len(self.ends))  # mean pressure at each end over that at the site
        self._starved: dict[str, float] = {}

    def pressure(self, beat: Beat) -> FloatArray:
        """At the site, over a beat."""
        if self._target.site is None:
            return beat.pressure_in[:, 0]
        return beat.pressure_out[:, beat.names.index(self._target.site)]

    def shares(self, beat: Beat) -> FloatArray:
        """Of the flow out, for each end."""
        flow = beat.flow_out[:, self._columns].mean(axis=0)
        return np.asarray(flow / flow.sum())

    def solved(self, mean: float, time_constant: OneOrEach, proximal: OneOrEach) -> tuple[Network, Beat]:
        """The tree whose outlets take their shares at a mean pressure at the site."""
        for _ in range(SWEEPS):
            over = mean + self._way - self._p_distal
            least = 0.02 * mean
            self._starved = {name: float(p) for name, p in zip(self.ends, over, strict=True) if p < least}
            total = np.maximum(over, least) / self._flow
            network = self._with(total, time_constant, proximal)
            beat = periodic(network, self._inflow, STEPS)
            means = beat.pressure_out[:, self._columns].mean(axis=0)
            before = self._way
            self._way = means - float(self.pressure(beat).mean())
            moved = float(np.abs(self._way - before).max()) / mean
            if moved <= SETTLED and float(np.abs(self.shares(beat) - self._wanted).max()) <= SETTLED:
                break
        return network, beat

    def _with(self, total: FloatArray, time_constant: OneOrEach, proximal: OneOrEach) -> Network:
        outlets: list[tuple[str, Outlet]] = []
        each = zip(
            *(np.broadcast_to(one, total.shape).tolist() for one in (total, time_constant, proximal)), strict=True
        )
        for (name, outlet), (resistance, constant, part) in zip(self._tree.outlets, each, strict=True):
            distal = (1.0 - part) * resistance
            outlets.append(
                (
                    name,
                    RcrOutlet(
                        *(outlet.patch_id, outlet.name, part * resistance, constant / distal, distal),
                        *(self._target.diastolic, self._p_distal, outlet.extension_start),
                    ),
                )
            )
        return replace(self._tree, outlets=tuple(outlets))

    def with_mean(self) -> tuple[Network, Beat]:
        """Three pressures by mean, time constant and proximal share."""
        mean = self._target.mean
        assert mean is not None
        wanted = np.array([self._target.systolic, self._target.diastolic])

        def misses(x: FloatArray) -> FloatArray:
            _, beat = self.solved(mean, *self._of(x))
            pressure = self.pressure(beat)
            return np.asarray(np.array([pressure.max(), pressure.min()]) / wanted - 1.0)

        low = np.log([TIME_CONSTANT_BOUNDS[0], PROXIMAL_BOUNDS[0]])
        high = np.log([TIME_CONSTANT_BOUNDS[1], PROXIMAL_BOUNDS[1]])
        best: Any = None
        for proximal in (PROXIMAL_FRACTION, 0.2, 0.01):
            found = _nearest(misses, np.log([1.5, proximal]), low, high)
            if best is None or found.cost < best.cost:
                best = found
            if np.abs(found.fun * wanted).max() <= 0.25 * PRESSURE_TOLERANCE:
                break
        return self.solved(mean, *self._of(best.x))

    def without_mean(self) -> tuple[Network, Beat]:
        """Two pressures by mean and time constant; less of the resistance proximal where the pulse is too large."""
        wanted = np.array([self._target.systolic, self._target.diastolic])
        best: Any = None
        cost = np.inf
        for halving in range(5):
            proximal = PROXIMAL_FRACTION / 2**halving

            def misses(x: FloatArray, proximal: float = proximal) -> FloatArray:
                _, beat = self.solved(float(x[0]) * wanted[1], float(np.exp(x[1])) * self._inflow.period, proximal)
                pressure = self.pressure(beat)
                return np.asarray(np.array([pressure.max(), pressure.min()]) / wanted - 1.0)

            start = np.array([1.0 + (wanted[0] / wanted[1] - 1.0) / 3.0, np.log(1.5)])
            low = np.array([1.0, np.log(TIME_CONSTANT_BOUNDS[0])])
            high = np.array([wanted[0] / wanted[1] + 1e-6, np.log(TIME_CONSTANT_BOUNDS[1])])
            found = _nearest(misses, start, low, high)
            if found.cost < cost:
                best, cost = (found.x, proximal), found.cost
            if np.abs(found.fun * wanted).max() <= 0.25 * PRESSURE_TOLERANCE:
                break
        x, proximal = best
        return self.solved(float(x[0]) * wanted[1], float(np.exp(x[1])) * self._inflow.period, proximal)

    def _of(self, x: FloatArray) -> tuple[float, float]:
        return float(np.exp(x[0])) * self._inflow.period, float(np.exp(x[1]))

    def own_for_each(self, network: Network, beat: Beat) -> tuple[Network, Beat]:
        """If the pulse is not met: a time constant and a proximal share for each outlet, as near as can be to one."""
        wanted = np.array([self._target.systolic, self._target.diastolic])
        if self._miss(beat) <= PRESSURE_TOLERANCE or len(self.ends) < 2:
            return network, beat
        outlets = [outlet for _, outlet in network.outlets if isinstance(outlet, RcrOutlet)]
        total = np.array([outlet.r_proximal + outlet.r_distal for outlet in outlets])
        constants = np.array([outlet.c * outlet.r_distal for outlet in outlets]) / self._inflow.period
        start = np.log(np.concatenate([constants, np.array([outlet.r_proximal for outlet in outlets]) / total]))
        bounds = np.log([TIME_CONSTANT_BOUNDS, PROXIMAL_BOUNDS]).repeat(len(outlets), axis=0)
        start = np.clip(start, bounds[:, 0] + 1e-6, bounds[:, 1] - 1e-6)

        def split(x: FloatArray) -> tuple[FloatArray, FloatArray]:
            return np.exp(x[: len(outlets)]) * self._inflow.period, np.exp(x[len(outlets) :])

        def misses(x: FloatArray) -> FloatArray:
            pressure = self.pressure(periodic(self._with(total, *split(x)), self._inflow, COARSE_STEPS))
            return np.concatenate([np.array([pressure.max(), pressure.min()]) / wanted - 1.0, NEAR * (x - start)])

        found = least_squares(
            misses,
            start,
            bounds=(bounds[:, 0], bounds[:, 1]),
            diff_step=np.full(len(start), 0.02),
            xtol=1e-3,
            ftol=1e-3,
            gtol=1e-6,
            max_nfev=EACH_ROUNDS,
        )
        other = self.solved(float(self.pressure(beat).mean()), *split(found.x))
        return other if self._miss(other[1]) < self._miss(beat) else (network, beat)

    def _miss(self, beat: Beat) -> float:
        """Of systolic and diastolic pressure, the larger one [Pa]."""
        pressure = self.pressure(beat)
        return max(abs(pressure.max() - self._target.systolic), abs(pressure.min() - self._target.diastolic))

    def why(self, network: Network, beat: Beat) -> dict[str, str]:
        """Why a pulse is larger or smaller than wished, with the numbers that show it, and a share is not met."""
        outlets = beat.pressure_out[:, self._columns] @ self.shares(beat)
        way = float(np.ptp(self.pressure(beat) - outlets)) / MMHG
        stored = sum(vessel.compliance for vessel in network.vessels) * MMHG * 1e6
        told = {
            "larger": f"to move this inflow through the vessels takes pressures that differ by {way:.0f} mmHg over the "
            "beat, and no Windkessels behind them were found that balance it"
        }
        pulse = self._target.systolic - self._target.diastolic
        if np.ptp(self.pressure(beat)) < pulse - PRESSURE_TOLERANCE:
            mean = float(self.pressure(beat).mean())
            _, stiff = self.solved(mean, TIME_CONSTANT_BOUNDS[0] * self._inflow.period, PROXIMAL_FRACTION)
            most = float(np.ptp(self.pressure(stiff))) / MMHG
            told["smaller"] = (
                "the inflow is the same all through the beat, which makes no pulse: choose its curve"
                if np.ptp(self._inflow.curve.values) == 0.0
                else f"the vessels' own walls store {stored:.2g} mL in each mmHg, so that behind outlets that store "
                f"next to nothing the pulse is {most:.0f} mmHg, where {pulse / MMHG:.0f} mmHg are wished"
            )
        told.setdefault("smaller", "the pulse is met, but not where it lies beside the mean pressure")
        return told | dict.fromkeys(self._starved, "the way to it resists too much")


def _nearest(misses: Callable[[FloatArray], FloatArray], start: FloatArray, low: FloatArray, high: FloatArray) -> Any:
    return least_squares(
        misses, start, bounds=(low, high), diff_step=np.full(2, 0.02), xtol=1e-4, ftol=1e-5, gtol=1e-6, max_nfev=20
    )


def check_target(tree: Network, inflow: Inflow, target: TreeTarget, p_distal: float) -> None:
    """Refuse a target that contradicts itself or lies outside what lives (RunError ``bad_target``)."""
    low, high = PHYSIOLOGIC
    named = {"systolic": target.systolic, "diastolic": target.diastolic}
    if target.mean is not None:
        named["mean"] = target.mean
    for what, value in named.items():
        if not low <= value <= high:
            refuse(
                f"A {what} pressure of {value / MMHG:.0f} mmHg is outside what a living person has "
                f"({low / MMHG:.0f} to {high / MMHG:.0f} mmHg): correct the target.",
                "bad_target",
            )
    if not target.systolic > target.diastolic > p_distal:
        refuse(
            f"The systolic pressure ({target.systolic / MMHG:.0f} mmHg) must be above the diastolic "
            f"({target.diastolic / MMHG:.0f} mmHg), and that above the distal pressure: correct the target.",
            "bad_target",
        )
    if target.mean is not None and not target.diastolic < target.mean < target.systolic:
        refuse("The mean pressure must lie between the diastolic and the systolic: correct the target.", "bad_target")
    ends = {name for name, _ in tree.outlets}
    if set(target.shares) != ends or abs(sum(target.shares.values()) - 1.0) > 1e-6 or min(target.shares.values()) <= 0:
        refuse(
            f"The shares of the flow must be positive, add up to 1, and name each of {', '.join(sorted(ends))}.",
            "bad_target",
        )
    if not inflow.is_flow or inflow.mean <= 0.0:
        refuse("Outlets are tuned to an inflow whose mean is above zero: give one.", "bad_target")
    if target.site is not None and target.site not in tree.names:
        refuse(f"The pressures shall hold at {target.site!r}, which is no vessel: name one.", "bad_target")
