"""What a cross-check of a 3D run with its 0D and 1D models says: plain data for window, report and command line."""

from __future__ import annotations

import dataclasses
import json
import re
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

from app.case.errors import CaseError

SCHEMA_VERSION = 1
ModelId = Literal["3d", "1d", "0d", "1d_elastic"]
QuantityId = Literal["mean_flow", "peak_flow", "flow_curve", "mean_pressure", "pulse", "drop"]
QUANTITIES: dict[QuantityId, tuple[str, str]] = {
    "mean_flow": ("mean flow", "mL/s"),
    "peak_flow": ("peak flow", "mL/s"),
    "flow_curve": ("flow curve, root mean square over the largest flow", "%"),
    "mean_pressure": ("mean pressure", "mmHg"),
    "pulse": ("pulse pressure", "mmHg"),
    "drop": ("mean pressure drop along the vessel", "mmHg"),
}
"""Name and unit of each quantity that is compared."""


@dataclass(frozen=True)
class Model:
    """A model: its id, its name for people, its walls, and how long it took [s] (None for the 3D run).

    ``is_alike`` says that it leaves out what the 3D run leaves out (walls that give way), so that limits hold for it.
    """

    id: ModelId
    label: str
    is_alike: bool
    seconds: float | None = None


@dataclass(frozen=True)
class Curve:
    """Of one model in the middle of a vessel, at the cross-check's times: flow away from the inlet, static pressure."""

    model: ModelId
    flow_ml_s: tuple[float, ...]
    pressure_mmhg: tuple[float, ...]


@dataclass(frozen=True)
class Difference:
    """A quantity of a vessel by a reduced model against the 3D run.

    Attributes
    ----------
    in_3d, in_model
        In the quantity's unit; of ``flow_curve`` 0 and the difference itself.
    difference
        Model less 3D.
    limit
        Largest difference without an alarm, in the quantity's unit; None for a model that is not alike.
    causes
        Of an alarm, the likeliest first.
    """

    quantity: QuantityId
    model: ModelId
    in_3d: float
    in_model: float
    difference: float
    limit: float | None
    causes: tuple[str, ...] = ()

    @property
    def is_alarm(self) -> bool:
        """Whether it exceeds its limit."""
        return self.limit is not None and not abs(self.difference) <= self.limit


@dataclass(frozen=True)
class VesselCheck:
    """A vessel between two junctions.

    Attributes
    ----------
    name, branch
        As in :class:`app.workflow.patient_tree.PatientTree`.
    outlet
        What closes it; empty where it goes on.
    position_mm
        Where the curves are compared (LPS).
    curves, differences
        Empty where the run wrote nothing in this vessel.
    pressure_difference_mmhg
        Mean pressure of the 1D model with stiff walls less that of the 3D run; None where nothing was written.
    """

    name: str
    branch: str
    outlet: str
    position_mm: tuple[float, float, float]
    curves: tuple[Curve, ...]
    differences: tuple[Difference, ...]
    pressure_difference_mmhg: float | None

    def curve(self, model: ModelId) -> Curve | None:
        """That of a model."""
        return next((curve for curve in self.curves if curve.model == model), None)

    @property
    def is_alarm(self) -> bool:
        """Whether any difference exceeds its limit."""
        return any(difference.is_alarm for difference in self.differences)


@dataclass(frozen=True)
class CrossCheck:
    """A 3D run beside its reduced models.

    Attributes
    ----------
    run
        Folder name of the 3D run.
    times_s
        Of all curves, from the start of the beat; one time in steady flow.
    limits
        (quantity, limit in words, source or "assumption").
    causes
        Of all alarms together, the likeliest first: each a sentence with its evidence.
    notes
        What was not compared, and why.
    """

    run: str
    is_steady: bool
    period_s: float
    times_s: tuple[float, ...]
    models: tuple[Model, ...]
    vessels: tuple[VesselCheck, ...]
    limits: tuple[tuple[str, str, str], ...]
    causes: tuple[str, ...]
    notes: tuple[str, ...]
    schema_version: int = SCHEMA_VERSION

    @property
    def is_alarm(self) -> bool:
        """Whether any vessel's difference exceeds its limit."""
        return any(vessel.is_alarm for vessel in self.vessels)

    @property
    def alarms(self) -> tuple[tuple[VesselCheck, Difference], ...]:
        """All that exceeds its limit."""
        return tuple((vessel, found) for vessel in self.vessels for found in vessel.differences if found.is_alarm)

    def as_dict(self) -> dict[str, Any]:
        """Plain data for JSON."""
        return dataclasses.asdict(self) | {"is_alarm": self.is_alarm}


def briefly(cause: str) -> str:
    """A cause without its evidence, which stands in brackets."""
    shorter = re.sub(r" ?\([^()]*\)", "", cause)
    return shorter if shorter == cause else briefly(shorter)


def write_cross_check(check: CrossCheck, folder: Path) -> Path:
    """Write it as ``cross_check.json``, without how long it took: the same case gives the same file."""
    path = folder / "cross_check.json"
    timeless = dataclasses.replace(check, models=tuple(dataclasses.replace(m, seconds=None) for m in check.models))
    path.write_text(json.dumps(dataclasses.asdict(timeless), allow_nan=False) + "\n", encoding="utf-8")
    return path


def read_cross_check(path: Path) -> CrossCheck:
    """Read one that was written; CaseError ``file_damaged``."""
    from solvers.contract.decoding import decode
    from solvers.contract.errors import RunError

    try:
        found: CrossCheck = decode(CrossCheck, json.loads(path.read_text(encoding="utf-8")), path.name)
    except (OSError, ValueError, RunError) as error:
        raise CaseError("file_damaged", f"The cross-check cannot be read ({error}): run Results again.") from error
    return found
