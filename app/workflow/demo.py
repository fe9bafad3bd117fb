"""The main job on a real scan, from CT to report, with what was measured on the way in ``summary.json``."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

from app.case.bundle import OpenCase
from app.case.errors import CaseError
from app.case.records import Record
from app.workflow.memory import PeakMemory
from app.workflow.samples import import_sample
from app.workflow.simulate import default_n_ranks, follow_run, start_run
from app.workflow.steps import run_step
from imaging.types import Progress

SAMPLE_ID = "thoracic_ct"
MADE = ("thoracic_ct.case", "report.pdf", "summary.json", "screenshots")


def run_demo(out: Path, progress_of: Callable[[str], Progress], *, n_ranks: int | None = None) -> dict[str, Any]:
    """Fetch the sample, take it from CT to PDF, and measure.

    Parameters
    ----------
    out
        Folder for the case bundle, ``report.pdf``, ``screenshots/`` and ``summary.json``; what an earlier demo left
        there is replaced.
    progress_of
        Gives the progress to show for a step's name.
    n_ranks
        Processes of the solver; by default one for each of at most two cores.

    Returns
    -------
    dict
        The content of ``summary.json``.
    """
    _clear(out)
    started = time.perf_counter()
    with PeakMemory() as memory:
        case_folder = out / MADE[0]
        import_sample(SAMPLE_ID, case_folder, progress_of("import"))
        with OpenCase.open(case_folder) as opened:
            records = {name: run_step(opened, name, None, progress_of(name)) for name in ("segment", "model", "mesh")}
            records["simulate"] = run_step(opened, "simulate", None, progress_of("prepare"))
            folder = start_run(opened, n_ranks or default_n_ranks())
            follow_run(folder, progress_of("simulate"))
            records["results"] = run_step(opened, "results", None, progress_of("results"))
            records["report"] = run_step(opened, "report", None, progress_of("report"))
            shutil.copyfile(opened.path_of(records["report"].files["pdf"]), out / "report.pdf")
            agreement = compare_with_references(opened)
        to_report_s = time.perf_counter() - started
        screenshots = _screenshots(case_folder, out / "screenshots")
    summary = _summary(case_folder, records, agreement)
    summary |= {
        "report": "report.pdf",
        "screenshots": screenshots,
        "ct_to_report_s": round(to_report_s, 1),
        "total_wall_s": round(time.perf_counter() - started, 1),
        "peak_rss_mb": round(memory.peak_mb),
    }
    (out / "summary.json").write_text(json.dumps(summary, indent=1) + "\n", encoding="utf-8")
    return summary


def compare_with_references(opened: OpenCase) -> dict[str, float]:
    """Dice and 95th-percentile surface distance of the segmented aorta against the sample's reference labels.

    The references are a segmentation network's output, on a cropped grid of the same voxels.
    """
    import numpy as np

    from imaging.segmentation.agreement import dice, hd95_mm
    from imaging.volume_io import read_labels
    from sample_data.loader import fetch_case

    sample = fetch_case(SAMPLE_ID)
    record = opened.case.current("segmentation")
    assert record is not None
    labels = read_labels(opened.path_of(record.files["labels"]))
    aorta = labels.array == next(value for value, name in labels.names.items() if name == "aorta")
    found = {}
    for name, key in (("aorta_true_lumen", "true_lumen"), ("aorta", "whole_aorta")):
        reference = read_labels(sample.labels[name])
        low = np.rint(labels.grid.to_index(reference.grid.origin_mm)).astype(int)
        region = tuple(slice(a, a + n) for a, n in zip(low[::-1], reference.array.shape, strict=True))
        if reference.grid.direction != labels.grid.direction or not np.allclose(
            labels.grid.to_lps(low), reference.grid.origin_mm, atol=1e-3
        ):
            raise CaseError("reference_off_grid", f"The reference label {name} does not lie on the voxels of the scan.")
        whole = np.zeros_like(aorta)
        whole[region] = reference.array > 0
        found[f"dice_{key}"] = round(dice(aorta, whole), 4)
        found["hd95_mm" if key == "true_lumen" else f"hd95_{key}_mm"] = round(
            hd95_mm(aorta, whole, labels.grid.spacing_mm), 2
        )
    return found


def _clear(out: Path) -> None:
    if out.exists() and any(child.name not in MADE for child in out.iterdir()):
        raise CaseError(
            "out_not_empty", f"The folder {out.name} holds other files: name a folder that is empty or new."
        )
    for name in MADE:
        target = out / name
        shutil.rmtree(target, ignore_errors=True) if target.is_dir() else target.unlink(missing_ok=True)
    out.mkdir(parents=True, exist_ok=True)


def _screenshots(case_folder: Path, folder: Path) -> list[str]:
    if not os.environ.get("DISPLAY"):
        return []
    command = [sys.executable, "-m", "app.desktop.capture", str(case_folder), str(folder)]
    done = subprocess.run(command, capture_output=True, encoding="utf-8", check=False)
    if done.returncode != 0:
        raise CaseError("no_screenshots", f"The window could not be photographed: {done.stderr.strip()[-300:]}")
    return sorted(f"{folder.name}/{path.name}" for path in folder.glob("*.png"))


def _summary(case_folder: Path, records: dict[str, Record], agreement: dict[str, float]) -> dict[str, Any]:
    with OpenCase.open(case_folder, writable=False) as opened:
        image = opened.case.current("image")
    assert image is not None
    model, mesh, results = (records[name].facts for name in ("model", "mesh", "results"))
    return {
        "case": case_folder.name,
        "volume": {"size": image.facts["size"], "spacing_mm": image.facts["spacing_mm"]},
        "segmentation": {**agreement, "seconds": records["segment"].recipe.seconds},
        "surface": {
            "watertight": model["is_watertight"],
            "volume_ml": model["model_volume_ml"],
            "n_outlets": model["n_outlets"],
            "seconds": records["model"].recipe.seconds,
        },
        "mesh": {
            "n_cells": mesh["n_cells"],
            "n_boundary_layers": mesh["n_boundary_layers"],
            "min_scaled_jacobian": mesh["min_scaled_jacobian"],
            "seconds": records["mesh"].recipe.seconds,
        },
        "run": results["run"],
        "results": {name: results[name] for name in ("pressure_drop_mmhg", "flow_split", "tawss_pa", "osi_max")},
    }
