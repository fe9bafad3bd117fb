"""Curves over the beat and along the main vessel."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from matplotlib.ticker import MaxNLocator

from app.reports import style
from app.workflow.result_files import BranchProfile, CapWaveform

_MOST_IN_LEGEND = 10
_LABEL = {"fontsize": style.SMALLEST_PT, "color": style.INK, "labelpad": 1.5}


def waveform_picture(
    times_s: Sequence[float],
    period_s: float,
    waveforms: Sequence[CapWaveform],
    quantity: str,
    size_pt: tuple[float, float],
    target: tuple[float, float] | None = None,
    turn: str = "beat",
) -> Any:
    """``flow_ml_s`` or ``pressure_mmhg`` of every opening over the beat, as a Matplotlib figure.

    Parameters
    ----------
    target
        Two values drawn as dotted lines: the pressures that the outlets were tuned for.
    turn
        What the curves are shown over.
    """
    drawn = style.figure(*size_pt)
    axes = _axes(drawn, size_pt)
    for number, waveform in enumerate(waveforms, start=1):
        axes.plot(
            times_s,
            getattr(waveform, quantity),
            color=style.opening_color(number),
            linestyle=style.opening_dashes(number),
            linewidth=1.3 if number == 1 else 0.9,
            label=str(number),
        )
    for value in target or ():
        axes.axhline(value, color=style.MUTED, linewidth=0.6, linestyle=":", zorder=0)
    axes.set_xlim(0.0, period_s)
    axes.set_xlabel(f"time in the {turn} [s]", **_LABEL)
    axes.set_ylabel({"flow_ml_s": "mL/s", "pressure_mmhg": "mmHg"}[quantity], **_LABEL)
    axes.margins(y=0.06)
    if len(waveforms) <= _MOST_IN_LEGEND:
        axes.legend(
            fontsize=style.SMALLEST_PT,
            ncols=1 + (len(waveforms) - 1) // 5,
            frameon=False,
            loc="upper right",
            handlelength=1.4,
            handletextpad=0.4,
            columnspacing=0.8,
            labelspacing=0.15,
            borderaxespad=0.2,
        )
    return drawn


def along_picture(
    profile: BranchProfile, span_mm: tuple[float, float], narrowest_at_mm: float, size_pt: tuple[float, float]
) -> Any:
    """Mean pressure and inscribed radius along a vessel, as a Matplotlib figure.

    Parameters
    ----------
    span_mm
        Where on the profile the anatomy begins and ends; the flow extensions beyond are left out.
    narrowest_at_mm
        Distance of the smallest radius from where the anatomy begins.
    """
    along = np.asarray(profile.abscissa_mm)
    shown = (along >= span_mm[0]) & (along <= span_mm[1])
    distance = along - span_mm[0]
    drawn = style.figure(*size_pt)
    axes = _axes(drawn, size_pt, right_pt=26.0)
    if shown.sum() < 2:
        axes.text(0.5, 0.5, "not known", transform=axes.transAxes, ha="center", fontsize=style.SMALLEST_PT)
        return drawn
    beside = axes.twinx()
    beside.fill_between(distance[shown], 0.0, np.asarray(profile.radius_mm)[shown], color="#dfe4e8", linewidth=0.0)
    beside.set_ylim(0.0, 1.6 * float(np.max(np.asarray(profile.radius_mm)[shown])))
    beside.set_ylabel("radius [mm]", **(_LABEL | {"color": style.MUTED}))
    beside.axvline(narrowest_at_mm, color=style.MUTED, linewidth=0.7, linestyle="--")
    axes.plot(distance[shown], np.asarray(profile.pressure_mean_mmhg)[shown], color=style.ACCENT, linewidth=1.3)
    axes.set_zorder(beside.get_zorder() + 1)
    axes.patch.set_visible(False)
    axes.set_xlim(0.0, span_mm[1] - span_mm[0])
    axes.margins(y=0.1)
    axes.set_xlabel("distance from the inlet [mm]", **_LABEL)
    axes.set_ylabel("mmHg", **(_LABEL | {"color": style.ACCENT}))
    axes.yaxis.set_major_locator(MaxNLocator(5, integer=True))
    for side in (axes, beside):
        side.tick_params(labelsize=style.SMALLEST_PT, length=2.0, width=0.5, pad=1.5)
    for spine in ("top", "left", "bottom"):
        beside.spines[spine].set_visible(False)
    beside.spines["right"].set_linewidth(0.5)
    return drawn


def _axes(drawn: Any, size_pt: tuple[float, float], right_pt: float = 9.0) -> Any:
    left, bottom, top = 27.0, 19.0, 4.0
    width, height = size_pt
    axes = drawn.add_axes(
        (left / width, bottom / height, 1.0 - (left + right_pt) / width, 1.0 - (bottom + top) / height)
    )
    axes.tick_params(labelsize=style.SMALLEST_PT, length=2.0, width=0.5, pad=1.5)
    axes.grid(color="#e6eaed", linewidth=0.4)
    axes.set_axisbelow(True)
    for spine in ("top", "right"):
        axes.spines[spine].set_visible(False)
    for spine in ("left", "bottom"):
        axes.spines[spine].set_linewidth(0.5)
    return axes
