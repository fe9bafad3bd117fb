"""What a trace of a head said of its carotids, as a picture: a beat of it with the fit, and the band."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from app import NOT_FOR_DIAGNOSIS
from app.case.errors import CaseError
from app.reports import style
from app.workflow.head_motion import HeadFit
from imaging.types import FloatArray

AXES = ("to the left", "to the back", "up")
SIZE_PT = (560.0, 250.0)


def save_picture(fit: HeadFit, file: Path) -> None:
    """Write it as PNG or PDF; CaseError ``cannot_write``."""
    drawn = style.figure(*SIZE_PT)
    drawn.set_layout_engine("constrained")
    motion, band = drawn.subplots(1, 2)
    per_beat, unit, factor = np.linspace(0.0, 1.0, 200), "µm", 1e6
    if fit.kind == "acceleration":
        unit, factor = "mm/s²", 1e3
    for number, name in enumerate(AXES):
        color = style.opening_color(number + 2)
        for harmonics, dashes in ((fit.pulse.amplitudes, "-"), (fit.fitted, "--")):
            curve = factor * _beat(harmonics[number], per_beat)
            motion.plot(
                60.0 / fit.pulse.heart_rate * per_beat,
                curve,
                dashes,
                color=color,
                linewidth=1.3 if dashes == "-" else 0.8,
                label=name if dashes == "-" else None,
            )
    motion.set_xlabel("time in the beat [s]", fontsize=8)
    motion.set_ylabel(f"{fit.kind} [{unit}]", fontsize=8)
    motion.set_title("mean beat of the trace, and the best fit (dashed)", fontsize=8)
    motion.legend(fontsize=7, frameon=False)
    band.hist(fit.samples, bins=np.arange(-100.0, 101.0, 5.0), color=style.ACCENT, weights=_parts(fit.samples))
    for side in (-1.0, 1.0):
        band.axvspan(side * fit.low, side * fit.high, color=style.TILE, zorder=0)
    band.set_xlim(-100.0, 100.0)
    ticks = np.arange(-100, 101, 25)
    band.set_xticks(ticks, [str(abs(int(tick))) for tick in ticks])
    band.set_xlabel("right  ←  stenosis [% of the diameter]  →  left", fontsize=8)
    band.set_ylabel("probability in 5 % [%]", fontsize=8)
    band.set_title(fit.sentence, fontsize=8)
    for axes in (motion, band):
        axes.tick_params(labelsize=7)
        axes.grid(linewidth=0.3)
        axes.set_axisbelow(True)
    drawn.suptitle(
        f"Carotid stenosis from head motion: a reconstruction of Chakshu et al. 2019. {NOT_FOR_DIAGNOSIS}",
        fontsize=8,
        color=style.BANNER,
    )
    try:
        drawn.savefig(file)
    except OSError as error:
        raise CaseError("cannot_write", f"The plot cannot be written to {file} ({error.strerror}).") from error


def _beat(harmonics: FloatArray, per_beat: FloatArray) -> FloatArray:
    waves = np.exp(2j * np.pi * np.outer(per_beat, np.arange(1, len(harmonics) + 1)))
    return np.asarray((waves @ harmonics).real)


def _parts(samples: FloatArray) -> FloatArray:
    return np.full(len(samples), 100.0 / len(samples))
