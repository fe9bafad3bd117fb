"""What closes an outlet by the choice of the step."""

from __future__ import annotations

from dataclasses import replace

import pytest

from app.case.errors import CaseError
from app.workflow.conditions import outlet_of
from app.workflow.patient import PatientValues
from app.workflow.simulate import Parameters
from app.workflow.steady import require_no_pulse
from imaging.types import Patch
from solvers.contract.openings import CoronaryOutlet, Outlet, RcrOutlet, ResistanceOutlet, SplitOutlet
from solvers.network.tree import Terminal


def _closed(model: str, share: float | None, flow: str = "pulsatile") -> Outlet:
    patch = Patch(3, "left renal", "outlet", (0.0, 0.0, 0.0), (0.0, 0.0, 1.0), 20.0, 2.5)
    terminal = Terminal(1e8, 1e-9, 9e8, 500.0)
    chosen = replace(Parameters(), outlet_model=model, flow=flow)
    return outlet_of(patch, terminal, 1e4, share, None, chosen, PatientValues())


def test_every_choice_keeps_the_tuned_resistance_or_the_wished_share() -> None:
    assert _closed("windkessel", 0.2) == RcrOutlet(3, "left renal", 1e8, 1e-9, 9e8, 1e4, 500.0)
    assert _closed("resistance", 0.2) == ResistanceOutlet(3, "left renal", 1e9, 500.0)
    assert _closed("split", 0.2) == SplitOutlet(3, "left renal", 0.2)
    assert _closed("split", None) == _closed("windkessel", None)
    coronary = _closed("coronary", 0.2)
    assert isinstance(coronary, CoronaryOutlet)
    assert coronary.r_artery + coronary.r_micro + coronary.r_vein == pytest.approx(1e9)
    assert coronary.c_artery + coronary.c_muscle == pytest.approx(1e-9)


def test_steady_flow_keeps_the_whole_resistance_and_stores_no_blood() -> None:
    for model in ("windkessel", "resistance", "coronary"):
        assert _closed(model, 0.2, flow="steady") == ResistanceOutlet(3, "left renal", 1e9, 500.0)
    assert _closed("split", 0.2, flow="steady") == SplitOutlet(3, "left renal", 0.2)
    assert _closed("split", None, flow="steady") == ResistanceOutlet(3, "left renal", 1e9, 500.0)
    with pytest.raises(CaseError, match="measured over a beat"):
        require_no_pulse(replace(Parameters(), flow="steady", measured_profile="profile.npz"))
