"""The carotid-stenosis twin from head motion: what is refused, and what an inverse finds and owns not to know."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from app.case.errors import CaseError
from app.workflow import head_motion
from app.workflow.head_library import (
    FLOW_RANGES,
    N_HARMONICS,
    STENOSIS,
    Library,
    read_library,
    save_library,
    severity,
)
from app.workflow.head_motion import HEAD_RANGES, Recording, fit_pulse, made_trace
from app.workflow.head_motion_checks import check_head_motion
from app.workflow.head_trace import Pulse, Trace, pulse_of, read_trace, write_trace
from imaging.types import FloatArray, silent
from solvers.network.head_motion import Head
from solvers.network.one_d.head_arteries import HeadState, head_geometry, head_network


def straight_library(n: int = 256) -> Library:
    """Forces that are a plain function of the stenosis and the flow: no network is solved."""
    rng = np.random.default_rng(3)
    percent = STENOSIS.low + STENOSIS.width * rng.random(n)
    flow = np.array(
        [[one.low + one.width * x for one, x in zip(FLOW_RANGES, row, strict=True)] for row in rng.random((n, 7))]
    )
    grade, volume = severity(percent), flow[:, 1] / 75.0
    force = 1e-3 * np.stack([25.0 * grade, 20.0 + 0.0 * grade, 150.0 - 40.0 * np.abs(grade)], axis=1) * volume[:, None]
    orders = np.arange(1, N_HARMONICS + 1)
    return Library(percent, flow, np.asarray(force[:, :, None] * np.exp(-1j * orders) / orders))


@pytest.fixture(scope="module")
def trace() -> Trace:
    return made_trace(HeadState(stenosis=0.7), Head(), Recording(seconds=20.0))


def as_file(folder: Path, times: FloatArray, values: FloatArray, head: str = "time_s,x_mm,y_mm,z_mm\n") -> Path:
    file = folder / "trace.csv"
    rows = "".join(f"{t:.6g},{x:.6g},{y:.6g},{z:.6g}\n" for t, (x, y, z) in zip(times, values, strict=True))
    file.write_text(head + rows, encoding="utf-8")
    return file


def test_head_motion_meets_closed_forms() -> None:
    missed = [row.quantity for row in check_head_motion(silent, False) if not row.error <= row.gate]
    assert missed == []


def test_trace_comes_back_with_its_heart_rate(trace: Trace, tmp_path: Path) -> None:
    write_trace(trace, tmp_path / "trace.csv", "um")
    again = read_trace(tmp_path / "trace.csv")
    assert np.allclose(again.values, trace.values, rtol=1e-4, atol=1e-10)
    assert pulse_of(again).heart_rate == pytest.approx(70.0, abs=0.3)


@pytest.mark.parametrize(
    ("change", "said"),
    [
        (lambda t, v: (t[:200], v[:200]), "lasts"),
        (lambda t, v: (np.delete(t, slice(300, 330)), np.delete(v, slice(300, 330), axis=0)), "gap of"),
        (lambda t, v: (t, np.where(np.arange(len(v))[:, None] == 7, np.nan, v)), "not finite in row 8"),
        (lambda t, v: (t[::6], v[::6]), "samples a second"),
        (lambda t, v: (t, 1e3 * v), "check the unit"),
        (lambda t, v: (1e3 * t, v), "time in s"),
        (lambda t, v: (t[::-1], v), "does not grow in row 2"),
    ],
)
def test_bad_trace_is_refused_in_a_sentence(trace: Trace, tmp_path: Path, change: object, said: str) -> None:
    times, values = change(trace.times, 1e3 * trace.values)  # type: ignore[operator]
    with pytest.raises(CaseError, match=said) as refused:
        read_trace(as_file(tmp_path, times, values))
    assert refused.value.code == "bad_trace"


def test_unit_must_be_said_and_agree(trace: Trace, tmp_path: Path) -> None:
    with pytest.raises(CaseError, match="does not say its unit"):
        read_trace(as_file(tmp_path, trace.times, trace.values, "t,x,y,z\n"))
    with pytest.raises(CaseError, match="say mm, but g was given"):
        read_trace(as_file(tmp_path, trace.times, trace.values), "g")


def test_noise_has_no_heartbeat(trace: Trace) -> None:
    noise = 1e-5 * np.random.default_rng(5).standard_normal(trace.values.shape)
    with pytest.raises(CaseError, match="No heart beat"):
        pulse_of(Trace(trace.times, noise, "displacement"))


def pulse_from(library: Library, percent: float) -> Pulse:
    """What the middle of all ranges gives for a stenosis, with noise of a hundredth."""
    flow = np.array([0.5 * (one.low + one.high) for one in FLOW_RANGES[1:]])
    numbers = np.array([percent, *flow, *(0.5 * (one.low + one.high) for one in HEAD_RANGES), 0.3])
    asked = Pulse(70.0, np.zeros((3, 4), dtype=complex), np.zeros(3), 1.0)
    made = head_motion.predicted(library, numbers[None], asked, "displacement")[0][0]
    return Pulse(70.0, made, np.full(3, 0.003 * float(np.abs(made).max())), 1.0)


def test_inverse_finds_severe_stenosis_and_side_and_owns_not_to_know_none(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(head_motion, "N_PARTICLES", 300)
    library = straight_library()
    severe, none = (fit_pulse(library, pulse_from(library, percent), "displacement") for percent in (-80.0, 0.0))
    assert severe.side == "right" and severe.low <= 80.0 <= severe.high and severe.is_told_from_none
    assert none.low < 20.0 and "cannot be told from no stenosis" in none.sentence


def test_library_is_kept_and_another_file_refused(tmp_path: Path) -> None:
    library = straight_library()
    save_library(library, tmp_path / "heads.npz")
    assert np.array_equal(read_library(tmp_path / "heads.npz").harmonics, library.harmonics)
    np.savez(tmp_path / "other.npz", a=np.zeros(3))
    with pytest.raises(CaseError, match="no library of heads"):
        read_library(tmp_path / "other.npz")


def test_every_vessel_of_the_head_is_in_the_network_and_mirrored() -> None:
    names = {vessel.name for vessel in head_network(HeadState(stenosis=0.5, side="right")).vessels}
    geometry = head_geometry()
    assert set(geometry.names) | set(geometry.cuts) <= names
    sides = dict(zip(geometry.names, geometry.ways, strict=True))
    for name, way in sides.items():
        if name.endswith(" L"):
            assert np.allclose(sides[name[:-1] + "R"] * (-1.0, 1.0, 1.0), way)
