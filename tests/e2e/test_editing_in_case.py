"""Editing a case from the command line: grow with the leak guard, undo, save the script, replay it on another scan."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest

from app.case.bundle import OpenCase
from app.cli import main
from imaging.types import Grid, Volume
from imaging.volume_io import read_labels, write_volume


def scan(path: Path, shift: int = 0) -> Path:
    """A vessel along k, 8 voxels wide, in tissue."""
    j, i = np.indices((40, 50))
    hu = np.where((j - 20) ** 2 + (i - 25 - shift) ** 2 <= 16, 400, 50).astype(np.int16)
    hu = np.broadcast_to(hu, (30, 40, 50)).copy()
    write_volume(Volume(hu, Grid((50, 40, 30), (1.0, 1.0, 1.0), (0.0, 0.0, 0.0))), path)
    return path


def case_of(tmp_path: Path, name: str, shift: int = 0) -> Path:
    case = tmp_path / f"{name}.case"
    assert main(["import", str(scan(tmp_path / f"{name}.nrrd", shift)), str(case)]) == 0
    return case


def volume_ml(case: Path) -> float:
    with OpenCase.open(case, writable=False) as opened:
        record = opened.case.current("segmentation")
        if record is None:
            return 0.0
        return float((read_labels(opened.path_of(record.files["labels"])).array > 0).sum()) / 1000.0


def test_edits_are_kept_undone_and_replayed_on_another_scan(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    case = case_of(tmp_path, "one")
    assert main(["points", str(case), "--set", "descending=25,20,3"]) == 0
    assert main(["edit", str(case), "--do", "barrier-plane", "--at", "25,20,20", "--direction", "0,0,1"]) == 0
    assert main(["edit", str(case), "--do", "grow", "--at", "descending"]) == 0
    first = volume_ml(case)
    assert first == pytest.approx(19 * 49 / 1000, rel=0.06)  # up to the barrier at slice 20, which is two voxels thick
    capsys.readouterr()
    script = tmp_path / "edits.json"
    arguments = ["edit", str(case), "--do", "margin", "--set", "margin_mm=-1", "--save", str(script), "--json"]
    assert main(arguments) == 0
    said = json.loads(capsys.readouterr().out)
    assert said["edits"][0]["n_voxels"] > 0 and [e["operation"] for e in said["script"]["edits"]] == [
        "barrier-plane",
        "grow",
        "margin",
    ]
    assert volume_ml(case) < first
    assert main(["undo", str(case)]) == 0
    assert volume_ml(case) == first
    with OpenCase.open(case, writable=False) as opened:
        assert len(opened.case.records) == 2  # the image, and the last edit only
    other = case_of(tmp_path, "two", shift=6)
    assert main(["points", str(other), "--set", "descending=31,20,3"]) == 0
    assert main(["edit", str(other), "--script", str(script)]) == 0
    assert 0.3 * first < volume_ml(other) < first
    with OpenCase.open(other, writable=False) as opened:
        assert opened.history.undo_label == "3 edits"


def test_what_cannot_be_edited_is_refused_in_a_sentence(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    case = case_of(tmp_path, "case")
    for words, code in (
        (["--do", "carve"], "unknown_operation"),
        (["--do", "brush", "--at", "1,1,1", "--set", "radius_mm=900"], "bad_parameter"),
        (["--do", "grow", "--at", "arch"], "missing_point"),
        (["--do", "smooth"], "nothing_to_edit"),
        (["--script", str(tmp_path / "none.json")], "bad_script"),
    ):
        capsys.readouterr()
        assert main(["edit", str(case), *words, "--json"]) == 1
        assert json.loads(capsys.readouterr().out)["error"]["code"] == code
    assert volume_ml(case) == 0.0
    assert main(["edit", "--list"]) == 0
    assert "remove-bone" in capsys.readouterr().out
