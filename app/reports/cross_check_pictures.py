"""Curves of a cross-check: the 3D run and its reduced models in each vessel."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from matplotlib.ticker import MaxNLocator

from app.case.errors import CaseError
from app.reports import style
from app.workflow.cross_check_result import CrossCheck, ModelId, VesselCheck

MOST_VESSELS = 8
LINES: dict[ModelId, tuple[str, str, float]] = {
    "3d": (style.INK, "-", 1.3),
    "1d": ("#0072b2", "-", 0.9),
    "0d": ("#d55e00", "--", 0.9),
    "1d_elastic": (style.MUTED, ":", 0.9),
}
"""Color, dashes and width [pt] of each model."""
_LABEL = {"fontsize": style.SMALLEST_PT, "color": style.INK, "labelpad": 1.5}


def shown_vessels(check: CrossCheck) -> tuple[VesselCheck, ...]:
    """Those whose curves are drawn: with alarms first, then those with outlets, at most ``MOST_VESSELS``."""
    compared = [vessel for vessel in check.vessels if vessel.curves]
    first = sorted(compared, key=lambda vessel: (not vessel.is_alarm, not vessel.outlet))[:MOST_VESSELS]
    return tuple(vessel for vessel in compared if vessel in first)


def curves_picture(check: CrossCheck, size_pt: tuple[float, float]) -> Any:
    """Flow and pressure of every model over the beat, a column for each vessel, as a Matplotlib figure.

    In steady flow a bar for each model.
    """
    drawn = style.figure(*size_pt)
    vessels = shown_vessels(check)
    width, height = size_pt
    grid = drawn.subplots(2, len(vessels), squeeze=False, sharex="col")
    drawn.subplots_adjust(
        left=30.0 / width,
        right=1.0 - 5.0 / width,
        bottom=34.0 / height,
        top=1.0 - 13.0 / height,
        wspace=0.32,
        hspace=0.1,
    )
    for column, vessel in enumerate(vessels):
        name = vessel.name.replace("_", " ")
        grid[0, column].set_title(
            name, fontsize=style.SMALLEST_PT, color=style.MISSED if vessel.is_alarm else style.INK, pad=3.0
        )
        for row, quantity in enumerate(("flow_ml_s", "pressure_mmhg")):
            axes = grid[row, column]
            for number, model in enumerate(check.models):
                curve = vessel.curve(model.id)
                if curve is None:
                    continue
                color, dashes, thick = LINES[model.id]
                values = getattr(curve, quantity)
                if check.is_steady:
                    axes.plot([number], values[:1], "o", color=color, markersize=3.0, label=model.label)
                else:
                    axes.plot(check.times_s, values, color=color, linestyle=dashes, linewidth=thick, label=model.label)
            axes.tick_params(labelsize=style.SMALLEST_PT, length=2.0, width=0.5, pad=1.5)
            axes.yaxis.set_major_locator(MaxNLocator(4))
            axes.xaxis.set_major_locator(MaxNLocator(3))
            axes.grid(color="#e6eaed", linewidth=0.4)
            axes.spines[["top", "right"]].set_visible(False)
            axes.spines[["left", "bottom"]].set_linewidth(0.5)
            if check.is_steady:
                axes.set_xticks([])
        if not check.is_steady:
            grid[1, column].set_xlabel("time in the beat [s]", **_LABEL)
    grid[0, 0].set_ylabel("flow [mL/s]", **_LABEL)
    grid[1, 0].set_ylabel("pressure [mmHg]", **_LABEL)
    drawn.align_ylabels(grid[:, 0])
    handles, labels = grid[0, 0].get_legend_handles_labels()
    drawn.legend(
        handles,
        labels,
        loc="lower center",
        ncols=len(labels),
        frameon=False,
        fontsize=style.SMALLEST_PT,
        borderaxespad=0.1,
    )
    return drawn


def write_plot(check: CrossCheck, path: Path) -> None:
    """Draw the curves to a file; CaseError ``cannot_write``."""
    width = max(300.0, 130.0 * len(shown_vessels(check)) + 40.0)
    try:
        curves_picture(check, (width, 260.0)).savefig(path, dpi=style.DOTS_PER_INCH)
    except (OSError, ValueError) as error:
        raise CaseError("cannot_write", f"The plot cannot be written to {path}: {error}.") from error
