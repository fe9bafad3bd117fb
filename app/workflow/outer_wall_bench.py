"""How well the outer wall of an aorta, thrombus and false lumen are found in drawn aortas whose truth is known."""

from __future__ import annotations

import time
from typing import Any

import numpy as np

from imaging.types import Progress

SEED = 72_000
"""No test and no trial uses seeds from here on."""
_N = 6
_END_MM = 8.0
"""Nearer to an end nothing is compared: the vessel goes on in the scan, but not in the labels."""
Row = dict[str, Any]


def outer_wall_rows(progress: Progress) -> list[Row]:
    """Healthy and dissected aortas and aneurysms with thrombus, 0.7 to 1.5 mm, noise of 15 to 30 HU."""
    from imaging.segmentation.agreement import dice
    from imaging.segmentation.outer_wall import FALSE_LUMEN, THROMBUS, find_outer_wall
    from imaging.segmentation.wall_measures import measures_of
    from sample_data.phantoms.aortic_wall import WallKind, aortic_wall_phantom

    rng = np.random.default_rng(SEED)
    kinds: tuple[WallKind, ...] = ("healthy", "dissection", "aneurysm")
    found: dict[str, dict[str, list[float]]] = {kind: {} for kind in kinds}
    seconds = []
    for number in range(_N * len(kinds)):
        kind = kinds[number % len(kinds)]
        spacing, noise = round(float(rng.uniform(0.7, 1.5)), 2), float(rng.uniform(15.0, 30.0))
        progress(number / (_N * len(kinds)), f"{kind}, {spacing:g} mm")
        phantom = aortic_wall_phantom(kind, SEED + number, spacing, noise)
        started = time.process_time()
        wall = find_outer_wall(phantom.volume, phantom.lumen, phantom.tree, phantom.false_lumen_mm)
        seconds.append(time.process_time() - started)
        clear = slice(int(_END_MM / spacing), -int(_END_MM / spacing))
        mine, truth = wall.labels.array[clear], phantom.truth.array[clear]
        figures = {"outer": dice(mine > 0, truth > 0), "off": measures_of(wall).largest_mm - phantom.largest_mm}
        for label, name in ((FALSE_LUMEN, "false lumen"), (THROMBUS, "thrombus")):
            figures[f"{name} mL"] = float((mine == label).sum()) * phantom.volume.grid.voxel_volume_ml
            figures[f"{name} true mL"] = float((truth == label).sum()) * phantom.volume.grid.voxel_volume_ml
            if (truth == label).any():
                figures[name] = dice(mine == label, truth == label)
        for name, value in figures.items():
            found[kind].setdefault(name, []).append(value)
    rows: list[Row] = []

    def add(name: str, value: float, unit: str, goal: str, is_met: bool, how: str) -> None:
        full = {"name": f"imaging-outer-wall-{name}", "value": round(value, 4), "unit": unit, "goal": goal}
        rows.append({**full, "met": is_met, "how": how})

    for kind in kinds:
        outer, off = found[kind]["outer"], np.abs(found[kind]["off"])
        least = min(outer)
        add(kind, least, "1", ">= 0.95", least >= 0.95, f"least Dice of all within the wall: {_told(outer, 3)}")
        how = f"mean error of the largest outer diameter: {_told(found[kind]['off'], 1)}"
        add(f"{kind}-diameter", float(off.mean()), "mm", "-", True, how)
    made_up = max(found["healthy"]["thrombus mL"])
    how = f"most thrombus in a healthy aorta: {_volumes(found, 'healthy')}"
    add("made-up", made_up, "mL", "<= 2", made_up <= 2.0, how)
    for kind in ("aneurysm", "dissection"):
        values = found[kind]["thrombus"]
        how = f"mean Dice of thrombus: {_told(values, 3)}; {_volumes(found, kind)}"
        add(f"{kind}-thrombus", float(np.mean(values)), "1", ">= 0.8", float(np.mean(values)) >= 0.8, how)
    values = found["dissection"]["false lumen"]
    how = f"least Dice of the filled false lumen: {_told(values, 3)}"
    add("false-lumen", min(values), "1", ">= 0.9", min(values) >= 0.9, how)
    longest = max(seconds)
    add("time", longest, "s", "<= 15", longest <= 15.0, "most processor time for one of 120 mm")
    return rows


def _told(values: list[float], digits: int) -> str:
    return ", ".join(f"{value:.{digits}f}" for value in values)


def _volumes(found: dict[str, dict[str, list[float]]], kind: str) -> str:
    pairs = zip(found[kind]["thrombus mL"], found[kind]["thrombus true mL"], strict=True)
    return "mL of thrombus " + ", ".join(f"{mine:.1f} ({true:.1f} true)" for mine, true in pairs)
