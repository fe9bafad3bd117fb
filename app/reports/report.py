"""The report as a whole: pictures of the case on a page of its numbers."""

from __future__ import annotations

from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any
from xml.sax.saxutils import escape

import numpy as np

from app.reports import style
from app.reports.anatomy import main_vessel, vessels_of
from app.reports.answer_pages import Section, draw_section
from app.reports.content import Content
from app.reports.cross_check_page import draw_cross_check
from app.reports.ct_pictures import Window, slice_picture
from app.reports.curve_pictures import along_picture, waveform_picture
from app.reports.page import TALL, WIDE, Page, Row, lay_out, without_scan
from app.reports.page_text import words_of
from app.reports.rendering import Renderings, peak_flow_frame, render
from app.reports.tags import Tag
from app.reports.vessel_pictures import Bar, model_picture, result_picture
from app.reports.views import AXIAL, View, plane_of, widest_view
from app.workflow.result_files import ResultData
from imaging.types import LabelMap, Progress, VesselModel, Volume

_NEAR_RADII, _NEAR_MM = 3.0, (15.0, 45.0)
"""How far an axial slice reaches to either side of the narrowest place: in largest radii, and at least and at most."""


@dataclass(frozen=True, eq=False)
class Sources:
    """What the pictures are made of. ``view`` is that of the vessels; None chooses the widest.

    ``scan`` is the volume and its labels, or None when the case begins with a surface; ``sections`` are the answers of
    assessments.
    """

    scan: tuple[Volume, LabelMap] | None
    model: VesselModel
    result: ResultData
    window: Window
    view: View | None = None
    sections: tuple[Section, ...] = ()


def write_report(content: Content, sources: Sources, path: Path, progress: Progress) -> str:
    """Write a report as a PDF of one page, one more for the cross-check if there is one, and those of the assessments.

    Returns
    -------
    str
        Why the vessels could not be drawn in 3D; empty when they could.
    """
    result = sources.result
    view = sources.view or widest_view(result.wall_points_mm.astype(float))
    progress(0.0, "Drawing the vessels")
    renderings = render(result, content.tawss_pa["p99"], view, progress, 0.3)
    progress(0.6, "Drawing slices and curves")
    left, right, bottom, top = renderings.extent_mm
    is_tall = top - bottom > right - left
    rows: tuple[Row, ...] = TALL if is_tall else WIDE
    rows = rows if sources.scan is not None else without_scan(rows)
    page = lay_out(content, _captions(content, sources, renderings), rows)
    drawn = _figures(content, sources, renderings, page, "horizontal" if is_tall else "vertical")
    progress(0.8, "Writing the page")
    check = content.cross_check
    further = [] if check is None else [partial(draw_cross_check, check=check)]
    problems = [renderings.problem]

    def add_answer(canvas: Any, section: Section) -> None:
        problems.append(draw_section(canvas, section, lambda fraction, text: progress(0.8 + 0.19 * fraction, text)))

    further += [partial(add_answer, section=section) for section in sources.sections]
    page.write(path, content.title, {name: style.image_of(figure) for name, figure in drawn.items()}, further)
    progress(1.0, "Page written")
    return next(filter(None, problems), "")


def _captions(content: Content, sources: Sources, renderings: Renderings) -> dict[str, str]:
    window, vessel = sources.window, escape(words_of(content.narrowest.vessel))
    at_peak_s = sources.result.times_s[peak_flow_frame(sources.result)]
    hu = f"{window.width_hu:.0f}/{window.level_hu:.0f} HU"
    speed, pressure, stress = "Speed at peak inflow", "Mean pressure", "TAWSS"
    if content.is_steady:
        speed, pressure, stress = "Speed", "Pressure", "Wall shear stress"
    when = "" if content.is_steady else f", {at_peak_s:.2f} s"
    return {
        "slice": "<b>CT, axial</b>, narrowest place (arrow)",
        "plane": f"<b>CT, {plane_of(_main_points(sources)).name}</b>; yellow: segmented lumen; window {hu}",
        "model": f"<b>Vessel model</b>, {renderings.view.name}; openings numbered as in the table; gray: flow "
        "extensions",
        "pressure": f"<b>{pressure}</b> [mmHg]; colors: 1st to 99th percentile",
        "stress": f"<b>{stress}</b> [Pa]; colors: 0 to 99th percentile; maximum {content.tawss_pa['max']:.3g}",
        "speed": f"<b>{speed}</b>: no streamlines were computed"
        if not len(sources.result.streamlines.frame)
        else f"<b>{speed}</b> [m/s]{when}; colors: 0 to 99th percentile",
        "flow_curve": "<b>Flow</b> [mL/s]: 1 in, the others out",
        "pressure_curve": "<b>Pressure</b> [mmHg]"
        + (f"; dotted: target at {content.target.site}" if content.target else ""),
        "along_curve": f"<b>Along the {vessel}</b>: {pressure.lower()} (blue), radius (gray), narrowest (dashed)",
    }


def _figures(content: Content, sources: Sources, renderings: Renderings, page: Page, bar: Bar) -> dict[str, Any]:
    result = sources.result
    size = {name: box.size_pt for name, box in page.boxes.items()}
    main = main_vessel(vessels_of(sources.model))
    narrow = np.asarray(main.narrowest.position_mm)
    reach = float(np.clip(_NEAR_RADII * main.radius_mm.max(), *_NEAR_MM))
    near = narrow + reach * np.array([[-1.0, 0.0, 0.0], [1.0, 0.0, 0.0]])
    profile = next(profile for profile in result.profiles if profile.name == main.name)
    starts = sources.model.extension_start_mm
    placed = {patch.name: starts.get(patch.id, patch.center_mm) for patch in sources.model.patches}
    tags = [
        Tag(number, words_of(wave.name), placed[wave.name]) for number, wave in enumerate(result.waveforms, start=1)
    ]
    waves = (result.waveform_times_s, result.period_s, result.waveforms)
    turn = "last filling" if content.is_steady else "beat"
    plane = plane_of(main.points_mm)
    target = (content.target.systolic_mmhg, content.target.diastolic_mmhg) if content.target else None
    slices = {}
    if sources.scan is not None:
        slices = {
            "slice": slice_picture(*sources.scan, AXIAL, near, sources.window, size["slice"], narrow),
            "plane": slice_picture(*sources.scan, plane, main.points_mm, sources.window, size["plane"]),
        }
    return slices | {
        "model": model_picture(renderings, tags, size["model"]),
        "pressure": result_picture(renderings, 1, renderings.pressure_mmhg, "mmHg", size["pressure"], bar),
        "stress": result_picture(renderings, 2, renderings.stress_pa, "Pa", size["stress"], bar),
        "speed": result_picture(renderings, 3, renderings.speed_m_s, "m/s", size["speed"], bar),
        "flow_curve": waveform_picture(*waves, "flow_ml_s", size["flow_curve"], turn=turn),
        "pressure_curve": waveform_picture(*waves, "pressure_mmhg", size["pressure_curve"], target, turn),
        "along_curve": along_picture(profile, main.span_mm, main.narrowest.at_mm, size["along_curve"]),
    }


def _main_points(sources: Sources) -> Any:
    return main_vessel(vessels_of(sources.model)).points_mm
