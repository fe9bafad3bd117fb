"""The presets of abdominal aorta, right coronary and carotid on phantoms, and the first of them on a real MR scan."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np

from app.workflow.bench_phantoms import PhantomCase, PhantomResult, run_phantoms
from app.workflow.bench_real import DATA, vmtk_reference
from imaging.errors import ImagingError
from imaging.types import FloatArray, LabelMap, Progress, Volume, silent
from sample_data.phantoms import Phantom, random_abdominal, random_carotid, random_right_coronary

SEED = 73_000
"""No test and no trial uses seeds from here on."""
DICE_GOALS = ((6.0, 0.95), (4.0, 0.90))
"""Least Dice by the width of the narrowest vessel in voxels; thinner ones have no goal."""
_MAKERS: dict[str, tuple[Callable[[int], Phantom], float, float]] = {
    "abdominal-aorta": (random_abdominal, 0.75, 0.95),
    "right-coronary": (random_right_coronary, 0.4, 0.5),
    "carotid": (random_carotid, 0.4, 0.6),
}
"""Preset to its phantom and the voxel sizes [mm] that are drawn from."""
_INSIDE_MM = 8.0
_MARGIN_VOXELS = 3

Row = dict[str, Any]


def preset_cases(n: int) -> list[PhantomCase]:
    """``n`` phantoms for each preset, at voxels and noise of the clinic."""
    rng = np.random.default_rng(SEED)
    cases: list[PhantomCase] = []
    for preset, (make, low, high) in _MAKERS.items():
        for _ in range(n):
            spacing, seed = round(float(rng.uniform(low, high)), 3), SEED + len(cases)
            scan = (spacing, spacing, spacing)
            cases.append(PhantomCase(preset, partial(make, seed), scan, float(rng.uniform(15.0, 30.0)), seed))
    return cases


def preset_phantom_rows(progress: Progress, kept: Path | None = None, n: int = 2) -> list[Row]:
    """Overlap, diameters, centerlines, stenoses and branches of each preset, and the real MR scan."""
    results = run_phantoms(preset_cases(n), False, kept, progress)
    rows = [row for preset in _MAKERS for row in _rows_of(preset, [r for r in results if r.case.name == preset])]
    return [*rows, *mra_rows()]


def _rows_of(preset: str, results: list[PhantomResult]) -> list[Row]:
    refused = [f"{_about(r)}: {r.code}, {r.failure}" for r in results if r.failure]
    other = [f"{_about(r)}: by {r.how}" for r in results if r.how and r.how != preset]
    whole = [r for r in results if not r.failure]
    rows = [_row(f"imaging-{preset}-refused", len(refused + other), "phantoms", 0.0, "; ".join(refused + other))]
    short = [(r, r.dice - least) for r in whole if (least := _least_dice(r)) is not None and r.dice is not None]
    text = ", ".join(f"{_about(r)}: {r.dice:.3f}" for r in whole)
    worst = min(short, key=lambda pair: pair[1], default=None)
    goal = f">= {_least_dice(worst[0])}" if worst else "-"
    value = worst[0].dice if worst else None
    met = worst is None or worst[1] >= 0.0
    rows.append({"name": f"imaging-{preset}-dice", "value": _rounded(value), "unit": "1", "goal": goal, "met": met})
    rows[-1]["how"] = f"ends left out; {text}"
    for name, limit, errors in (
        ("diameter", 0.25, [np.array(r.diameter_error_voxels) for r in whole]),
        ("centerline", 0.5, [np.array(r.centerline_error_voxels) for r in whole]),
    ):
        means = [float(np.abs(e).mean()) for e in errors if len(e)]
        text = ", ".join(f"{np.abs(e).mean():.2f} (bias {e.mean():+.2f})" for e in errors if len(e))
        how = f"mean absolute error of each phantom: {text}"
        rows.append(_row(f"imaging-{preset}-{name}", max(means, default=float("nan")), "voxels", limit, how))
    stenoses = [pair for r in whole for pair in r.stenoses]
    if stenoses:
        off = max(abs(found - true) for true, found in stenoses)
        how = ", ".join(f"{true:.0f} % found as {found:.1f} %" for true, found in stenoses)
        rows.append(_row(f"imaging-{preset}-stenosis", off, "points", 5.0, how))
    wrong = [f"missing {name}" for r in whole for name in r.missing]
    wrong += [f"invented {name}" for r in whole for name in r.invented]
    total = sum(r.n_vessels for r in whole)
    rows.append(_row(f"imaging-{preset}-branches", len(wrong), "branches", 0.0, f"of {total}; {', '.join(wrong)}"))
    return rows


def _about(result: PhantomResult) -> str:
    widths = ", ".join(f"{w:.1f}" for w in result.widths_voxels)
    return f"{result.case.spacing_mm[0]:g} mm, {result.case.noise_hu:.0f} HU, {widths or '?'} voxels wide"


def _least_dice(result: PhantomResult) -> float | None:
    narrowest = min(result.widths_voxels, default=0.0)
    return next((least for width, least in DICE_GOALS if narrowest >= width - 0.01), None)


def _row(name: str, value: float, unit: str, limit: float, how: str) -> Row:
    met = bool(value <= limit)
    return {"name": name, "value": _rounded(value), "unit": unit, "goal": f"<= {limit:g}", "met": met, "how": how}


def _rounded(value: float | None) -> float | None:
    return None if value is None or not np.isfinite(value) else round(float(value), 4)


def mra_rows() -> list[Row]:
    """The preset of the abdominal aorta on VMTK's MR angiogram against VMTK's level set, between the points."""
    name = "imaging-abdominal-mra-dice"
    row: Row = {"name": name, "value": None, "unit": "1", "goal": ">= 0.95", "met": False}
    if not DATA.is_dir():
        return [{**row, "how": "not measured: the real scans are not beside this checkout"}]
    from imaging.segmentation.presets import PRESETS
    from imaging.volume_io import read_volume

    volume, reference = read_volume(DATA / "aorta_mra/aorta.mha"), vmtk_reference()
    lines = [reference.points[line] for line in reference.lines]
    iliacs = sorted((_inside(line[::-1]) for line in lines), key=lambda end: end[0])
    right, left = iliacs[0], iliacs[-1]
    points = {"abdominal_aorta": _inside(lines[0]), "right_iliac": right, "left_iliac": left}
    preset = PRESETS["abdominal-aorta"]
    try:
        labels = preset.segment(volume, points, preset.parameters_type(), silent)
    except ImagingError as refusal:
        return [{**row, "how": f"{refusal.code}: {refusal.message}"}]
    overlap, n = _overlap_between(labels, reference.labels, volume)
    names = ", ".join(labels.names.values())
    how = f"points {_INSIDE_MM:g} mm inside of the ends of VMTK's lines; {n} voxels of {names}"
    return [{**row, "value": _rounded(overlap), "met": overlap >= 0.95, "how": how}]


def _inside(line: FloatArray) -> tuple[float, float, float]:
    along = np.concatenate([[0.0], np.cumsum(np.linalg.norm(np.diff(line, axis=0), axis=1))])
    x, y, z = line[int(np.searchsorted(along, _INSIDE_MM))]
    return float(x), float(y), float(z)


def _overlap_between(labels: LabelMap, reference: LabelMap, volume: Volume) -> tuple[float, int]:
    """Dice along the axis in which the labels are longest, three voxels at either end of them left out."""
    from imaging.segmentation.agreement import dice

    found, true = np.asarray(labels.array) > 0, np.asarray(reference.array) > 0
    extent_mm = np.ptp(np.argwhere(found), axis=0) * np.asarray(volume.grid.spacing_mm)[::-1]
    axis = int(extent_mm.argmax())
    at = np.flatnonzero(found.any(axis=tuple(n for n in range(3) if n != axis)))
    part = range(int(at[0]) + _MARGIN_VOXELS, int(at[-1]) + 1 - _MARGIN_VOXELS)
    mine, theirs = found.take(part, axis=axis), true.take(part, axis=axis)
    return dice(mine, theirs), int(mine.sum())
