"""What the outlets of a case are tuned to, and what its 0D model and its 3D run reach of that."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

from app.case.bundle import OpenCase
from app.case.records import Case
from app.workflow.units import mmhg_from_pa

if TYPE_CHECKING:
    from app.workflow.what_if import WhatIf
    from solvers.contract.openings import Outlet
    from solvers.contract.spec import Tuning

ModelName = Literal["0D", "3D"]
_PRESSURES = ("systolic", "diastolic")


@dataclass(frozen=True)
class Target:
    """One number that the outlets are tuned to.

    Attributes
    ----------
    unit
        ``mmHg``, or ``%`` of the flow that leaves.
    band
        Largest difference that counts as met, in the same unit.
    source
        ``entered`` for this patient, or ``assumed``.
    reached
        By the model that was asked; a model that was not solved is missing.
    """

    name: str
    unit: str
    wanted: float
    band: float
    source: Literal["entered", "assumed"]
    reached: Mapping[ModelName, float]

    def is_met_by(self, model: ModelName) -> bool:
        """Whether a model comes within the band."""
        return abs(self.reached[model] - self.wanted) <= self.band

    def as_dict(self) -> dict[str, Any]:
        """Plain data for JSON."""
        return asdict(self) | {"is_met": {model: self.is_met_by(model) for model in self.reached}}


@dataclass(frozen=True)
class _Wanted:
    """Pressures [mmHg] at a site, shares of the outlets, and both bands."""

    site: str
    pressures: tuple[float, float]
    shares: Mapping[str, float]
    pressure_band: float
    share_band: float


def targets_of(opened: OpenCase, model: WhatIf) -> tuple[Target, ...]:
    """Target, band and what was reached; empty where nothing is tuned (outlets from files, steady flow, given shares).

    Parameters
    ----------
    model
        The 0D model of the case, with or without a pulse.
    """
    run = opened.case.current("run") if model.case.setup.origin == "run" else None
    folder = opened.path_of(run.files["spec"]).parent if run is not None else None
    wanted = _of_run(folder) if folder is not None else _of_patient(opened, model.case.flow)
    if wanted is None:
        return ()
    values: dict[ModelName, tuple[tuple[float, ...], Mapping[str, float]]] = {"0D": _by_0d(model, wanted.site)}
    in_3d = _by_3d(folder, tuple(wanted.shares)) if folder is not None else None
    if in_3d is not None:
        values["3D"] = in_3d
    place = wanted.site.replace("_", " ")
    rows = [
        Target(
            f"{kind.capitalize()} pressure at {place}",
            *("mmHg", wanted.pressures[k], wanted.pressure_band, _source(opened.case, f"{kind}_mmhg")),
            {name: pressures[k] for name, (pressures, _) in values.items()},
        )
        for k, kind in enumerate(_PRESSURES)
    ]
    return (
        *rows,
        *(
            Target(
                f"Flow through {outlet.replace('_', ' ')}",
                *("%", 100.0 * share, 100.0 * wanted.share_band, "assumed"),
                {name: 100.0 * shares[outlet] for name, (_, shares) in values.items()},
            )
            for outlet, share in wanted.shares.items()
        ),
    )


def _source(case: Case, name: str) -> Literal["entered", "assumed"]:
    return "entered" if name in case.patient else "assumed"


def _of_run(folder: Path) -> _Wanted | None:
    from solvers.contract.spec import read_spec

    spec = read_spec(folder)
    return _wanted(spec.tuning, spec.outlets)


def _of_patient(opened: OpenCase, flow: Mapping[str, Any]) -> _Wanted | None:
    """What a run that was prepared now would be tuned to."""
    from app.workflow import simulate
    from app.workflow.further_inlets import sorted_openings
    from app.workflow.parameters import build
    from app.workflow.prepared import prepared_conditions
    from imaging.surface.surface_io import read_model

    chosen = build(simulate.Parameters, flow)
    record = opened.case.current("model")
    if record is None:
        return None
    model = read_model(opened.path_of(record.files["surface"]).parent)
    made = prepared_conditions(opened.case, model, sorted_openings(model.patches, chosen), chosen)
    return _wanted(made.tuning, made.outlets)


def _wanted(tuning: Tuning | None, outlets: tuple[Outlet, ...]) -> _Wanted | None:
    if tuning is None:
        return None
    shares = dict(zip((outlet.name for outlet in outlets), tuning.fractions, strict=True))
    pressures = mmhg_from_pa(tuning.systolic), mmhg_from_pa(tuning.diastolic)
    return _Wanted(tuning.site, pressures, shares, mmhg_from_pa(tuning.pressure_tolerance), tuning.fraction_tolerance)


def _by_0d(model: WhatIf, site: str) -> tuple[tuple[float, float], Mapping[str, float]]:
    """Systolic and diastolic pressure [mmHg] at a site and the outlets' shares, of the 0D model's beat."""
    from solvers.network.zero_d.solve import periodic

    setup = model.case.setup
    beat = periodic(model.network, setup.entering())
    column = {name: k for k, name in enumerate(beat.names)}
    vessel = {outlet.name: outlet.vessel for outlet in setup.outlets}
    pressure = beat.pressure_out[:, column[vessel[site]]] if site in vessel else beat.pressure_in[:, 0]
    flows = {name: float(beat.flow_out[:, column[own]].mean()) for name, own in vessel.items()}
    whole = sum(flows.values())
    found = mmhg_from_pa(float(pressure.max())), mmhg_from_pa(float(pressure.min()))
    return found, {name: flow / whole for name, flow in flows.items()}


def _by_3d(folder: Path, outlets: tuple[str, ...]) -> tuple[tuple[float, float], Mapping[str, float]] | None:
    """What the last beat of a finished run reached."""
    from solvers.contract.files import INDICES
    from solvers.contract.state import read_state

    state = read_state(folder)
    if state is None or state.status != "finished":
        return None
    try:
        reached = json.loads((folder / INDICES).read_text(encoding="utf-8"))["tuning"]["reached"]
    except (OSError, ValueError, KeyError, TypeError):
        return None
    pressures = mmhg_from_pa(reached["systolic_Pa"]), mmhg_from_pa(reached["diastolic_Pa"])
    return pressures, dict(zip(outlets, reached["fractions"], strict=True))
