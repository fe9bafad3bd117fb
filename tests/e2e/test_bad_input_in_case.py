"""What a step cannot use ends in one sentence, and the case has the very files that it had."""

from __future__ import annotations

import json
import subprocess
import sys
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from conftest import MESH, MODEL, SEGMENT
from e2e_phantom import arch_scan, point_words
from e2e_program import (
    Ask,
    assert_refused,
    assert_refused_in_json,
    assert_whole,
    files_of,
    run_program,
    without_privileges,
)

from app.case.bundle import OpenCase, utc_now
from app.case.commands import AddRecord
from app.case.records import Recipe, Record
from app.workflow.import_study import import_study
from app.workflow.steps import STEPS
from imaging.types import LabelMap
from imaging.volume_io import read_labels, write_labels, write_volume

pytestmark = [pytest.mark.e2e, pytest.mark.mpi]


def put_in(case: Path, step_id: str, files: dict[str, Path], facts: dict[str, Any]) -> None:
    """Take files into a case as the current result of a step, as another program or a hand might."""
    step = STEPS[step_id]
    with OpenCase.open(case) as opened:
        record_id = f"{step.makes}-by-hand"
        inputs = {name: opened.case.input_digest(name) or "" for name in step.inputs}
        recipe = Recipe(step=step_id, parameters={}, inputs=inputs, software={}, created_utc=utc_now(), seconds=0.0)
        refs = opened.take_in(files, f"{step.folder}/{record_id}")
        opened.do(AddRecord(Record(id=record_id, kind=step.makes, title="x", files=refs, facts=facts, recipe=recipe)))


def current_file(case: Path, kind: Any, name: str) -> Path:
    with OpenCase.open(case, writable=False) as opened:
        record = opened.case.current(kind)
        assert record is not None
        return opened.path_of(record.files[name])


def lung_place() -> tuple[float, float, float]:
    """Where there is air, well away from the arch."""
    rendered = arch_scan()
    lung = rendered.volume.grid.to_lps(np.argwhere(rendered.volume.array < -750)[:, ::-1])
    x, y, z = lung[rendered.phantom.implicit(lung) > 12.0][0]
    return float(x), float(y), float(z)


def test_a_ct_without_contrast_is_refused_at_segment(tmp_path: Path, ask: Ask) -> None:
    rendered = arch_scan(contrast=False)
    write_volume(rendered.volume, tmp_path / "scan.nrrd")
    case = tmp_path / "plain.case"
    import_study(tmp_path / "scan.nrrd", case, "Plain", points=dict(rendered.phantom.seeds))
    before = files_of(case)
    answer = ask("segment", case, "--json")
    assert_refused_in_json(answer, "not_enhanced", "not enhanced", "45 HU", "use a CT with contrast medium")
    assert len(answer.value["error"]["place_mm"]) == 3
    assert_whole(case, before, ask)


def test_points_outside_the_lumen_and_outside_the_scan_are_named(scan_case: Path, ask: Ask) -> None:
    for role, place, code, words in (
        ("arch", lung_place(), "point_outside_lumen", ("Aortic arch", "HU are expected")),
        (
            "left_subclavian",
            (0.0, 0.0, 900.0),
            "point_outside_volume",
            ("Left subclavian", "outside the scan", "set it"),
        ),
    ):
        assert ask("points", scan_case, "--set", *point_words(**{role: place})).exit_code == 0
        before = files_of(scan_case)
        answer = ask("segment", scan_case, "--json")
        assert_refused_in_json(answer, code, *words)
        assert answer.value["error"]["place_mm"] == pytest.approx(place, abs=0.01)
        assert_whole(scan_case, before, ask)


def test_a_missing_point_is_named(scan_case: Path, ask: Ask) -> None:
    assert ask("points", scan_case, "--remove", "arch", "descending").exit_code == 0
    before = files_of(scan_case)
    assert_refused(ask("segment", scan_case), "Set these points first", "Aortic arch", "Descending aorta")
    assert_whole(scan_case, before, ask)


def test_an_empty_label_is_refused_at_model(own_case: Path, tmp_path: Path, ask: Ask) -> None:
    labels = read_labels(current_file(own_case, "segmentation", "labels"))
    write_labels(LabelMap(np.zeros_like(labels.array), labels.grid, labels.names), tmp_path / "labels.nrrd")
    put_in(own_case, "segment", {"labels": tmp_path / "labels.nrrd"}, {"preset": "thoracic-aorta"})
    before = files_of(own_case)
    assert_refused_in_json(
        ask("model", own_case, "--json"), "empty_label", "segmentation is empty", "segment the vessel"
    )
    assert_whole(own_case, before, ask)


def test_a_label_that_does_not_reach_an_end_is_refused_with_the_end(own_case: Path, tmp_path: Path, ask: Ask) -> None:
    labels = read_labels(current_file(own_case, "segmentation", "labels"))
    array = np.where(labels.array == 3, 0, labels.array).astype(np.uint8)
    write_labels(LabelMap(array, labels.grid, labels.names), tmp_path / "labels.nrrd")
    put_in(own_case, "segment", {"labels": tmp_path / "labels.nrrd"}, {"preset": "thoracic-aorta"})
    before = files_of(own_case)
    assert_refused(ask("model", own_case, *MODEL), "left_common_carotid", "outside the segmented lumen", "mm", "move")
    assert_whole(own_case, before, ask)


def one_opening(case: Path, out: Path) -> None:
    """The case's model with all its outlets made wall, as its current model."""
    from imaging.surface.surface_io import read_model, write_model

    model = read_model(current_file(case, "model", "surface").parent)
    patch = np.where(model.surface.triangle_data["patch"] == 2, 2, 1).astype(np.int32)
    surface = replace(model.surface, triangle_data={"patch": patch})
    extensions = {2: model.extension_start_mm[2]}
    write_model(replace(model, surface=surface, patches=model.patches[:2], extension_start_mm=extensions), out)
    put_in(case, "model", {path.stem: path for path in out.iterdir()}, {"n_outlets": 0})


def test_a_surface_with_one_opening_is_refused_before_anything_is_solved(
    own_case: Path, tmp_path: Path, ask: Ask
) -> None:
    one_opening(own_case, tmp_path / "model")
    before = files_of(own_case)
    answer = ask("mesh", own_case, *MESH, "--json")
    assert_refused_in_json(
        answer, "needs_inlet_and_outlet", "1 inlet(s) and 0 outlet(s)", "mark the missing end", "build the model again"
    )
    assert_whole(own_case, before, ask)


def test_points_for_one_opening_only_are_refused_at_model(own_case: Path, ask: Ask) -> None:
    outlets = ("brachiocephalic", "left_common_carotid", "left_subclavian", "descending_end")
    assert ask("points", own_case, "--remove", *outlets).exit_code == 0
    before = files_of(own_case)
    assert_refused(ask("model", own_case), "openings", *outlets)
    assert_whole(own_case, before, ask)


HOLD = """
import sys, time
from pathlib import Path
from app.case.bundle import OpenCase
with OpenCase.open(Path(sys.argv[1])):
    print("held", flush=True)
    time.sleep(600)
"""


def test_a_case_that_another_process_holds_can_be_read_but_not_changed(scan_case: Path, ask: Ask) -> None:
    before = files_of(scan_case)
    holder = subprocess.Popen([sys.executable, "-c", HOLD, str(scan_case)], stdout=subprocess.PIPE, text=True)
    try:
        assert holder.stdout is not None and holder.stdout.readline() == "held\n"
        for words in (
            ("segment", scan_case),
            ("points", scan_case, "--set", "arch=0,0,0"),
            ("patient", scan_case, "--set", "heart_rate_bpm=60"),
            ("simulate", scan_case),
            ("undo", scan_case),
        ):
            assert_refused(ask(*words), "scan.case", "another window", f"process {holder.pid}", "close it")
        assert_refused_in_json(ask("redo", scan_case, "--json"), "case_locked")
        assert_whole(scan_case, before, ask)
        assert ask("points", scan_case, "--json").value.keys() == arch_scan().phantom.seeds.keys()
    finally:
        holder.kill()
        holder.wait()
    assert ask("undo", scan_case).exit_code == 0, "a killed holder holds nothing"


def test_steps_out_of_order_say_which_comes_first(scan_case: Path, ask: Ask) -> None:
    before = files_of(scan_case)
    for command, first in (
        ("model", "Segment"),
        ("mesh", "Model"),
        ("simulate", "Mesh"),
        ("results", "Simulate"),
        ("report", "Results"),
        ("run", "Simulate"),
        ("cancel", "Simulate"),
    ):
        assert_refused(ask(command, scan_case), f"run {first} first")
    assert_refused(ask("simulate", scan_case, "--restart"), "run Simulate first")
    assert_whole(scan_case, before, ask)


def test_a_file_that_the_case_has_lost_or_that_was_damaged_is_named(own_case: Path, ask: Ask) -> None:
    labels = current_file(own_case, "segmentation", "labels")
    whole = labels.read_bytes()
    labels.unlink()
    name = labels.relative_to(own_case).as_posix()
    assert_refused(ask("model", own_case), "lost its file", name, "run the step again")
    assert ask("info", own_case, "--check", "--json").value["damaged_files"] == [name]
    labels.write_bytes(whole[: len(whole) // 2])
    assert_refused(ask("model", own_case), "damaged or incomplete")
    assert name in ask("info", own_case, "--check").out
    labels.write_bytes(whole)
    assert ask("info", own_case, "--check", "--json").value["damaged_files"] == []


@pytest.mark.parametrize(
    ("content", "words"),
    [
        ("", ("case.json", "damaged", "restore")),
        ('{"schema_version": 99}', ("newer AngioTwin", "update")),
        ("[1, 2]", ("case.json", "damaged")),
    ],
)
def test_a_case_file_that_cannot_be_read_is_refused_by_every_command(
    scan_case: Path, ask: Ask, content: str, words: tuple[str, ...]
) -> None:
    (scan_case / "case.json").write_text(content)
    before = files_of(scan_case)
    for command in ("info", "points", "segment", "undo", "run", "report"):
        assert_refused(ask(command, scan_case), *words)
    assert files_of(scan_case) == before


def test_a_folder_that_is_no_case_is_refused_by_every_command(tmp_path: Path, ask: Ask) -> None:
    for place in (tmp_path, tmp_path / "nowhere.case"):
        for command in ("info", "points", "patient", "segment", "model", "mesh", "simulate", "run", "report", "undo"):
            assert_refused(ask(command, place), place.name, "is not a case", "Import a scan")
    assert list(tmp_path.iterdir()) == []


def test_a_history_that_is_ahead_of_the_case_costs_no_way_back(scan_case: Path, ask: Ask) -> None:
    """A disk that fills up, or a kill, between the two files of a change."""
    before = (scan_case / "case.json").read_text()
    assert ask("points", scan_case, "--set", "arch=1,2,3").exit_code == 0
    (scan_case / "case.json").write_text(before)
    assert ask("info", scan_case, "--json").value["points_mm"]["arch"] != [1.0, 2.0, 3.0]
    assert ask("undo", scan_case, "--json").value["undone"] == "Set 8 points"


def test_what_a_killed_program_left_half_written_is_cleared_at_the_next_change(scan_case: Path, ask: Ask) -> None:
    (scan_case / ".case.json.4711.tmp").write_text("{")
    (scan_case / ".staging" / "x").mkdir(parents=True)
    (scan_case / ".staging" / "x" / "ct.nrrd").write_text("half")
    assert ask("points", scan_case, "--set", "arch=9,22,75").exit_code == 0
    names = {path.name for path in scan_case.iterdir()}
    assert names == {".lock", "audit.ndjson", "case.json", "history.json", "images"}
    json.loads((scan_case / "case.json").read_text())


def test_a_folder_that_may_only_be_read_can_be_shown_but_not_changed(scan_case: Path, tmp_path: Path) -> None:
    prefix = without_privileges()
    before = files_of(scan_case)
    (scan_case / ".lock").unlink(missing_ok=True)
    scan_case.chmod(0o500)
    try:
        shown = run_program("info", scan_case, "--check", "--json", prefix=prefix)
        changed = run_program("points", scan_case, "--set", "arch=0,0,0", prefix=prefix)
        segmented = run_program("segment", scan_case, *SEGMENT, prefix=prefix)
    finally:
        scan_case.chmod(0o700)
    assert shown.exit_code == 0 and shown.value["damaged_files"] == []
    for answer in (changed, segmented):
        assert_refused(answer, "scan.case", "no permission to write", "copy the case")
    assert files_of(scan_case) == before
