"""Windkessels behind a lumped tree such that a patient's pressures and the wished shares of the flow come out.

The shares set the resistances, the mean pressure their sum, the pulse the time constant (the same for all outlets), and
how much of the resistance is proximal the place of the mean between systole and diastole.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.optimize import least_squares

from solvers.contract.openings import Outlet, RcrOutlet
from solvers.network.tuning import PROXIMAL_FRACTION
from solvers.network.zero_d.network import Network, refuse
from solvers.network.zero_d.solve import Beat, Inflow, periodic

FloatArray = NDArray[np.float64]

PHYSIOLOGIC = (2700.0, 40_000.0)
"""Pressures of arteries in a living person [Pa]: 20 to 300 mmHg. An assumption."""
PRESSURE_TOLERANCE, SHARE_TOLERANCE = 266.6, 0.02
"""2 mmHg [Pa] and 2 % of the inflow."""
PROXIMAL_BOUNDS = (1e-3, 0.6)
TIME_CONSTANT_BOUNDS = (0.02, 20.0)
"""Of distal resistance times compliance, in periods. An assumption: beyond, the pressures take too long to settle."""
STEPS = 256
SWEEPS = 4
SETTLED = 1e-3
"""Largest change of a share in a sweep over the resistances that counts as none."""
MMHG = 133.322387415


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


@dataclass(frozen=True, eq=False)
class TunedTree:
    """The tree with the Windkessels that come nearest.

    Attributes
    ----------
    reached
        Systolic, diastolic and mean pressure at the site [Pa].
    shares
        Of the inflow for each vessel that ends.
    misses
        A sentence for each target that is not met, and why.
    """

    network: Network
    beat: Beat
    reached: tuple[float, float, float]
    shares: dict[str, float]
    misses: tuple[str, ...]


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
    _check(tree, inflow, target, p_distal)
    tuner = _Tuner(tree, inflow, target, p_distal)
    found = tuner.with_mean() if target.mean is not None else tuner.without_mean()
    network, beat = found
    pressure = tuner.pressure(beat)
    reached = float(pressure.max()), float(pressure.min()), float(pressure.mean())
    shares = dict(zip(tuner.ends, tuner.shares(beat).tolist(), strict=True))
    return TunedTree(network, beat, reached, shares, tuner.misses(reached, shares))


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

    def solved(self, mean: float, time_constant: float, proximal: float) -> tuple[Network, Beat]:
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

    def _with(self, total: FloatArray, time_constant: float, proximal: float) -> Network:
        outlets: list[tuple[str, Outlet]] = []
        for (name, outlet), resistance in zip(self._tree.outlets, total.tolist(), strict=True):
            distal = (1.0 - proximal) * resistance
            outlets.append(
                (
                    name,
                    RcrOutlet(
                        *(outlet.patch_id, outlet.name, proximal * resistance, time_constant / distal, distal),
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

    def misses(self, reached: tuple[float, float, float], shares: Mapping[str, float]) -> tuple[str, ...]:
        """A sentence for each target that is not met."""
        told = []
        target = self._target
        is_larger = reached[0] - reached[1] > target.systolic - target.diastolic
        why_not = (
            "the inflow and the vessels before the outlets make a larger pulse by themselves"
            if is_larger
            else "the walls of the vessels and the inflow leave a smaller pulse by themselves"
        )
        wanted = {"systolic": target.systolic, "diastolic": target.diastolic, "mean": target.mean}
        for (what, value), got in zip(wanted.items(), reached, strict=True):
            if value is not None and abs(got - value) > PRESSURE_TOLERANCE:
                told.append(
                    f"The {what} pressure of {value / MMHG:.0f} mmHg cannot be met (nearest {got / MMHG:.0f} mmHg): "
                    f"{why_not}."
                )
        for name, share in target.shares.items():
            if abs(shares[name] - share) > SHARE_TOLERANCE:
                why = "the way to it resists too much" if name in self._starved else "the search did not settle"
                told.append(
                    f"The share of {100 * share:.0f} % through {name} cannot be met (nearest {100 * shares[name]:.0f} "
                    f"%): {why}."
                )
        return tuple(told)


def _nearest(misses: Callable[[FloatArray], FloatArray], start: FloatArray, low: FloatArray, high: FloatArray) -> Any:
    return least_squares(
        misses, start, bounds=(low, high), diff_step=np.full(2, 0.02), xtol=1e-4, ftol=1e-5, gtol=1e-6, max_nfev=20
    )


def _check(tree: Network, inflow: Inflow, target: TreeTarget, p_distal: float) -> None:
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
