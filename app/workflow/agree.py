"""How well two segmentations agree: overlap, surface distance, volumes, diameters by vessel, and where they differ."""

from __future__ import annotations

import math
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from app.case.bundle import OpenCase
from app.case.errors import CaseError
from imaging.segmentation.agreement import VesselAgreement, compare_labels, on_grid_of
from imaging.types import LabelMap, Progress, silent

_BOTH, _FIRST, _SECOND = "#9aa4ae", "#e8590c", "#1c7ed6"


@dataclass(frozen=True)
class Agreement:
    """Two segmentations held against each other; ``vessels`` begins with the whole."""

    vessels: tuple[VesselAgreement, ...]
    is_resampled: bool
    picture: Path | None

    def to_json(self) -> dict[str, Any]:
        """As plain JSON values; what has no number is null."""
        rows = [
            {k: None if isinstance(v, float) and math.isnan(v) else v for k, v in asdict(r).items()}
            for r in self.vessels
        ]
        return {
            "vessels": rows,
            "is_resampled": self.is_resampled,
            "picture": self.picture.name if self.picture is not None else None,
        }

    def to_text(self) -> str:
        """A table, one vessel a line."""
        lines = ["vessel                  Dice   HD95 mm   first mL  second mL   diameter first  second  difference mm"]
        for row in self.vessels:
            lines.append(
                f"{row.name:<22}{row.dice:6.3f}{row.hd95_mm:10.2f}{row.first_ml:11.2f}{row.second_ml:11.2f}"
                f"{row.first_diameter_mm:17.2f}{row.second_diameter_mm:8.2f}"
                f"{row.diameter_difference_mm:9.2f} ± {row.diameter_spread_mm:.2f}"
            )
        if self.is_resampled:
            lines.append("The second one is on another grid and was brought onto the first one's (nearest voxel).")
        return "\n".join(lines)


def agree(first: Path, second: Path, picture: Path | None = None, progress: Progress = silent) -> Agreement:
    """Hold two segmentations against each other.

    Parameters
    ----------
    first, second
        A label map (NRRD, NIfTI, MHA) or a case folder, whose current segmentation counts.
    picture
        Where to write a PNG that shows where they differ.

    Raises
    ------
    CaseError, ImagingError
        Those of reading; ``empty_label``; ``no_overlap`` when the two lie in different places.
    """
    progress(0.0, "Reading")
    a, b = _labels_of(first), _labels_of(second)
    resampled, is_resampled = on_grid_of(b, a.grid)
    progress(0.3, "Comparing")
    rows = compare_labels(a, resampled)
    if picture is not None:
        progress(0.8, "Drawing where they differ")
        _draw(a, resampled, rows[0], picture)
    progress(1.0, "Compared")
    return Agreement(tuple(rows), is_resampled, picture)


def _labels_of(path: Path) -> LabelMap:
    from imaging.volume_io import read_labels

    if not path.is_dir():
        return read_labels(path)
    with OpenCase.open(path, writable=False) as opened:
        record = opened.case.current("segmentation")
        if record is None:
            raise CaseError("step_missing", f"The case {path.name} has no segmentation yet: run Segment first.")
        return read_labels(opened.path_of(record.files["labels"]))


def _draw(a: LabelMap, b: LabelMap, whole: VesselAgreement, path: Path) -> None:
    """Three views through the volume, and the slice in which the two differ most; in mm, patient directions named."""
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure

    first, second = a.array > 0, b.array > 0
    any_ = np.argwhere(first | second)
    low, high = np.maximum(any_.min(axis=0) - 3, 0), any_.max(axis=0) + 4
    part = tuple(slice(int(x), int(y)) for x, y in zip(low, high, strict=True))
    first, second = first[part], second[part]
    spacing = np.asarray(a.grid.spacing_mm[::-1])
    figure = Figure(figsize=(11.0, 8.0), layout="constrained")
    FigureCanvasAgg(figure)
    figure.suptitle(
        f"Dice {whole.dice:.3f}   HD95 {whole.hd95_mm:.2f} mm   first {whole.first_ml:.2f} mL   "
        f"second {whole.second_ml:.2f} mL"
    )
    panels = figure.subplots(2, 2)
    directions = np.asarray(a.grid.direction).reshape(3, 3)[:, ::-1]  # columns: k, j, i in LPS
    for panel, axis in zip(panels.ravel()[:3], (0, 1, 2), strict=True):
        counts = [mask.sum(axis) for mask in (first & second, first & ~second, second & ~first)]
        _show(panel, counts, spacing, directions, axis)
        panel.set_title("through all slices" if axis == 0 else f"through all, along {_axis_name(directions[:, axis])}")
    worst = int(np.argmax((first ^ second).sum(axis=(1, 2))))
    panel = panels[1, 1]
    f, s = first[worst].astype(int), second[worst].astype(int)
    _show(panel, [f & s, f & ~s, s & ~f], spacing, directions, 0)
    *_, z = a.grid.to_lps((low[2], low[1], low[0] + worst))
    panel.set_title(f"slice {int(low[0]) + worst + 1}, in which they differ most (H {z:.1f} mm)")
    for color, word in ((_BOTH, "both"), (_FIRST, "first only"), (_SECOND, "second only")):
        panel.plot([], [], "s", color=color, label=word)
    panel.legend(loc="upper right", fontsize=8)
    figure.savefig(path, dpi=110)


def _show(panel: Any, of_each: list[NDArray[Any]], spacing: NDArray[Any], directions: NDArray[Any], axis: int) -> None:
    """Numbers of voxels along each ray (of both, the first only, the second only) as colors in their shares."""
    from matplotlib.colors import to_rgb

    counts = np.stack(of_each, axis=-1).astype(float)
    total = counts.sum(axis=-1, keepdims=True)
    colors = np.array([to_rgb(color) for color in (_BOTH, _FIRST, _SECOND)])
    image = np.where(total > 0, counts / np.maximum(total, 1.0) @ colors, 1.0)
    row, column = (n for n in range(3) if n != axis)
    height, width = counts.shape[0] * spacing[row], counts.shape[1] * spacing[column]
    if axis == 0:
        panel.imshow(image, extent=(0.0, width, height, 0.0), interpolation="nearest")
    else:  # slices are stacked upward
        panel.imshow(image, extent=(0.0, width, 0.0, height), origin="lower", interpolation="nearest")
    panel.set_xlabel(f"{_axis_name(directions[:, column])}  [mm]")
    panel.set_ylabel(f"{_axis_name(directions[:, row])}  [mm]")


def _axis_name(direction: NDArray[Any]) -> str:
    from imaging.frames import orientation_letters

    return f"{orientation_letters(-direction)}–{orientation_letters(direction)}"
