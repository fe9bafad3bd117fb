"""Tuning a run's outlets anew, from what its last cycle showed of the vessel."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from solvers.contract.spec import RcrOutlet, RunSpec, Tuning
from solvers.network.calibration import calibrated
from solvers.network.tuning import PressureTarget, TunedNetwork, tune
from solvers.network.waveform import PeriodicCurve

FloatArray = NDArray[np.float64]


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
        self.rounds = 0

    def reached(self, waveforms: FloatArray) -> Reached:
        """Of a cycle (steps, 2, n_caps): flow out of the vessel and pressure."""
        pressure = waveforms[:, 1, self._site]
        flow = waveforms[:, 0, self._n_inlets :].mean(axis=0)
        return Reached(float(pressure.max()), float(pressure.min()), tuple((flow / flow.sum()).tolist()))

    def expected(self, network: TunedNetwork) -> Reached:
        """What a network promises to reach."""
        flow = network.state.flows.mean(axis=0)
        return Reached(network.systolic, network.diastolic, tuple((flow / flow.sum()).tolist()))

    def needs_tuning(self, waveforms: FloatArray) -> bool:
        """Whether the cycle misses the target and there are rounds left."""
        return self.rounds < self.target.max_rounds and not self.reached(waveforms).is_within(self.target)

    def tuned(self, waveforms: FloatArray) -> TunedNetwork:
        """The network that meets the target with the vessel as the cycle showed it.

        Raises
        ------
        RunError
            ``bad_target``.
        """
        n, tuning, spec = self._n_inlets, self.target, self._spec
        branches = calibrated(waveforms[:, 0, n:], waveforms[:, 1, n:], waveforms[:, 1, 0], spec.time.dt)
        at_outlet = self._site - n if self._site >= n else None
        target = PressureTarget(tuning.systolic, tuning.diastolic, at_outlet)
        curve = PeriodicCurve(spec.inlets[0].flow, spec.time.period)
        return tune(curve, spec.time.period, tuning.fractions, target, branches, p_distal=self._outlets[0].p_distal)

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
            "outlets": {
                outlet.name: dict(zip(("r_proximal", "c", "r_distal"), values, strict=True))
                for outlet, values in zip(self._outlets, self.outlets.tolist(), strict=True)
            },
        }
