"""Several inlets: which openings they are, what enters at each, and what is refused."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from run_folders import tube_spec

from app.case.errors import CaseError
from app.workflow.flow_setup import require_one_inlet
from app.workflow.further_inlets import (
    area_of_fastest,
    driven_inlets,
    further_assumptions,
    sorted_openings,
    whole_inflow,
)
from app.workflow.simulate import Parameters
from imaging.types import Patch
from solvers.contract.spec import Inlet, Waveform
from solvers.network.waveform import PeriodicCurve
from solvers.preflight.conditions import check_conditions

T = np.linspace(0.0, 0.8, 40, endpoint=False)
PULSE = Waveform(tuple(T.tolist()), tuple((1e-5 + 8e-6 * np.cos(2.0 * np.pi * T / 0.8)).tolist()))
PERIOD = 0.8


def patch(number: int, name: str, kind: str, area_mm2: float = 30.0) -> Patch:
    return Patch(number, name, kind, (0.0, 0.0, 0.0), (0.0, 0.0, 1.0), area_mm2, 3.0)  # type: ignore[arg-type]


PATCHES = (
    patch(1, "wall", "wall"),
    patch(2, "in", "inlet"),
    patch(3, "left", "outlet", 3.0),
    patch(4, "right", "outlet"),
    patch(5, "end", "outlet"),
)


def chosen(shares: str = "", files: str = "") -> Parameters:
    return replace(Parameters(), further_inlets=shares, further_inflows=files, inflow_unit="mL/s")


def test_shares_divide_the_inflow_and_files_add_their_own(tmp_path: Path) -> None:
    own = tmp_path / "right.flow"
    own.write_text("".join(f"{0.0505 * k:.5f} {-4.0 - np.cos(2.0 * np.pi * k / 16):.6f}\n" for k in range(17)))
    choice = chosen("Left = 0.25", f"right={own}")
    openings = sorted_openings(PATCHES, choice)
    assert [p.name for p in openings.inlets] == ["in", "left", "right"]
    assert [p.name for p in openings.outlets] == ["end"]
    driven = driven_inlets(openings, choice, PULSE, PERIOD)
    assert [inlet.share for inlet in driven] == [0.75, 0.25, 1.0]
    means = [PeriodicCurve(inlet.flow, PERIOD).mean for inlet in driven]
    assert means == pytest.approx([7.5e-6, 2.5e-6, 4e-6], rel=1e-6)  # turned, and its beat stretched by 1 %
    whole = PeriodicCurve(whole_inflow(driven, PERIOD), PERIOD)
    own_curve = 4e-6 + 1e-6 * np.cos(2.0 * np.pi * T / 0.8)
    assert whole.sample(40) == pytest.approx(np.array(PULSE.values) + own_curve, rel=1e-4)
    # through the small opening 2.5 (1 + 0.8) mL/s are as fast as 1.5 m/s
    assert whole.sample(200).max() / area_of_fastest(driven, PERIOD) == pytest.approx(4.5e-6 / 3e-6)
    assert len(further_assumptions(choice)) == 2


def test_one_inlet_stays_as_it_is() -> None:
    openings = sorted_openings(PATCHES, chosen())
    driven = driven_inlets(openings, chosen(), PULSE, PERIOD)
    assert len(driven) == 1 and driven[0].flow is PULSE and driven[0].share == 1.0
    assert whole_inflow(driven, PERIOD) is PULSE and area_of_fastest(driven, PERIOD) == pytest.approx(30e-6)
    assert further_assumptions(chosen()) == ()


@pytest.mark.parametrize(
    ("shares", "files", "words"),
    [
        ("in=0.2", "", "no opening 'in' that could be an inlet: it has left, right, end"),
        ("left=0.6,right=0.4", "", "less than 1"),
        ("left=0", "", "between 0 and 1"),
        ("left=half", "", "between 0 and 1"),
        ("left", "", "left=0.3"),
        ("left=0.1,left=0.2", "", "named twice"),
        ("left=0.1", "left=a.flow", "keep one of the two"),
        ("left=0.1,right=0.1,end=0.1", "", "no blood could leave"),
    ],
)
def test_what_does_not_fit_is_refused_in_a_sentence(shares: str, files: str, words: str) -> None:
    with pytest.raises(CaseError) as refusal:
        sorted_openings(PATCHES, chosen(shares, files))
    assert words in refusal.value.message and refusal.value.message.endswith(".")


def test_beats_of_two_lengths_are_refused(tmp_path: Path) -> None:
    own = tmp_path / "right.flow"
    own.write_text("".join(f"{0.06 * k:.4f} {4.0 + np.cos(2.0 * np.pi * k / 16):.6f}\n" for k in range(17)))
    choice = chosen(files=f"right={own}")
    with pytest.raises(CaseError, match=r"lasts 0\.96 s, but that at in 0\.8 s"):
        driven_inlets(sorted_openings(PATCHES, choice), choice, PULSE, PERIOD)


def test_equal_declared_shares_are_no_flow_that_enters_twice() -> None:
    def errors(share: float) -> list[str]:
        inlets = tuple(Inlet(number, name, PULSE, share=share) for number, name in ((2, "in"), (7, "left")))
        spec = replace(tube_spec(), inlets=inlets)
        return [finding.code for finding in check_conditions(spec, {2: 8e-5, 7: 2e-5}) if finding.level == "error"]

    assert "two_inlets_one_flow" in errors(1.0)
    assert "two_inlets_one_flow" not in errors(0.5)


def test_reduced_models_say_that_they_take_one_inlet() -> None:
    require_one_inlet(["in"])
    with pytest.raises(CaseError, match=r"enters at 3 places \(in, left, right\).*begin at one inlet"):
        require_one_inlet(["in", "left", "right"])
    with pytest.raises(CaseError, match="At the inlet in a pressure is given"):
        require_one_inlet([], ["in"])
