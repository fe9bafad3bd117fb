"""How well scans become vessel models: phantoms with known truth, real scans with references, and speed."""

from __future__ import annotations

import json
import time
from collections import Counter
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np

from app.workflow.bench_phantoms import PhantomCase, PhantomResult, run_phantoms
from app.workflow.bench_real import DATA, RAS_TO_LPS, vmtk_polydata, vmtk_reference
from app.workflow.bench_runs import NOT_NAMED
from imaging.errors import ImagingError
from imaging.types import CenterlineTree, FloatArray, LabelMap, Progress, Volume, silent
from sample_data.phantoms import (
    Phantom,
    curved_tube,
    random_arch,
    random_carotid,
    random_coronary,
    random_tube,
    stenosed_tube,
    y_bifurcation,
)
from sample_data.phantoms.tubes import TubeKind

SEED = 71_000
"""No test and no trial uses seeds from here on."""
Row = dict[str, Any]


def row(name: str, value: float | None, unit: str, goal: str, met: Any, how: str) -> Row:
    """A row of a bench."""
    rounded = None if value is None or not np.isfinite(value) else round(float(value), 4)
    return {"name": name, "value": rounded, "unit": unit, "goal": goal, "met": bool(met), "how": how}


def measured_phantoms(is_long: bool) -> list[PhantomCase]:
    """Tubes at six and at four voxels with and without stenoses, forks, an arch, carotids and coronaries."""
    rng = np.random.default_rng(SEED)
    cases: list[PhantomCase] = []

    def add(name: str, make: Callable[[], Phantom], spacing: float, ratio: float = 1.0) -> None:
        k = round(spacing * ratio, 3)
        cases.append(PhantomCase(name, make, (spacing, spacing, k), float(rng.uniform(15.0, 30.0)), SEED + len(cases)))

    percents = (35.0, 50.0, 65.0, 80.0) if is_long else (40.0, 70.0)
    for percent in percents:
        radius, spacing = _radius_of(6.0, rng.uniform(0.7, 1.1))
        throat = radius * (1.0 - percent / 100.0)
        add(
            f"stenosis of {percent:.0f} %, 6 voxels",
            partial(stenosed_tube, 14 * radius, radius, throat, 7 * radius, 2.5 * radius),
            spacing,
        )
    for wide in (6.0, 4.0):
        for _ in range(2 if is_long else 1):
            radius, spacing = _radius_of(wide, rng.uniform(0.8, 1.5))
            bend = float(rng.uniform(5.0, 8.0)) * radius
            add(f"bend, {wide:.0f} voxels", partial(curved_tube, bend, radius, 120.0), spacing)
    radius, spacing = _radius_of(8.0, rng.uniform(0.7, 1.0))
    add("fork", partial(y_bifurcation, radius, (0.78 * radius, 0.7 * radius), (28.0, 38.0)), spacing)
    for n in range(3 if is_long else 1):
        spacing = float(rng.uniform(1.2, 1.5))
        add("arch", partial(random_arch, SEED + n), spacing, float(rng.uniform(1.0, 1.3)))
    for n in range(4 if is_long else 1):
        add("carotid", partial(random_carotid, SEED + n), float(rng.uniform(0.4, 0.6)))
    for n in range(4 if is_long else 1):
        add("coronary", partial(random_coronary, SEED + n), float(rng.uniform(0.4, 0.55)))
    return cases


def _radius_of(voxels: float, spacing: float) -> tuple[float, float]:
    spacing = round(float(spacing), 3)
    return 0.5 * voxels * spacing, spacing


def phantom_rows(progress: Progress, kept: Path | None = None, is_long: bool = False) -> list[Row]:
    """Overlap, diameters, stenoses, centerlines and branches on phantoms with known truth."""
    return rows_of(run_phantoms(measured_phantoms(is_long), False, kept, progress))


def rows_of(results: list[PhantomResult]) -> list[Row]:
    """The rows of phantom results; what was refused is named and counts as a miss."""
    refused = [f"{r.case.name} ({r.case.spacing_mm[0]:g} mm): {r.code}, {r.failure}" for r in results if r.failure]
    whole = [r for r in results if not r.failure]
    note = f"{len(whole)} of {len(results)} phantoms"
    rows = [row("imaging-refused", len(refused), "phantoms", "= 0", not refused, "; ".join(refused) or note)]
    for wide, goal, low in ((6.0, 0.95, 5.99), (4.0, 0.90, 3.99)):
        band = [r for r in whole if low <= min(r.widths_voxels) < (6.0 if wide == 4.0 else 99.0)]
        values = {r.case.name: r.dice for r in band if r.dice is not None}
        least = min(values.values(), default=float("nan"))
        text = ", ".join(f"{name} {value:.3f}" for name, value in values.items())
        title = f"imaging-dice-{wide:.0f}-voxels"
        rows.append(row(title, least, "1", f">= {goal}", least >= goal, f"least of {len(band)}: {text}"))
    errors = [(r.case.name, np.array(r.diameter_error_voxels)) for r in whole if r.diameter_error_voxels]
    rows.append(_mean_row("imaging-diameter", errors, 0.25, "of the mean absolute error of the sections' diameters"))
    lines = [(r.case.name, np.array(r.centerline_error_voxels)) for r in whole if r.centerline_error_voxels]
    rows.append(_mean_row("imaging-centerline", lines, 0.5, "of the mean distance from the true centerline"))
    wide_enough = [(r, s) for r in whole for s in r.stenoses if min(r.widths_voxels) >= 5.99 and 30.0 <= s[0] <= 80.0]
    off = max((abs(found - true) for _, (true, found) in wide_enough), default=float("nan"))
    text = ", ".join(f"{true:.0f} % found as {found:.1f} %" for _, (true, found) in wide_enough)
    rows.append(
        row("imaging-stenosis", off, "points", "<= 5", off <= 5.0, f"healthy lumen of 6 voxels or more: {text}")
    )
    narrow = [(r, s) for r in whole for s in r.stenoses if min(r.widths_voxels) < 5.99]
    text = ", ".join(f"{true:.0f} % found as {found:.1f} %" for _, (true, found) in narrow)
    far = max((abs(found - true) for _, (true, found) in narrow), default=float("nan"))
    rows.append(row("imaging-stenosis-thin", far, "points", "-", True, f"thinner than 6 voxels, no goal: {text}"))
    missing = [f"{r.case.name}: {name}" for r in whole for name in r.missing]
    invented = [f"{r.case.name}: {name}" for r in whole for name in r.invented]
    total = sum(r.n_vessels for r in whole)
    how = f"of {total}; missing: {', '.join(missing) or 'none'}; invented: {', '.join(invented) or 'none'}"
    found = total - len(missing)
    rows.append(row("imaging-branches", found, "branches", f"= {total}", not missing and not invented, how))
    return rows


def _mean_row(name: str, errors: list[tuple[str, FloatArray]], limit: float, what: str) -> Row:
    worst = max((float(np.abs(e).mean()) for _, e in errors), default=float("nan"))
    text = ", ".join(f"{case} {np.abs(e).mean():.2f} (bias {e.mean():+.2f})" for case, e in errors)
    return row(name, worst, "voxels", f"<= {limit:g}", worst <= limit, f"largest {what}: {text}")


def random_cases(n: int) -> list[PhantomCase]:
    """Random phantoms of every kind at clinical resolution, the quick ones more often than the slow ones."""
    rng = np.random.default_rng(SEED + 1)
    tubes: dict[TubeKind, tuple[float, float]] = {
        "curved_tube": (0.5, 0.7),
        "stenosed_tube": (0.5, 0.7),
        "fusiform_aneurysm": (1.0, 1.5),
        "saccular_aneurysm": (0.4, 0.6),
        "y_bifurcation": (0.5, 0.7),
    }
    quick: list[tuple[str, Callable[[int], Phantom], float, float]] = [
        (kind, partial(random_tube, kind), low, high) for kind, (low, high) in tubes.items()
    ]
    carotid, arch = ("carotid", random_carotid, 0.45, 0.65), ("arch", random_arch, 1.2, 1.5)
    kinds = [*quick, carotid, *quick, arch, *quick, carotid, ("coronary", random_coronary, 0.45, 0.55), quick[-1]]
    cases = []
    for number in range(n):
        name, make, low, high = kinds[number % len(kinds)]
        spacing = round(float(rng.uniform(low, high)), 3)
        seed = SEED + 100 + number
        scan = (spacing, spacing, spacing)
        cases.append(PhantomCase(name, partial(make, seed), scan, float(rng.uniform(15.0, 30.0)), seed))
    return cases


def meshable_rows(progress: Progress, kept: Path | None = None, n: int = 8) -> list[Row]:
    """How many random phantoms become a verified mesh on the first try, and why the others do not."""
    results = run_phantoms(random_cases(n), True, kept, progress)
    good = [r for r in results if not r.failure]
    causes = Counter(f"{r.case.name}: {', '.join([r.code, *r.doctor])}" for r in results if r.failure)
    why = "; ".join(f"{cause} ({count})" for cause, count in causes.most_common()) or "no failure"
    repaired = sum(r.repairs > 0 for r in results)
    how = f"of {n} random phantoms; {repaired} needed the repair ladder; {why}"
    least = int(np.ceil(0.95 * n))
    unnamed = [f"{r.case.name}, seed {r.case.seed}: {r.failure}" for r in results if r.code in NOT_NAMED]
    return [
        row("imaging-meshable", len(good), "phantoms", f">= {least}", len(good) >= least, how),
        row("imaging-crashes", len(unnamed), "phantoms", "= 0", not unnamed, "; ".join(unnamed) or "all causes named"),
    ]


def _no_data(name: str) -> list[Row]:
    return [row(name, None, "1", "-", False, "not measured: the real scans are not beside this checkout")]


def aorta_mra_rows(progress: Progress) -> list[Row]:
    """The model of an abdominal aorta against VMTK's own surface and centerlines, made from the same level set."""
    if not DATA.is_dir():
        return _no_data("imaging-aorta-mra")
    from scipy.spatial import cKDTree

    from imaging.surface.model import build_model
    from imaging.surface.polydata import SignedDistance, from_polydata

    reference = vmtk_reference()
    points, radius, lines = reference.points, reference.radius_mm, reference.lines
    tips = [end.position_mm for end in reference.ends]
    model = build_model(reference.labels, None, reference.ends, progress=progress)
    wall, wall_triangles = from_polydata(vmtk_polydata("aorta-surface.vtp"))
    theirs = SignedDistance(wall * RAS_TO_LPS, wall_triangles[:, ::-1])
    on_wall = np.unique(model.surface.triangles[np.asarray(model.surface.triangle_data["patch"]) == 1])
    mine = model.surface.points[on_wall]
    clear = cKDTree(np.array(tips)).query(mine)[0] > 15.0
    surface_off = np.abs(theirs(mine[clear]))
    own = cKDTree(model.centerlines.points)
    inner = np.unique(np.concatenate([line[cKDTree(np.array(tips)).query(points[line])[0] > 10.0] for line in lines]))
    distance, nearest = own.query(points[inner])
    relative = np.abs(model.centerlines.radius_mm[nearest] / radius[inner] - 1.0)
    how = "the level set of VMTK's test data as label, without a scan"
    return [
        row(
            "imaging-mra-surface",
            surface_off.mean(),
            "mm",
            "<= 0.5",
            surface_off.mean() <= 0.5,
            f"mean distance; {how}",
        ),
        row("imaging-mra-centerline", distance.mean(), "mm", "<= 0.5", distance.mean() <= 0.5, f"mean distance; {how}"),
        row(
            "imaging-mra-radius", 100 * relative.mean(), "%", "<= 5", relative.mean() <= 0.05, f"mean difference; {how}"
        ),
    ]


FALSE_LUMEN_OF_SAMPLE = (33.3, -101.2, 664.7)
"""A click into the filled false lumen of the sample's descending aorta (LPS, mm)."""


def thoracic_ct_rows(progress: Progress) -> list[Row]:
    """The sample's lumen against a network's labels, and whether it can be modeled and meshed."""
    if not DATA.is_dir():
        return _no_data("imaging-thoracic-ct")
    import sample_data
    from imaging.meshing.quality import assess
    from imaging.meshing.tetrahedra import mesh_model
    from imaging.segmentation.agreement import dice
    from imaging.segmentation.presets import PRESETS
    from imaging.surface.model import build_model
    from imaging.volume_io import read_labels, read_volume

    folder = DATA / "thoracic_ct"
    stored = json.loads(
        (Path(sample_data.__file__).parent / "points" / "thoracic_ct.json").read_text(encoding="utf-8")
    )["points"]
    volume, preset = read_volume(folder / "ct.nii.gz"), PRESETS["thoracic-aorta"]
    labels = preset.segment(volume, stored, preset.parameters_type(), silent)

    def reference(name: str) -> np.ndarray[Any, np.dtype[np.bool_]]:
        found = read_labels(folder / "labels" / f"{name}.nii.gz")
        i, j, k = np.round(volume.grid.to_index(found.grid.origin_mm)).astype(int)
        n_k, n_j, n_i = found.array.shape
        whole = np.zeros(volume.array.shape, dtype=bool)
        whole[k : k + n_k, j : j + n_j, i : i + n_i] = found.array > 0
        return whole

    true_lumen = reference("aorta_true_lumen")
    overlap = dice(labels.array == 1, true_lumen)
    rows = [row("imaging-ct-true-lumen", overlap, "1", ">= 0.86", overlap >= 0.86, "Dice against a network's label")]
    progress(0.4, "Model and mesh of the sample")
    try:
        model = build_model(labels, volume, preset.ends_at(stored))
        rows += _both_lumens(volume, labels, model.centerlines, true_lumen | reference("aorta_false_lumen"))
        quality = assess(mesh_model(model), model)
        how = f"{quality.n_cells} cells, least scaled Jacobian {quality.min_scaled_jacobian:.3f}"
        rows.append(row("imaging-ct-mesh", 1, "1", "= 1", quality.is_watertight and quality.is_tagged, how))
    except ImagingError as refusal:
        rows.append(row("imaging-ct-mesh", 0, "1", "= 1", False, refusal.message))
    return rows


def _both_lumens(
    volume: Volume, labels: LabelMap, tree: CenterlineTree, both: np.ndarray[Any, np.dtype[np.bool_]]
) -> list[Row]:
    """True and false lumen, thrombus and flap included, against the references."""
    from imaging.segmentation.agreement import dice
    from imaging.segmentation.outer_wall import WALL, find_outer_wall

    started = time.process_time()
    wall = find_outer_wall(volume, labels, tree, FALSE_LUMEN_OF_SAMPLE).labels.array
    seconds = time.process_time() - started
    found = (wall > 0) & (wall != WALL)
    first = int(np.flatnonzero((labels.array > 0).any(axis=(1, 2)))[0])
    whole, within = dice(found, both), dice(found[first:], both[first:])
    below = 100.0 * both[:first].sum() / both.sum()
    how = f"Dice of lumen, false lumen, thrombus and flap with both lumens; {below:.1f} % of the reference lies below"
    how += f" the model's end. With the wall {dice(wall > 0, both):.3f}"
    return [
        row("imaging-ct-both-lumens", whole, "1", ">= 0.88", whole >= 0.88, how),
        row("imaging-ct-both-lumens-in-model", within, "1", "-", True, "the same above the model's end, no goal"),
        row("imaging-ct-outer-wall-time", seconds, "s", "<= 15", seconds <= 15.0, "processor time"),
    ]


def centerline_speed_rows(progress: Progress) -> list[Row]:
    """Centerlines of a tree with fifteen branches."""
    from app.workflow.bench_phantoms import fifteen_branches
    from imaging.surface.model import build_model

    labels, ends = fifteen_branches()
    started = time.perf_counter()
    at: dict[str, float] = {}

    def watch(fraction: float, text: str) -> None:
        at[text] = time.perf_counter() - started
        progress(fraction, text)

    model = build_model(labels, None, ends, progress=watch)
    seconds = at["Cutting the ends"] - at["Finding paths through the lumen"]
    n = len(model.centerlines.branches)
    how = (
        f"{n} branches, {model.notes[0] if model.notes else ''} All of the model: {time.perf_counter() - started:.1f} s"
    )
    return [row("imaging-centerlines-15", seconds, "s", "<= 20", seconds <= 20.0, how)]
