"""The case's 0D model calibrated to its 3D runs, kept in the case with where it holds."""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from app.case.bundle import OpenCase
from app.case.commands import SetParameters
from app.case.errors import CaseError
from app.case.records import Case
from app.workflow.flow_setup import FlowSetup, ReducedCase, reduced_case
from app.workflow.units import ml_s_from_m3_s

if TYPE_CHECKING:
    from solvers.network.zero_d.calibration import Calibrated, Observation

STEP = "calibration"
"""Under which a case remembers its calibration."""


@dataclass(frozen=True)
class Calibration:
    """What a case remembers of a calibration.

    Attributes
    ----------
    model
        Digest of the model that it belongs to; of another model it is not used.
    coefficients
        Resistance, loss and inertance of each vessel as its shape lets expect it and as found, six numbers (SI).
    losses
        Digest of the vessels' own laws and of the losses of bends and junctions with which it was made; with others it
        is not used.
    """

    model: str
    runs: tuple[str, ...]
    low_ml_s: float
    high_ml_s: float
    miss: float
    miss_before: float
    junctions: str
    coefficients: dict[str, tuple[float, ...]]
    losses: str = ""

    def as_dict(self) -> dict[str, Any]:
        """Plain data for JSON."""
        return dataclasses.asdict(self)


def calibrate_case(opened: OpenCase, folders: Sequence[Path] = (), given: dict[str, Any] | None = None) -> Calibration:
    """Calibrate the 0D model to the case's finished run, or to given folders of finished runs of the same model.

    Raises
    ------
    CaseError, RunError
        ``too_few_runs`` for steady runs at one flow, ``run_missing``, ``run_unfinished``, and what does not fit.
    """
    from app.workflow.simulate import run_folder
    from app.workflow.what_if import WhatIf
    from solvers.network.zero_d.calibration import calibrate, joined

    case = reduced_case(opened, given)
    tree = WhatIf(dataclasses.replace(case, calibration=None)).network
    used = list(folders) or [run_folder(opened)]
    found = calibrate(tree, joined([observation(folder, case.setup) for folder in used]))
    model = opened.case.input_digest("model")
    assert model is not None
    kept = _kept(model, tuple(folder.name for folder in used), case, tree.vessels, found)
    opened.do(SetParameters(STEP, kept.as_dict()))
    return kept


def calibration_of(case: Case) -> Calibration | None:
    """What the case remembers, if it belongs to its present model."""
    stored = case.parameters.get(STEP)
    if not stored or stored["model"] != case.input_digest("model"):
        return None
    return Calibration(
        **{**stored, "runs": tuple(stored["runs"])}
        | {"coefficients": {name: tuple(six) for name, six in stored["coefficients"].items()}}
    )


def observation(folder: Path, setup: FlowSetup) -> Observation:
    """The last beat of a finished run, or the last step of a steady one, as the calibration takes it."""
    from solvers.contract.scalars import flow_column, pressure_column, read_scalars
    from solvers.contract.spec import read_spec
    from solvers.network.zero_d.calibration import Observation

    require_finished(folder)
    spec, table = read_spec(folder), read_scalars(folder)
    names = [outlet.name for outlet in setup.outlets]
    lost = [name for name in names if flow_column(name) not in table]
    if lost or len(spec.inlets) != 1:
        raise CaseError("bad_calibration", f"The run {folder.name} is of another model: it lacks {', '.join(lost)}.")
    last = table["cycle"] == table["cycle"].max()
    if spec.time.is_steady:
        last = np.arange(len(last)) == len(last) - 1
    ends = tuple(outlet.vessel for outlet in setup.outlets)
    flows = np.column_stack([table[flow_column(name)][last] for name in names])
    pressures = np.column_stack([table[pressure_column(name)][last] for name in names])
    inlet = table[pressure_column(spec.inlets[0].name)][last]
    if spec.time.is_steady:
        return Observation.steady(ends, flows, pressures, inlet)
    return Observation.beat(ends, flows, pressures, inlet, spec.time.dt)


def require_finished(folder: Path) -> None:
    """Refuse what is no finished run (CaseError ``run_missing``, ``run_unfinished``)."""
    from solvers.contract.state import read_state

    if not (folder / "spec.json").is_file():
        raise CaseError("run_missing", f"{folder.name} is no run: name folders that hold a spec.json.")
    state = read_state(folder)
    if state is None or state.status != "finished":
        raise CaseError("run_unfinished", f"The run {folder.name} has not finished: wait until it has.")


def _kept(
    model: str, runs: tuple[str, ...], case: ReducedCase, expected: Sequence[Any], found: Calibrated
) -> Calibration:
    from app.workflow.stenosis_law import digest_of_losses

    coefficients: dict[str, tuple[float, ...]] = {}
    for vessel in expected:
        own = found.coefficients[vessel.name]
        before = (vessel.resistance, vessel.loss, vessel.inertance)
        coefficients[vessel.name] = (*before, own.resistance, own.loss, own.inertance)
    low, high = (ml_s_from_m3_s(flow) for flow in found.flow_range)
    return Calibration(
        *(model, runs, low, high, found.miss, found.miss_before, case.chosen.junctions, coefficients),
        digest_of_losses(case),
    )
