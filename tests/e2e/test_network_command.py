"""`angiotwin network`: a published network as a user solves it."""

from __future__ import annotations

import csv
import json
from pathlib import Path

import pytest
from e2e_program import Ask, assert_refused

pytestmark = pytest.mark.e2e
YAML = """
project_name: tube
blood: {rho: 1060.0, mu: 4.0e-3}
network:
  - {label: carotid, sn: 1, tn: 2, L: 0.126, E: 7.0e5, R0: 2.6485e-3, h0: 0.24e-3,
     R1: 2.4875e8, R2: 1.8697e9, Cc: 1.7529e-10}
"""


def test_a_network_is_solved_told_and_written(ask: Ask, tmp_path: Path) -> None:
    file, out = tmp_path / "tube.yaml", tmp_path / "curves.csv"
    file.write_text(YAML)
    (tmp_path / "tube_inlet.dat").write_text("0 4e-6\n0.1 12e-6\n0.4 6e-6\n1.0 4e-6\n")
    told = json.loads(ask("network", str(file), "--spacing", "5", "--out", str(out), "--json").out)
    (vessel,) = told["vessels"]
    mean = (0.5 * 0.1 * 16 + 0.5 * 0.3 * 18 + 0.5 * 0.6 * 10) / 1.0
    assert told["is_periodic"] and vessel["name"] == "carotid"
    assert vessel["mean_flow_ml_s"] == pytest.approx(mean, rel=5e-3)
    resistance = 2.4875e8 + 1.8697e9
    assert vessel["mean_pressure_mmhg"] == pytest.approx(resistance * mean * 1e-6 / 133.322, rel=0.03)
    assert vessel["min_pressure_mmhg"] < vessel["mean_pressure_mmhg"] < vessel["max_pressure_mmhg"]
    with out.open() as stream:
        rows = list(csv.DictReader(stream))
    assert len(rows) == 5 * 200
    middle = [float(row["pressure_mmhg"]) for row in rows if row["place"] == "middle"]
    assert max(middle) == pytest.approx(vessel["max_pressure_mmhg"], rel=1e-5)


def test_what_is_no_network_is_refused(ask: Ask, tmp_path: Path) -> None:
    assert_refused(ask("network", str(tmp_path / "none.yaml")), "cannot be read")
    file = tmp_path / "tube.yaml"
    file.write_text(YAML.replace("R0: 2.6485e-3", "R0: 2.6485"))
    (tmp_path / "tube_inlet.dat").write_text("0 4e-6\n0.1 12e-6\n0.4 6e-6\n1.0 4e-6\n")
    assert_refused(ask("network", str(file)), "in mm, convert it")
    assert_refused(ask("network", str(file), "--spacing", "0"), "give 0.1 to 50 mm")
