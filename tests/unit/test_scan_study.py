"""A study is listed before it is imported: what is in it, what is wrong with it, and what it can be used for."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from dicom_cases import beside_origin, shifted, write_enhanced, write_series
from pydicom.dataset import FileDataset

from app.cli import main
from app.workflow.scan_study import SeriesVerdict, scan_study
from imaging.errors import ImagingError
from imaging.fitness import ANALYSES, ScanFigures, fitness_of
from imaging.image_quality import image_quality
from imaging.types import Grid, Volume
from imaging.volume_io import write_volume

SHARED = Path(__file__).parents[2].parent / "shared" / "data"
EDGE, PIXEL_MM, STEP_MM, N = 160, 0.9, 1.0, 60


def chest(lumen_hu: float, noise_hu: float, seed: int = 4) -> np.ndarray:
    """A section of a body (rows, columns) in HU with an aorta, and a vertebra whose marrow a bright cortex rings."""
    y, x = np.mgrid[:EDGE, :EDGE] * PIXEL_MM - EDGE * PIXEL_MM / 2.0
    hu = np.where((x / 66.0) ** 2 + (y / 50.0) ** 2 < 1.0, 50.0, -1000.0)
    spine = np.hypot(x, y - 25.0)
    hu[spine < 17.0] = 700.0
    hu[spine < 15.0] = 260.0
    hu[np.hypot(x + 18.0, y + 5.0) < 12.0] = lumen_hu
    return hu + noise_hu * np.random.default_rng(seed).standard_normal(hu.shape)


def angiogram(lumen_hu: float = 380.0, noise_hu: float = 20.0) -> Callable[[int, FileDataset], None]:
    pixels = [(chest(lumen_hu, noise_hu, seed) + 1024).clip(0).astype(np.uint16).tobytes() for seed in range(3)]

    def change(n: int, dataset: FileDataset) -> None:
        dataset.Rows = dataset.Columns = EDGE
        dataset.PixelSpacing, dataset.SliceThickness = [PIXEL_MM, PIXEL_MM], 1.0
        dataset.ImagePositionPatient = beside_origin(0, 0, n * STEP_MM)
        dataset.InstanceNumber = n + 1
        dataset.PixelData = pixels[n % 3]

    return change


def both(*changes: Callable[[int, FileDataset], None]) -> Callable[[int, FileDataset], None]:
    def change(n: int, dataset: FileDataset) -> None:
        for one in changes:
            one(n, dataset)

    return change


def the_one(source: Path, **options: Any) -> SeriesVerdict:
    (found,) = scan_study(source, **options).series
    return found


def codes(found: SeriesVerdict) -> dict[str, str]:
    return {finding.code: finding.severity for finding in found.findings}


def state(found: SeriesVerdict, analysis: str) -> str:
    return next(one.state for one in found.fitness if one.analysis.id == analysis)


@pytest.mark.parametrize("noise_hu", [15.0, 30.0])
@pytest.mark.parametrize("lumen_hu", [250.0, 450.0])
def test_noise_and_enhancement_are_found_within_bounds(noise_hu: float, lumen_hu: float) -> None:
    quality = image_quality([chest(lumen_hu, noise_hu, seed) for seed in range(5)], PIXEL_MM)
    assert quality.noise_hu == pytest.approx(noise_hu, rel=0.15)
    assert quality.lumen_hu == pytest.approx(lumen_hu, abs=10.0)


def test_marrow_is_not_taken_for_a_lumen() -> None:
    quality = image_quality([chest(45.0, 20.0, seed) for seed in range(5)], PIXEL_MM)
    assert quality.lumen_hu is None and quality.noise_hu == pytest.approx(20.0, rel=0.15)


def test_an_angiogram_is_good_for_what_its_voxels_and_length_allow(tmp_path: Path) -> None:
    found = the_one(write_series(tmp_path / "a", change=angiogram(), n_slices=N))
    assert found.n_slices == N and found.spacing_mm == pytest.approx((PIXEL_MM, PIXEL_MM, STEP_MM))
    assert found.coverage_mm == pytest.approx((143.1, 143.1, 59.0))
    assert state(found, "aortic_root") == "yes" and state(found, "thoracic_aorta") == "no"
    reasons = {one.analysis.id: " ".join(one.reasons) for one in found.fitness}
    assert "60 mm long; at least 150 mm" in reasons["thoracic_aorta"]
    assert "1.00 mm go 2.7 times into 2.71 mm" in reasons["intracranial"] and "Baz" in reasons["intracranial"]
    assert found.verdict == "good" and "aortic root" in found.headline
    assert found.picture is not None and found.picture.shape == (96, 96) and np.ptp(found.picture) > 200


def test_a_scan_without_contrast_is_for_no_analysis(tmp_path: Path) -> None:
    found = the_one(write_series(tmp_path / "a", change=angiogram(lumen_hu=45.0), n_slices=N))
    assert codes(found)["not_enhanced"] == "warning" and found.verdict == "no analysis"
    assert all("No lumen enhanced" in " ".join(one.reasons) for one in found.fitness)


def test_without_looking_only_headers_are_read(tmp_path: Path) -> None:
    found = the_one(write_series(tmp_path / "a", change=angiogram(lumen_hu=45.0), n_slices=N), look=False)
    assert "not_enhanced" not in codes(found) and found.picture is None and state(found, "aortic_root") == "yes"


def place(n: int, dataset: FileDataset) -> None:
    dataset.ImagePositionPatient = beside_origin(0, 0.2 * n, n * STEP_MM)


def gap(n: int, dataset: FileDataset) -> None:
    dataset.ImagePositionPatient = beside_origin(0, 0, n * STEP_MM + (4.0 if n > 20 else 0.0))


def shuffled(n: int, dataset: FileDataset) -> None:
    dataset.InstanceNumber = [3, 1, 2][n % 3] + n // 3 * 3


SIGNS: list[tuple[Callable[[int, FileDataset], None], str, str, str, float | None]] = [
    (place, "gantry_tilt", "repairable", "repair", 11.8),
    (gap, "missing_slices", "refused", "refused", 5.0),
    (shifted(lambda n: True, "SliceThickness", 0.5), "slice_gaps", "warning", "good", 0.5),
    (shifted(lambda n: True, "SliceThickness", 3.0), "slices_overlap", "note", "limited", 3.0),
    (shuffled, "order_disagrees", "warning", "good", 20.0),
    (shifted(lambda n: True, "InstanceNumber", lambda n: 99 - n), "order_flipped", "note", "good", None),
    (shifted(lambda n: True, "LossyImageCompression", "01"), "lossy", "warning", "good", None),
    (shifted(lambda n: True, "BurnedInAnnotation", "YES"), "burned_in_text", "warning", "good", None),
    (shifted(lambda n: n == 3, "RescaleIntercept", -1000), "hu_scale_varies", "note", "good", 2.0),
    (shifted(lambda n: True, "RescaleType", "OD"), "not_ct", "refused", "refused", None),
    (shifted(lambda n: True, "RescaleIntercept", 0), "no_air", "warning", "no analysis", None),
    (
        shifted(lambda n: True, "ImageType", ["DERIVED", "PRIMARY", "MIP"]),
        "derived_image",
        "warning",
        "no analysis",
        None,
    ),
    (shifted(lambda n: True, "Modality", "PT"), "not_ct", "refused", "refused", None),
    (shifted(lambda n: n == 3, "PixelSpacing", [0.5, 0.5]), "left_out", "note", "repair", None),
    (shifted(lambda n: n > 30, "PixelSpacing", [0.5, 0.5]), "mixed_size", "refused", "refused", None),
    (
        shifted(lambda n: n > 30, "ImageOrientationPatient", [1, 0, 0, 0, 0.96, 0.28]),
        "mixed_orientation",
        "refused",
        "refused",
        None,
    ),
]


@pytest.mark.parametrize(("change", "code", "severity", "verdict", "value"), SIGNS, ids=[sign[1] for sign in SIGNS])
def test_what_is_wrong_is_told_with_its_number(
    tmp_path: Path, change: Any, code: str, severity: str, verdict: str, value: float | None
) -> None:
    found = the_one(write_series(tmp_path / "a", change=both(angiogram(), change), n_slices=N))
    assert codes(found).get(code) == severity, found.findings
    finding = next(one for one in found.findings if one.code == code)
    assert finding.message.endswith(".")
    if value is not None:
        assert finding.value == pytest.approx(value, abs=0.06)
    assert found.verdict == verdict
    if verdict == "refused":
        assert {one.state for one in found.fitness} <= {"no"}


def test_phases_are_listed_and_names_are_taken_out_of_descriptions(tmp_path: Path) -> None:
    write_enhanced(tmp_path / "e.dcm", phases=(30.0, 75.0))
    write_series(tmp_path / "s", change=shifted(lambda n: True, "SeriesDescription", "Doe, John BestDiast 75 % 4711"))
    study = scan_study(tmp_path)
    (four_d,) = (one for one in study.series if one.phases)
    assert [typed for typed, _ in four_d.phases] == ["30%", "75%"] and four_d.n_slices == 6 and four_d.n_images == 12
    (still,) = (one for one in study.series if not one.phases)
    assert still.description == "…, … BestDiast 75 % …" and still.phase == "75 %"


def test_the_program_prints_it_as_text_and_as_json(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    folder = write_series(tmp_path / "a", change=both(angiogram(), place), n_slices=N)
    assert main(["scan", str(folder), "--json"]) == 0
    (one,) = json.loads(capsys.readouterr().out)["series"]
    assert one["verdict"] == "repair" and one["findings"][0]["code"] == "gantry_tilt"
    assert one["lumen_hu"] == pytest.approx(380.0, abs=10.0)
    assert {fit["analysis"] for fit in one["fitness"]} == {analysis.id for analysis in ANALYSES}
    assert main(["scan", str(folder)]) == 0
    text = capsys.readouterr().out
    assert "repair:" in text and "11.8 mm" in text and "DOE" not in text.upper().replace("DOES", "")


def test_damaged_files_are_left_out_of_the_list_with_a_word(tmp_path: Path) -> None:
    folder = write_series(tmp_path / "a", change=angiogram(), n_slices=N)
    victim = sorted(folder.iterdir())[0]
    victim.write_bytes(victim.read_bytes()[:700])
    study = scan_study(folder)
    assert "1 damaged or incomplete images were left out." in study.notes


def test_a_scan_file_has_a_verdict_too(tmp_path: Path) -> None:
    array = np.stack([chest(380.0, 20.0, seed) for seed in range(70)]).astype(np.int16)
    grid = Grid((EDGE, EDGE, 70), (PIXEL_MM, PIXEL_MM, STEP_MM), (0.0, 0.0, 0.0))
    write_volume(Volume(array, grid), tmp_path / "a.nrrd")
    found = the_one(tmp_path / "a.nrrd")
    assert found.verdict == "good" and found.figures.lumen_hu == pytest.approx(380.0, abs=10.0)
    write_volume(Volume(array, grid, "MR", "unknown"), tmp_path / "m.nrrd")
    assert the_one(tmp_path / "m.nrrd").verdict == "refused"
    with pytest.raises(ImagingError, match="no DICOM|not an image|is not read|None of"):
        (tmp_path / "b").mkdir()
        (tmp_path / "b" / "x.txt").write_text("x")
        scan_study(tmp_path / "b")


def test_every_limit_says_where_it_is_from() -> None:
    for analysis in ANALYSES:
        assert "assumption" in analysis.vessel_source or any(c.isdigit() for c in analysis.vessel_source)
        assert analysis.thickest_mm is None or analysis.thickest_source
    fine = ScanFigures("CT", 0.4, 0.5, 600.0, 0.6, n_phases=10, noise_hu=20.0, lumen_hu=420.0, was_looked_at=True)
    states = {one.analysis.id: one.state for one in fitness_of(fine)}
    assert (
        states.pop("wall") == "no" and states.pop("coronary") == "limited" and states.pop("intracranial") == "limited"
    )
    assert set(states.values()) == {"yes"}


@pytest.mark.shared
@pytest.mark.skipif(not SHARED.is_dir(), reason="the shared development data is not beside the checkout")
def test_real_studies_get_the_verdict_that_they_deserve() -> None:
    without = the_one(SHARED / "chest_ct_dicom_no_contrast")
    assert without.verdict == "refused" and without.figures.lumen_hu is None
    assert codes(without)["missing_slices"] == "refused" and codes(without)["not_enhanced"] == "warning"
    assert the_one(SHARED / "head_mr_dicom").verdict == "refused"
    abdomen = the_one(SHARED / "thoracic_ct" / "abdomen_dicom")
    assert abdomen.packing.startswith("JPEG 2000") and abdomen.figures.resolution_mm == 3.0
    assert state(the_one(SHARED / "thoracic_ct" / "ct.nii.gz"), "thoracic_aorta") == "limited"
    brain = the_one(SHARED / "circle_of_willis" / "cta.mha")
    assert brain.figures.lumen_hu == pytest.approx(370.0, abs=30.0)
