"""Inflow and outlet files of other programs: units, signs, pairs."""

from __future__ import annotations

import math
from pathlib import Path

import pytest

from app.case.errors import CaseError
from app.workflow.boundary_files import (
    check_inflow_speed,
    mean_pressure_pa,
    paired,
    pressure_note,
    read_inflow,
    read_outlets,
)
from app.workflow.conditions import outlet_of
from app.workflow.inflow import ejection_time_s, muscle_pressure
from app.workflow.patient import PatientValues
from app.workflow.simulate import Parameters
from imaging.types import Patch

PERIOD = 0.8
RCRT = "2\n2\n90.0\n0.0008\n1200\n0.0 1333.22\n1.0 1333.22\n2\n10\n0.001\n100\n0 0\n1 0\n"


def patch(number: int, name: str) -> Patch:
    return Patch(number, name, "outlet", (float(number), 0.0, 0.0), (0.0, 0.0, 1.0), 10.0, 1.8)


def write(path: Path, text: str) -> Path:
    path.write_text(text, encoding="utf-8")
    return path


def curve(path: Path, sign: float = 1.0, closes: bool = True) -> Path:
    n = 17 if closes else 16
    rows = [(PERIOD * k / 16, sign * (10.0 + 5.0 * math.sin(2.0 * math.pi * k / 16))) for k in range(n)]
    return write(path, "# t q\n" + "".join(f"{t:.6f} {q:.9f}\n" for t, q in rows))


@pytest.mark.parametrize(("unit", "factor"), [("mL/s", 1e-6), ("L/min", 1e-3 / 60.0), ("m3/s", 1.0)])
@pytest.mark.parametrize("sign", [1.0, -1.0])
def test_an_inflow_enters_whatever_its_sign_and_unit(tmp_path: Path, unit: str, factor: float, sign: float) -> None:
    inflow = read_inflow(curve(tmp_path / "q.flow", sign), unit)
    assert inflow.period_s == pytest.approx(PERIOD)
    assert inflow.mean_m3_s == pytest.approx(10.0 * factor, rel=1e-6)
    assert max(inflow.flow_m3_s) == pytest.approx(15.0 * factor, rel=1e-6)
    assert any("turned" in note for note in inflow.notes) == (sign < 0)


def test_a_curve_that_does_not_close_ends_one_step_later(tmp_path: Path) -> None:
    inflow = read_inflow(curve(tmp_path / "q.flow", closes=False), "mL/s")
    assert inflow.period_s == pytest.approx(PERIOD)
    assert len(inflow.times_s) == 16 and "0.800 s" in inflow.notes[0]


def test_a_stated_sign_that_the_mean_denies_is_refused(tmp_path: Path) -> None:
    path = curve(tmp_path / "q.flow", -1.0)
    assert read_inflow(path, "mL/s", "negative").mean_m3_s > 0.0
    with pytest.raises(CaseError, match="state the other sign"):
        read_inflow(path, "mL/s", "positive")


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("0 1\n0.1 x\n", "not 2 numbers"),
        ("0 1\n1 2\n", "needs four"),
        ("0 1\n2 1\n1 3\n3 1\n", "do not increase"),
        ("0 1\n1 -1\n2 1\n3 -1\n4 1\n", "does not enter"),
    ],
)
def test_a_damaged_inflow_is_refused(tmp_path: Path, text: str, words: str) -> None:
    with pytest.raises(CaseError, match=words):
        read_inflow(write(tmp_path / "q.flow", text), "mL/s")


def test_a_speed_that_no_blood_has_is_a_wrong_unit(tmp_path: Path) -> None:
    inflow = read_inflow(curve(tmp_path / "q.flow"), "mL/s")
    check_inflow_speed(inflow, 1e-4)
    for area in (1e-6, 1.0):  # the surface's unit a tenth, or a hundredfold
        with pytest.raises(CaseError, match="check the unit"):
            check_inflow_speed(inflow, area)


def test_cgs_becomes_si(tmp_path: Path) -> None:
    named, second = read_outlets([write(tmp_path / "rcrt.dat", RCRT)], "cgs")
    # 1 dyn s/cm5 = 1e-5 N s / 1e-10 m5 = 1e5 Pa s/m3; 1 cm5/dyn = 1e-10 m5 / 1e-5 N = 1e-5 m3/Pa
    assert (named.r_proximal, named.r_distal, named.c) == pytest.approx((9e6, 1.2e8, 8e-9))
    assert named.p_distal == pytest.approx(133.322)
    assert (named.label, second.label) == ("1", "2")
    clinical = read_outlets([write(tmp_path / "r.dat", "a 1.0\n")], "mmHg-mL")[0]
    assert clinical.r_distal == pytest.approx(133.322387415e6)


def test_blocks_find_their_outlets_by_name_never_by_place(tmp_path: Path) -> None:
    outlets = (patch(3, "left"), patch(4, "right"))
    named = read_outlets([write(tmp_path / "resistance.dat", "cap_Right 10.0\ncap_left 20.0\n")], "cgs")
    assert [block.r_distal for block in paired(named, outlets, "")] == pytest.approx([2e6, 1e6])
    plain = read_outlets([write(tmp_path / "rcrt.dat", RCRT)], "cgs")
    with pytest.raises(CaseError, match="say which one"):
        paired(plain, outlets, "")
    assert [block.label for block in paired(plain, outlets, "1=right, 2=left")] == ["2", "1"]
    for pairs, words in (("1=right,2=right", "Two conditions"), ("1=right,2=left,3=left", "do not speak of 3")):
        with pytest.raises(CaseError, match=words):
            paired(plain, outlets, pairs)
    with pytest.raises(CaseError, match="nothing of right"):
        paired(named[1:], outlets, "")


@pytest.mark.parametrize("text", ["2\n2\n1\n", "2\n2\nname\n1 1 -1\n0 0\n1 0\n", "2\n", "2\n2\n1 1 1\n0 0\n1 5\n"])
def test_a_damaged_outlet_file_is_refused(tmp_path: Path, text: str) -> None:
    with pytest.raises(CaseError):
        read_outlets([write(tmp_path / "rcrt.dat", text)], "cgs")


def test_the_mean_pressure_tells_of_wrong_units(tmp_path: Path) -> None:
    blocks = read_outlets([write(tmp_path / "resistance.dat", "a 2666.4\nb 2666.4\n")], "cgs")
    pressure = mean_pressure_pa(blocks, 1e-4)  # 100 mL/s through two resistances of 2 mmHg s/mL side by side
    assert pressure == pytest.approx(100.0 * 133.322, rel=1e-3)
    assert pressure_note(pressure) == ""
    assert "no patient" in pressure_note(pressure / 1e5)


def test_a_coronary_outlet_has_the_resistance_and_compliance_of_the_windkessel() -> None:
    class Terminal:
        r_proximal, r_distal, c, p_distal = 1e9, 9e9, 1e-11, 0.0

    outlet = outlet_of(
        patch(3, "lad"), Terminal, 12e3, None, None, Parameters(outlet_model="coronary"), PatientValues()
    )
    assert outlet.kind == "coronary"
    assert outlet.r_artery + outlet.r_micro + outlet.r_vein == pytest.approx(1e10)
    assert outlet.c_artery + outlet.c_muscle == pytest.approx(1e-11)
    times, pressure = muscle_pressure(60.0, 16e3)
    assert max(outlet.p_muscle.values) == pytest.approx(120.0 * 133.322, rel=1e-3)
    assert pressure.max() == pytest.approx(16e3, rel=1e-3) and pressure.min() == 0.0
    assert times[pressure.argmax()] == pytest.approx(ejection_time_s(60.0) / 2.0, abs=0.01)
