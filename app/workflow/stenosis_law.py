"""The patient's own law of a narrowing: dP = a Q + b Q |Q| between two places, from a few steady 3D runs."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from scipy.optimize import nnls

from app.case.errors import CaseError
from app.workflow.calibrate import require_finished
from app.workflow.units import M3_PER_ML, ml_s_from_m3_s, mmhg_from_pa
from imaging.types import FloatArray
from solvers.network.zero_d.calibration import DISTINCT


@dataclass(frozen=True)
class StenosisLaw:
    """A law with where it comes from and where it holds.

    Attributes
    ----------
    linear, quadratic
        a [Pa s/m3] and b [Pa s2/m6].
    start, end
        Openings or sections between which the static pressure falls.
    low, high
        Smallest and largest flow that it was identified at [m3/s].
    miss
        Largest part of a run's drop that it leaves; with two runs it passes through both, and this says nothing.
    """

    linear: float
    quadratic: float
    start: str
    end: str
    low: float
    high: float
    miss: float
    runs: tuple[str, ...]

    def drop(self, flow: FloatArray | float) -> FloatArray:
        """Pressure drop [Pa] of steady flows [m3/s], any shape."""
        q = np.asarray(flow, dtype=float)
        return np.asarray(self.linear * q + self.quadratic * np.abs(q) * q)

    def holds_at(self, flow: float) -> bool:
        """Whether a flow [m3/s] lies where the law was identified."""
        return self.low <= flow <= self.high

    def as_dict(self, flows_ml_s: Sequence[float] = ()) -> dict[str, Any]:
        """Plain data for JSON, with the drops at some flows."""
        return {
            "linear_mmhg_s_ml": mmhg_from_pa(self.linear) * M3_PER_ML,
            "quadratic_mmhg_s2_ml2": mmhg_from_pa(self.quadratic) * M3_PER_ML**2,
            "from": self.start,
            "to": self.end,
            "low_ml_s": ml_s_from_m3_s(self.low),
            "high_ml_s": ml_s_from_m3_s(self.high),
            "miss": self.miss,
            "runs": list(self.runs),
            "source": "identified from the runs named, by non-negative least squares of the relative misses",
            "drops": [
                {
                    "flow_ml_s": flow,
                    "drop_mmhg": mmhg_from_pa(float(self.drop(flow * M3_PER_ML))),
                    "holds": self.holds_at(flow * M3_PER_ML),
                }
                for flow in flows_ml_s
            ],
        }


def identified(flows: FloatArray, drops: FloatArray, start: str, end: str, runs: Sequence[str]) -> StenosisLaw:
    """The law of steady flows (n,) [m3/s] and the drops (n,) [Pa] that go with them.

    Raises
    ------
    CaseError
        ``too_few_runs`` for fewer than two distinct flows, ``no_drop`` where the pressure does not fall.
    """
    if len(flows) < 2 or np.ptp(flows) < DISTINCT * np.abs(flows).max():
        raise CaseError(
            "too_few_runs",
            f"Friction and loss cannot be told apart by {len(flows)} run(s) at "
            f"{', '.join(f'{ml_s_from_m3_s(float(q)):.3g}' for q in flows)} mL/s: give two or three steady runs whose "
            f"flows differ by at least {100 * DISTINCT:.0f} %.",
        )
    if flows.min() <= 0.0 or drops.min() <= 0.0:
        raise CaseError(
            "no_drop",
            f"The pressure does not fall from {start} to {end} along the flow in every run: exchange the two.",
        )
    terms = np.column_stack([flows, flows**2]) / drops[:, None]
    size = terms.max(axis=0)
    a, b = nnls(terms / size, np.ones(len(flows)))[0] / size
    miss = float(np.abs(terms @ np.array([a, b]) - 1.0).max())
    return StenosisLaw(float(a), float(b), start, end, float(flows.min()), float(flows.max()), miss, tuple(runs))


def law_of_runs(folders: Sequence[Path], start: str, end: str) -> StenosisLaw:
    """The law between two openings or sections, from folders of finished steady runs of one model.

    Raises
    ------
    CaseError
        ``run_missing``, ``run_unfinished``, ``not_steady``, ``no_place``, ``too_few_runs``, ``no_drop``.
    """
    seen = [_seen(folder, start, end) for folder in folders]
    flows, drops = (np.array([one[k] for one in seen]) for k in range(2))
    return identified(flows, drops, start, end, [folder.name for folder in folders])


def _seen(folder: Path, start: str, end: str) -> tuple[float, float]:
    """Flow at the end [m3/s] and drop of pressure [Pa] of a steady run at its last step."""
    from solvers.contract.scalars import read_scalars
    from solvers.contract.sections import read_sections
    from solvers.contract.spec import read_spec

    require_finished(folder)
    if not read_spec(folder).time.is_steady:
        raise CaseError("not_steady", f"The run {folder.name} is not steady: the law is identified from steady runs.")
    written = read_scalars(folder), read_sections(folder)

    def last(what: str, place: str) -> float:
        for table in written:
            if f"{what}[{place}]" in table:
                return float(table[f"{what}[{place}]"][-1])
        names = sorted({name[9:-1] for table in written for name in table if name.startswith("pressure[")})
        raise CaseError(
            "no_place", f"The run {folder.name} has no opening or section {place!r}; it has: {', '.join(names)}."
        )

    return last("flow", end), last("pressure", start) - last("pressure", end)
