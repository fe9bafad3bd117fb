"""The report as people get it: one printable page on which nothing is missing, clipped or covered."""

import itertools
import json
import math
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from report_cases import Tree, add_model, make_case, read_json

from app import NOT_FOR_DIAGNOSIS, __version__
from app.case.bundle import OpenCase
from app.case.commands import RemoveRecord, SetPatientValues
from app.case.errors import CaseError
from app.case.records import Record
from app.reports.page import MARGIN_PT, PAGE_PT
from app.reports.style import SMALLEST_PT
from app.workflow.steps import run_step
from imaging.isolated import IsolatedError

pdfium = pytest.importorskip("pypdfium2", reason="pypdfium2 reads the PDF back")

NAMES = (
    "descending",
    "left_common_carotid",
    "brachiocephalic",
    "left_subclavian",
    "superior_mesenteric_artery_trunk",
    "left_upper_accessory_renal_artery",
    "right_inferior_pancreaticoduodenal_artery",
    "celiac",
)
ROUNDING_PT = 0.6
"""What glyphs reach beyond the boxes that they were set in."""


class Sheet:
    """A page of a PDF: its text with places and sizes in points, and its pictures."""

    def __init__(self, path: Path) -> None:
        document = pdfium.PdfDocument(path)
        self.n_pages = len(document)
        page = document[0]
        self.size = page.get_size()
        text = page.get_textpage()
        self.words = " ".join(text.get_text_bounded().replace("\xa0", " ").split())
        self.lines = [text.get_rect(n) for n in range(text.count_rects())]
        self.font_sizes = [
            pdfium.raw.FPDFText_GetFontSize(text, n)
            for n in range(text.count_chars())
            if text.get_text_range(n, 1).strip()
        ]
        self.pictures = [item.get_bounds() for item in page.get_objects([pdfium.raw.FPDF_PAGEOBJ_IMAGE])]


def overlap_pt(a: tuple[float, ...], b: tuple[float, ...]) -> float:
    """The smaller side of what two boxes (left, bottom, right, top) share."""
    return min(min(a[2], b[2]) - max(a[0], b[0]), min(a[3], b[3]) - max(a[1], b[1]))


def painted(task: str, arrays: dict[str, Any], options: dict[str, Any], *_: Any) -> dict[str, Any]:
    """Stands in for the child that draws in 3D: dots where the wall's points fall."""
    shape = (options["height_px"], options["width_px"], 3)
    right = np.cross(arrays["up"], arrays["toward_viewer"])
    away = arrays["points"] - arrays["focal"]
    px_per_mm = options["height_px"] / 2.0 / options["half_height_mm"]
    column = np.clip(shape[1] / 2 + px_per_mm * away @ right, 0, shape[1] - 1).astype(int)
    row = np.clip(shape[0] / 2 - px_per_mm * away @ arrays["up"], 0, shape[0] - 1).astype(int)
    drawn = {}
    for number in range(options["n_pictures"]):
        image = np.full(shape, 255, dtype=np.uint8)
        image[row, column] = arrays[f"rgb_{number}"]
        drawn[f"picture_{number}"] = image
    return drawn


@pytest.fixture
def quick(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("app.reports.rendering.run_isolated", painted)


def report_of(opened: OpenCase) -> tuple[Record, Sheet]:
    record = run_step(opened, "report")
    return record, Sheet(opened.path_of(record.files["pdf"]))


@pytest.fixture
def case(tmp_path: Path, quick: None) -> Iterator[OpenCase]:
    with make_case(tmp_path / "p.case") as opened:
        yield opened


@pytest.mark.parametrize(("n_outlets", "is_upright"), [(1, True), (4, False), (8, True)])
def test_everything_fits_on_one_page(tmp_path: Path, quick: None, n_outlets: int, is_upright: bool) -> None:
    title = "Anna's case " + "with a long title " * (n_outlets // 2)
    notes = [f"Note {n}: something that was seen while the scan was read, in so many words." for n in range(n_outlets)]
    with make_case(tmp_path / "a.case", NAMES[:n_outlets], title=title, is_upright=is_upright, notes=notes) as opened:
        record, sheet = report_of(opened)
        data = read_json(opened, record)
    assert sheet.n_pages == 1
    assert sheet.size == pytest.approx(PAGE_PT, abs=0.01)
    box = (MARGIN_PT, MARGIN_PT, PAGE_PT[0] - MARGIN_PT, PAGE_PT[1] - MARGIN_PT)
    for left, bottom, right, top in (*sheet.lines, *sheet.pictures):
        assert left >= box[0] - ROUNDING_PT and right <= box[2] + ROUNDING_PT
        assert bottom >= box[1] - ROUNDING_PT and top <= box[3] + ROUNDING_PT
    assert min(sheet.font_sizes) >= SMALLEST_PT - 1e-3
    for a, b in itertools.combinations((*sheet.lines, *sheet.pictures), 2):
        assert overlap_pt(a, b) < ROUNDING_PT
    assert len(sheet.pictures) == 9
    assert min(top - bottom for _, bottom, _, top in sheet.pictures) > 65.0
    for number, name in enumerate(NAMES[:n_outlets], start=2):
        assert f"{number} {name.replace('_', ' ')}"[:24] in sheet.words
    assert [note for note in notes if note not in sheet.words] == []
    assert len(data["openings"]) == n_outlets + 1


def test_the_page_says_all_that_a_report_must_say(case: OpenCase) -> None:
    record, sheet = report_of(case)
    for said in (
        "Phantom tree",
        case.case.id,
        f"AngioTwin {__version__}",
        "UTC",
        "75 × 40 × 80 voxels",
        "Mean pressure drop 7.2 mmHg",
        "Share of the flow 50.0 %",
        "Wall shear stress 2.11 Pa",
        "p99 2.98",
        "Oscillatory shear index 0.20",
        "Lumen volume 61.5 mL",
        "Narrowest place 6.0 mm radius",
        "124 (+4)",
        "79 (−1)",
        "Outlets tuned to 120/80 mmHg at ",
        "Largest imbalance before the pressure correction: 12 % of the mean inflow",
        "121/80 mmHg (limit 120/80 ± 2 mmHg)",
        "Heart rate 70 1/min",
        "Cardiac output 5 L/min",
        "textbook value of an adult at rest",
        "Inflow curve sine-squared ejection",
        "Wall rigid",
        "Blood Newtonian",
        "The false lumen is not modelled.",
        "One sliver was moved.",
        "The flow may be disturbed at the inlet.",
        "Boundary layers found: 3 on 100 % of the wall (limit at least 3)",
        "Least scaled Jacobian: 0.05",
        "123 456",
        "Surface closed: yes",
        "Flow run: finished after 4 beats",
        "Change from beat to beat: 0.4 % (limit 1 %)",
        "Mass imbalance: 0.002 % (limit 0.1 %)",
        "Time step: 1.25 ms (640 a beat), largest CFL 7.5",
        "2 processes, 123 s",
        "uncertain by about half",
        "Valen-Sendstad et al., Cardiovasc Eng Technol 2018",
        "Oscillatory shear index: from 0 to 0.5",
        "abababababab",
        "numpy",
        "window 600/200 HU",
    ):
        assert said in sheet.words, said
    for source in case.case.records[:-1]:
        assert source.id in sheet.words
    assert sheet.words.count(NOT_FOR_DIAGNOSIS) == 2
    assert "All 11 checks of the computation are met." in sheet.words
    assert "MISSED" not in sheet.words
    assert record.facts == {"n_checks": 11, "n_checks_missed": 0, "notes": []}


def test_the_data_beside_the_page_hold_the_same_numbers(case: OpenCase) -> None:
    record, _ = report_of(case)
    data = read_json(case, record)
    inlet, main, side = data["openings"]
    assert data["notice"] == NOT_FOR_DIAGNOSIS
    assert (inlet["mean_flow_ml_s"], main["share"], side["mean_drop_mmhg"]) == (90.0, 0.5, 7.25)
    assert (main["is_main"], side["is_main"], side["name"]) == (True, False, "left subclavian")
    assert main["peak_flow_ml_s"] == pytest.approx(200.0)
    assert data["tawss_pa"]["p99"] == 2.98
    assert [item["state"] for item in data["checks"] if item["name"] == "Mass imbalance"] == ["met"]
    image = data["sources"][0]
    assert image["sha256"]["volume"] == case.case.records[0].files["volume"].sha256
    assert len(data["assumptions"]) == 9


def test_a_missed_check_is_named_in_words_and_in_color(tmp_path: Path, quick: None) -> None:
    from app.reports.style import MISSED

    with make_case(tmp_path / "m.case", run={"mass_imbalance_rel": -0.02, "wall_s": math.nan}) as opened:
        record, sheet = report_of(opened)
        raw = pdfium.PdfDocument(opened.path_of(record.files["pdf"]))
        page = raw[0]
        red = tuple(int(MISSED[n : n + 2], 16) for n in (1, 3, 5))
        colors = set()
        for item in page.get_objects([pdfium.raw.FPDF_PAGEOBJ_TEXT]):
            parts = [pdfium.raw.c_uint() for _ in range(4)]
            pdfium.raw.FPDFPageObj_GetFillColor(item, *parts)
            colors.add(tuple(part.value for part in parts[:3]))
        data = read_json(opened, record)
    assert "✗ MISSED Mass imbalance: 2 % (limit 0.1 %)" in sheet.words
    assert "1 of 11 checks of the computation are missed, so do not rely on the numbers: Mass imbalance" in sheet.words
    assert red in colors
    assert record.facts["notes"] == ["Check missed: Mass imbalance, 2 %."]
    assert "nan" not in json.dumps(data).lower()


def test_a_number_that_is_missing_holds_no_limit(tmp_path: Path, quick: None) -> None:
    with make_case(tmp_path / "n.case", run={"periodicity_error": None}) as opened:
        record, _ = report_of(opened)
    assert record.facts["n_checks_missed"] == 1


def test_what_changed_since_is_said_in_words(case: OpenCase) -> None:
    case.do(SetPatientValues({"systolic_mmhg": 150.0}))
    record, sheet = report_of(case)
    assert "The patient's values were changed after the flow run was made" in sheet.words
    assert "Entered for this patient" not in sheet.words
    assert record.facts["n_checks_missed"] == 1


def test_entered_values_are_told_from_assumed_ones(tmp_path: Path, quick: None) -> None:
    with make_case(tmp_path / "e.case", patient={"systolic_mmhg": 135.0}) as opened:
        _, sheet = report_of(opened)
    assert "Entered for this patient: Systolic pressure 135 mmHg" in sheet.words
    assert "Systolic pressure 120 mmHg" not in sheet.words


def test_the_report_shows_what_the_results_were_made_from(case: OpenCase) -> None:
    old = case.case.current("model")
    assert old is not None
    newer = add_model(case, Tree(("another_end",)))
    record, sheet = report_of(case)
    assert old.id in sheet.words and newer.id not in sheet.words
    assert "left subclavian" in sheet.words and "another end" not in sheet.words
    assert "The case holds a newer vessel model than the one behind the mesh, flow run and results" in sheet.words
    assert record.facts["n_checks_missed"] == 1


def test_a_report_without_its_sources_is_refused(case: OpenCase) -> None:
    model = case.case.current("model")
    assert model is not None
    case.do(RemoveRecord(model.id))
    with pytest.raises(CaseError, match="vessel model that the results were made from is no longer in the case"):
        run_step(case, "report")


def test_a_report_with_a_lost_file_is_refused(case: OpenCase) -> None:
    labels = case.case.current("segmentation")
    assert labels is not None
    case.path_of(labels.files["labels"]).unlink()
    with pytest.raises(CaseError, match="has lost its file segmentations"):
        run_step(case, "report")


def test_more_notes_than_the_page_holds_are_counted(tmp_path: Path, quick: None) -> None:
    notes = [f"Remark {n} is one of very many that say at some length what happened on the way." for n in range(60)]
    with make_case(tmp_path / "w.case", notes=notes) as opened:
        record, sheet = report_of(opened)
        data = read_json(opened, record)
    written = sum(note in sheet.words for note in data["notes"])
    assert sheet.n_pages == 1 and 0 < written < 60
    assert f"… and {len(data['notes']) - written} more in report.json." in sheet.words


def test_more_outlets_than_the_page_holds_are_counted(tmp_path: Path, quick: None) -> None:
    with make_case(tmp_path / "o.case", [f"outlet_{n}" for n in range(40)]) as opened:
        record, sheet = report_of(opened)
        data = read_json(opened, record)
    assert sheet.n_pages == 1
    assert "more openings in report.json" in sheet.words
    assert len(data["openings"]) == 41


def test_a_machine_without_graphics_still_gets_its_numbers(
    tmp_path: Path, quick: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fails(*_: Any) -> Any:
        raise IsolatedError("the process ended with code -11")

    monkeypatch.setattr("app.reports.rendering.run_isolated", fails)
    with make_case(tmp_path / "g.case") as opened:
        record, sheet = report_of(opened)
    assert "Lumen volume 61.5 mL" in sheet.words
    assert any("could not be drawn in 3D" in note for note in record.facts["notes"])


def test_cancel_leaves_the_case_as_it_was(case: OpenCase) -> None:
    class CancelledError(Exception):
        pass

    def cancel(fraction: float, text: str) -> None:
        if fraction > 0.5:
            raise CancelledError

    before = case.case
    with pytest.raises(CancelledError):
        run_step(case, "report", None, cancel)
    assert case.case == before
    assert not any((case.folder / ".staging").iterdir())


def test_the_command_writes_a_report_without_a_display(tmp_path: Path) -> None:
    make_case(tmp_path / "c.case").close()
    command = [sys.executable, "-m", "app.cli", "report", str(tmp_path / "c.case"), "--view", "left lateral", "--json"]
    environment = {"PATH": "/usr/bin:/bin", "HOME": str(tmp_path)}
    done = subprocess.run(command, capture_output=True, text=True, check=False, env=environment)
    assert done.returncode == 0, done.stderr
    record = json.loads(done.stdout)
    sheet = Sheet(tmp_path / "c.case" / record["files"]["pdf"]["path"])
    assert record["facts"]["notes"] == []
    assert "left lateral view" in sheet.words
