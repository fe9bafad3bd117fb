"""A time step that is too large is halved from the last good state; the numbers are those of a finer one."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from tube_runs import TUNING, change, solve_by_hand, write_tube_run

from solvers.contract.events import Event, read_events
from solvers.contract.scalars import read_scalars
from solvers.contract.sections import read_sections
from solvers.contract.spec import Numerics, RunSpec

pytestmark = pytest.mark.mpi
STEPS = 40
LIMIT = Numerics(velocity_tolerance=1e-8, max_cfl=1.2)
CURVES = ("pressure[inlet]", "pressure[outlet]", "flow[outlet]", "max_speed")


def write_run(folder: Path, n_cycles: int = 1) -> RunSpec:
    spec = write_tube_run(folder, STEPS, n_cycles)
    change(folder, spec, numerics=LIMIT, tuning=TUNING if n_cycles > 1 else None)
    return spec


def changes(folder: Path, kind: str = "halved") -> list[Event]:
    return [event for event in read_events(folder) if event["type"] == f"time_step_{kind}"]


@pytest.fixture(scope="module")
def halved(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("halved")
    write_run(folder)
    assert solve_by_hand(folder, 2) == 0
    return folder


def test_the_run_says_what_it_does_and_records_every_step_of_the_spec_once(halved: Path) -> None:
    told = changes(halved)
    assert [event["level"] for event in told] == [1, 2]
    for event in told:
        assert event["code"] == "cfl" and "cells in one time step" in event["text"] and len(event["place"]) == 3
        assert event["dt"] == pytest.approx(0.8 / STEPS / 2 ** event["level"])
        assert event["step"] < event["failed_step"]
    scalars = read_scalars(halved)
    assert scalars["step"].tolist() == list(range(1, STEPS + 1)) == read_sections(halved)["step"].tolist()
    assert scalars["cfl"].max() <= LIMIT.max_cfl
    assert scalars["time"] == pytest.approx(scalars["step"] * 0.8 / STEPS, rel=1e-12)


def test_its_numbers_are_those_of_a_run_with_small_steps(halved: Path, tmp_path: Path) -> None:
    spec = write_tube_run(tmp_path, 4 * STEPS, 1)
    change(tmp_path, spec, numerics=replace(LIMIT, max_cfl=100.0))
    assert solve_by_hand(tmp_path, 2) == 0
    found, wanted = read_scalars(halved), read_scalars(tmp_path)
    for name in CURVES:
        four = wanted[name].reshape(-1, 4)
        error = np.abs(found[name] - (four.max(axis=1) if name == "max_speed" else four[:, 3]))[10:].max()
        error /= np.ptp(wanted[name])
        assert error < 0.02, f"{name}: {error}"  # steps of the pulse's foot are four times as long


def test_one_and_three_ranks_halve_alike(halved: Path, tmp_path: Path) -> None:
    wanted = read_scalars(halved)
    for n_ranks in (1, 3):
        folder = tmp_path / str(n_ranks)
        write_run(folder)
        assert solve_by_hand(folder, n_ranks) == 0
        assert [(e["step"], e["level"]) for e in changes(folder)] == [(e["step"], e["level"]) for e in changes(halved)]
        for name in CURVES:
            assert np.abs(read_scalars(folder)[name] - wanted[name]).max() < 1e-5 * np.abs(wanted[name]).max()


STOP_AT = """
from solvers.run import session
_put = session.Session._report_step
def put(self, report):
    _put(self, report)
    if report.step == {step}:
        (self._run_dir / "STOP").touch()
session.Session._report_step = put
"""


def test_a_restart_goes_on_with_the_halved_steps_tuning_and_doubling_included(tmp_path: Path) -> None:
    folders = [tmp_path / name for name in ("whole", "parts")]
    for folder in folders:
        write_run(folder, 2)
    assert solve_by_hand(folders[0], 2) == 0
    assert solve_by_hand(folders[1], 2, patch=STOP_AT.format(step=50)) == 6
    assert solve_by_hand(folders[1], 2, "--restart") == 0
    whole, parts = (read_scalars(folder) for folder in folders)
    for name in CURVES:
        assert np.abs(whole[name] - parts[name]).max() <= 1e-9 * np.abs(whole[name]).max(), name
    balances = [[e["energy"] for e in read_events(f) if e["type"] == "cycle"] for f in folders]
    assert len(balances[0]) == len(balances[1]) == 2
    for one, other in zip(*balances, strict=True):
        for (
            name,
            value,
        ) in one.items():  # what is numerical is what the others leave: known to a part of them, not of it
            size = {"numerical_W": one["power_in_W"], "numerical_share": 1.0}.get(name, value)
            assert abs(value - other[name]) <= 1e-8 * abs(size), name
        assert one["dissipation_W"] > 0.0
    assert abs(balances[0][1]["numerical_share"]) < 0.05, "once outlets and steps have stopped to change"
    told = [[(e["type"], e["step"], e["level"]) for e in changes(f) + changes(f, "doubled")] for f in folders]
    assert told[0] == told[1]
    assert "time_step_doubled" in [kind for kind, *_ in told[0]], "diastole is quiet enough for longer steps"


def test_a_step_that_stays_too_large_ends_the_run(tmp_path: Path) -> None:
    spec = write_tube_run(tmp_path, STEPS, 1)
    change(tmp_path, spec, numerics=Numerics(max_cfl=0.1, max_halvings=2))
    assert solve_by_hand(tmp_path, 1) == 4
    final = read_events(tmp_path)[-1]
    assert final["code"] == "diverged" and "take a time step below 5 ms" in final["text"]
    assert [event["level"] for event in changes(tmp_path)] == [1, 2]
