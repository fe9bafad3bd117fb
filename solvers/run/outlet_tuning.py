"""Tuning a run's outlets anew, from what a cycle has shown of the vessel."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from solvers.contract.spec import RcrOutlet, RunSpec, Tuning, Waveform
from solvers.network.calibration import calibrated
from solvers.network.tree import PeriodicState, Terminal, periodic_state
from solvers.network.tuning import PressureTarget, TunedNetwork, tune
from solvers.network.waveform import PeriodicCurve

FloatArray = NDArray[np.float64]

PHASE = 0.45
"""Part of a cycle after which the outlets are looked at: systole has shown the vessel, and what the change stirs up has
the rest of the cycle to calm down."""


@dataclass(frozen=True)
class Reached:
    """What a cycle reached of its target: systolic and diastolic pressure [Pa] at the site, shares of the outlets."""

    systolic: float
    diastolic: float
    fractions: tuple[float, ...]

    def is_within(self, target: Tuning) -> bool:
        """Whether all of it lies within the target's tolerances."""
        pressure = max(abs(self.systolic - target.systolic), abs(self.diastolic - target.diastolic))
        share = max(abs(a - b) for a, b in zip(self.fractions, target.fractions, strict=True))
        return pressure <= target.pressure_tolerance and share <= target.fraction_tolerance


class OutletTuner:
    """Judges cycles and finds better outlets.

    Attributes
    ----------
    target
        What the outlets are tuned to.
    rounds
        How often the outlets were tuned in this run.
    outlets : (n, 3)
        Proximal resistance, compliance and distal resistance of each outlet now.
    """

    def __init__(self, spec: RunSpec, tuning: Tuning) -> None:
        self._spec, self.target = spec, tuning
        self._n_inlets = len(spec.inlets)
        self._outlets = [outlet for outlet in spec.outlets if isinstance(outlet, RcrOutlet)]
        self.outlets: FloatArray = np.array([(o.r_proximal, o.c, o.r_distal) for o in self._outlets])
        self._site = [cap.name for cap in spec.caps].index(tuning.site)
        at_outlet = self._site - self._n_inlets if self._site >= self._n_inlets else None
        self._pressures = PressureTarget(tuning.systolic, tuning.diastolic, at_outlet)
        self._look_at = max(1, round(PHASE * spec.time.steps_per_cycle))
        self.rounds = 0

    def reached(self, waveforms: FloatArray) -> Reached:
        """Of a cycle (steps, 2, n_caps): flow out of the vessel and pressure."""
        return _reached(waveforms[:, 1, self._site], waveforms[:, 0, self._n_inlets :])

    def is_due(self, step_in_cycle: int) -> bool:
        """Whether this is the step at which to look, with rounds left."""
        return self.rounds < self.target.max_rounds and step_in_cycle == self._look_at

    def tuned(self, waveforms: FloatArray) -> TunedNetwork | None:
        """The network that meets the target with the vessel as the cycle has shown it so far.

        None when the present outlets are expected to meet it behind that vessel.

        Parameters
        ----------
        waveforms : (steps, 2, n_caps)
            Of the cycle until now.

        Raises
        ------
        RunError
            ``bad_target``.
        """
        n, spec = self._n_inlets, self._spec
        branches = calibrated(waveforms[:, 0, n:], waveforms[:, 1, n:], waveforms[:, 1, 0], spec.time.dt)
        curve, period = _whole_inflow(spec), spec.time.period
        p_distal = self._outlets[0].p_distal
        present = [
            Terminal(r_proximal, c, r_distal, p_distal, branch)
            for (r_proximal, c, r_distal), branch in zip(self.outlets.tolist(), branches, strict=True)
        ]
        if self.is_met_by(periodic_state(curve, period, present)):
            return None
        return tune(curve, period, self.target.fractions, self._pressures, branches, p_distal=p_distal)

    def is_met_by(self, state: PeriodicState) -> bool:
        """Whether a network's state comes within the target's tolerances."""
        return _reached(self._pressures.pressure(state), state.flows).is_within(self.target)

    def described(self, waveforms: FloatArray) -> dict[str, Any]:
        """Target, outlets, and what a cycle reached with them, for ``indices.json``."""
        reached, target = self.reached(waveforms), self.target
        return {
            "site": target.site,
            "rounds": self.rounds,
            "is_met": reached.is_within(target),
            "target": {"systolic_Pa": target.systolic, "diastolic_Pa": target.diastolic, "fractions": target.fractions},
            "reached": {
                "systolic_Pa": reached.systolic,
                "diastolic_Pa": reached.diastolic,
                "fractions": reached.fractions,
            },
            "outlets": self.named_outlets(),
        }

    def named_outlets(self) -> dict[str, dict[str, float]]:
        """The outlets' resistances [Pa s/m3] and compliances [m3/Pa] now, by name."""
        return {
            outlet.name: dict(zip(("r_proximal", "c", "r_distal"), values, strict=True))
            for outlet, values in zip(self._outlets, self.outlets.tolist(), strict=True)
        }


def _whole_inflow(spec: RunSpec) -> PeriodicCurve:
    """Of all inlets together: the lumped network has one, whose pressure is that of the first."""
    period, n = spec.time.period, 512
    if len(spec.inlets) == 1:
        return PeriodicCurve(spec.inlets[0].flow, period)
    total = np.sum([PeriodicCurve(inlet.flow, period).sample(n) for inlet in spec.inlets], axis=0)
    return PeriodicCurve(Waveform(tuple((period * np.arange(n) / n).tolist()), tuple(total.tolist())), period)


def _reached(pressure: FloatArray, flows: FloatArray) -> Reached:
    flow = flows.mean(axis=0)
    return Reached(float(pressure.max()), float(pressure.min()), tuple((flow / flow.sum()).tolist()))
