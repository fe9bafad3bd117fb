"""Measurements in patient space against exact values; kept in the case, undone, exported."""

from __future__ import annotations

import csv
import json
from pathlib import Path

import numpy as np
import pytest

from app.case.bundle import OpenCase
from app.case.commands import RemoveMeasurements, SetMeasurement
from app.case.errors import CaseError
from app.case.records import SCHEMA_VERSION
from app.workflow.measurements import new_measurement, rows_of, words_of, write_table
from imaging.errors import ImagingError
from imaging.measurement import measured
from imaging.types import Grid, LabelMap, Volume

TURN = np.array([[0.6, -0.8, 0.0], [0.8, 0.6, 0.0], [0.0, 0.0, 1.0]])
GRID = Grid((60, 50, 40), (0.7, 0.9, 1.3), (5.0, -20.0, 100.0), tuple(TURN.ravel().tolist()))
MIDDLE = GRID.to_lps((29.5, 24.5, 19.5))


@pytest.fixture(scope="module")
def ball() -> Volume:
    """300 HU with +-10 in a checkerboard inside a ball of 10 mm, 0 outside."""
    k, j, i = np.indices(GRID.array_shape)
    away = np.linalg.norm(GRID.to_lps(np.stack([i, j, k], axis=-1)) - MIDDLE, axis=-1)
    return Volume(np.where(away < 10.0, 300 + 10 * (-1) ** (i + j + k), 0).astype(np.int16), GRID)


def test_lengths_and_angles_are_those_of_the_patient() -> None:
    assert measured("distance", [(0, 0, 0), (3, 4, 12)], "", None, None) == {"length_mm": pytest.approx(13.0)}
    assert measured("polyline", [(0, 0, 0), (3, 4, 0), (3, 4, 5)], "", None, None)["length_mm"] == pytest.approx(10.0)
    assert measured("angle", [(1, 0, 0), (0, 0, 0), (-1, 1e-9, 0)], "", None, None)["angle_deg"] == pytest.approx(180.0)
    assert measured("angle", [(5, 0, 0), (0, 0, 0), (2, 2, 0)], "", None, None)["angle_deg"] == pytest.approx(45.0)
    with pytest.raises(ImagingError, match="leg"):
        measured("angle", [(1, 0, 0), (1, 0, 0), (2, 0, 0)], "", None, None)


def test_regions_have_their_size_and_the_statistics_of_the_voxels_inside(ball: Volume) -> None:
    u, v = TURN[:, 0], TURN[:, 1]
    ellipse = [MIDDLE, MIDDLE + 6.0 * u, MIDDLE + 4.0 * v + 2.5 * u]  # only what lies across the first axis counts
    found = measured("ellipse", np.array(ellipse).tolist(), "", ball, None)
    assert found["area_mm2"] == pytest.approx(np.pi * 24.0)
    assert (found["major_mm"], found["minor_mm"]) == (pytest.approx(12.0), pytest.approx(8.0))
    assert found["mean_hu"] == pytest.approx(300.0, abs=1.5)
    assert found["sd_hu"] == pytest.approx(10.0, abs=0.5), "interpolation would average the noise away"
    sphere = measured("sphere", [tuple(MIDDLE), tuple(MIDDLE + 8.0 * u)], "", ball, None)
    assert sphere["volume_ml"] == pytest.approx(4 / 3 * np.pi * 0.512)
    counted = sphere["n_voxels"] * GRID.voxel_volume_ml
    assert counted == pytest.approx(sphere["volume_ml"], rel=0.02) and sphere["min_hu"] == 290.0
    labels = LabelMap((ball.array > 100).astype(np.uint8), GRID, {1: "lumen"})
    lumen = measured("volume", [], "lumen", ball, labels)
    assert lumen["volume_ml"] == pytest.approx(4 / 3 * np.pi, rel=0.01)
    with pytest.raises(ImagingError, match="its labels: lumen"):
        measured("volume", [], "wall", ball, labels)


def test_measurements_live_in_the_case_are_undone_and_exported(tmp_path: Path, ball: Volume) -> None:
    with OpenCase.create(tmp_path / "a.case", "A") as opened:
        opened.do(SetMeasurement(new_measurement(opened.case, "distance", [(0.0, 0.0, 0.0), (0.0, 3.0, 4.0)])))
        second = new_measurement(opened.case, "sphere", [tuple(MIDDLE.tolist()), (*MIDDLE[:2].tolist(), MIDDLE[2] + 5)])
        opened.do(SetMeasurement(second))
        moved = opened.case.measurements[0].model_copy(update={"points_mm": ((0.0, 0.0, 0.0), (0.0, 0.0, 9.0))})
        opened.do(SetMeasurement(moved, is_new=False))
        assert [m.id for m in opened.case.measurements] == ["m1", "m2"]
        assert opened.undo() == "Change Distance 1"
        assert opened.case.measurements[0].points_mm[1] == (0.0, 3.0, 4.0)
        opened.do(RemoveMeasurements(("m1",)))
        opened.undo()
        rows = rows_of(opened.case, ball, None)
        with pytest.raises(CaseError, match="3 points, not 2"):
            new_measurement(opened.case, "angle", [(0.0, 0.0, 0.0), (1.0, 0.0, 0.0)])
    with OpenCase.open(tmp_path / "a.case", writable=False) as again:
        assert rows_of(again.case, ball, None) == rows
    assert words_of(rows[0]) == "5.0 mm" and words_of(rows[1]).startswith(
        "0.52 mL, diameter 10.0 mm, mean 300 HU ± 10 HU"
    )
    write_table(rows, tmp_path / "t.csv")
    write_table(rows, tmp_path / "t.json")
    table = list(csv.DictReader((tmp_path / "t.csv").read_text().splitlines()))
    assert table[0]["length_mm"] == "5.0" and table[0]["points_mm_lps"] == "0.000 0.000 0.000; 0.000 3.000 4.000"
    assert json.loads((tmp_path / "t.json").read_text())["measurements"] == rows


def test_a_case_of_the_first_schema_is_opened(tmp_path: Path) -> None:
    with OpenCase.create(tmp_path / "a.case", "A"):
        pass
    for name in ("case.json", "history.json"):
        path = tmp_path / "a.case" / name
        text = (
            path.read_text()
            .replace(f'"schema_version": {SCHEMA_VERSION}', '"schema_version": 1')
            .replace('"measurements": [],', "")
        )
        stored = json.loads(text)
        (stored if name == "case.json" else stored["entries"][0]["case"]).pop("measurements", None)
        path.write_text(json.dumps(stored))
    with OpenCase.open(tmp_path / "a.case") as opened:
        assert (opened.case.schema_version, opened.case.measurements) == (SCHEMA_VERSION, ())
        assert opened.history.entries[0].label == "New case", "the way back is kept"
