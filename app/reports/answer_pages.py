"""The report's section for each assessment: the numbers of the kept answer, its plots, its rule and its limits."""

from __future__ import annotations

import textwrap
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from xml.sax.saxutils import escape

from matplotlib.ticker import MaxNLocator

from app import NOT_FOR_DIAGNOSIS
from app.reports import style
from app.reports.page import MARGIN_PT, PAGE_PT, banner, paragraph, register_fonts
from app.reports.page_text import HASH_DIGITS
from app.reports.rendering import render_colored
from app.reports.vessel_pictures import result_picture
from app.reports.views import widest_view
from app.workflow.assessments.frame import Figure, cell_text
from imaging.types import Progress, Surface

_WIDTH = PAGE_PT[0] - 2.0 * MARGIN_PT
_TOP, _FOOT = PAGE_PT[1] - MARGIN_PT - 22.0, MARGIN_PT + 20.0
_BODY_PT, _SMALL_PT = 7.2, style.SMALLEST_PT
_GAP_PT = 8.0
_PLOT_PT, _SCENE_PT = 132.0, 150.0
_LINES = (
    (style.ACCENT, "-", 1.2),
    ("#d55e00", "--", 0.9),
    (style.MET, ":", 1.1),
    ("#cc79a7", "-.", 0.9),
    (style.MUTED, "-", 0.7),
)
"""Color, dashes and width [pt] of the curves of a plot, in their order."""
_FIGURE_COLUMNS = ("quantity", "value", "90 % band", "how it is found", "to be known")
_FIGURE_SHARES = (0.22, 0.10, 0.15, 0.23, 0.30)


@dataclass(frozen=True, eq=False)
class Section:
    """An answer as JSON has it, whose it is and when it was made, and the surface that it colors, if any."""

    answer: Mapping[str, Any]
    case: str
    made_utc: str
    digest: str
    surface: Surface | None = None


class _Sheet:
    """Puts paragraphs, tables and pictures below each other and turns the page where there is no more room."""

    def __init__(self, canvas: Any) -> None:
        self._canvas = canvas
        self._begin()

    def add(self, flowable: Any, after: float = 2.0, least_pt: float = 0.0) -> None:
        """Draw something with some room below it, on a new page unless ``least_pt`` are left."""
        if self._y - least_pt < _FOOT:
            self.turn()
        height = flowable.wrap(_WIDTH, self._y - _FOOT)[1]
        if height > self._y - _FOOT:
            parts = flowable.split(_WIDTH, self._y - _FOOT)
            if len(parts) > 1:
                self.add(parts[0])
                flowable = parts[1]
            self.turn()
            if flowable.wrap(_WIDTH, _TOP - _FOOT)[1] > _TOP - _FOOT:
                self.add(flowable, after)
                return
            height = flowable.wrap(_WIDTH, _TOP - _FOOT)[1]
        self._y -= height
        flowable.drawOn(self._canvas, MARGIN_PT, self._y)
        self._y -= after

    def heading(self, text: str) -> None:
        """A heading, which is never last on a page."""
        self._y -= 3.0
        self.add(paragraph(f"<b>{escape(text)}</b>", _BODY_PT + 0.3, color=style.ACCENT), 2.0, 45.0)

    def pictures(self, drawn: Sequence[Any], height_pt: float) -> None:
        """Matplotlib figures of one height side by side."""
        from reportlab.lib.utils import ImageReader

        if self._y - height_pt < _FOOT:
            self.turn()
        self._y -= height_pt
        x = MARGIN_PT
        for figure in drawn:
            width = 72.0 * float(figure.get_figwidth())
            self._canvas.drawImage(ImageReader(style.image_of(figure)), x, self._y, width, height_pt)
            x += width + _GAP_PT
        self._y -= 4.0

    def turn(self) -> None:
        """End the page and begin another."""
        self.end()
        self._begin()

    def end(self) -> None:
        """End the page."""
        self._canvas.showPage()

    def _begin(self) -> None:
        for y in (PAGE_PT[1] - MARGIN_PT - 14.0, MARGIN_PT):
            banner(y)(self._canvas)
        self._y = _TOP


def draw_section(canvas: Any, section: Section, progress: Progress) -> str:
    """Draw the pages of an answer.

    Returns
    -------
    str
        Why its surface could not be drawn in 3D; empty when it could, or there is none.
    """
    answer, sheet = section.answer, _Sheet(canvas)
    sheet.add(paragraph(f"<b>{escape(answer['title'])}</b>", 12.0))
    when = section.made_utc.replace("T", " ")[:16]
    of = f"{section.case}  ·  assessed {when} UTC, {answer['record']} {section.digest[:HASH_DIGITS]}"
    sheet.add(paragraph(f"{escape(of)}<br/><i>{escape(answer['question'])}</i>", _SMALL_PT, color=style.MUTED), 5.0)
    sheet.add(paragraph(f"<b>{escape(answer['headline'])}</b>", 8.6), 4.0)
    if answer["stale_inputs"]:
        changed = f"Out of date: {', '.join(answer['stale_inputs'])} changed since this was assessed."
        sheet.add(paragraph(f"<b>{escape(changed)}</b>", _BODY_PT, color=style.MISSED), 4.0)
    problem = _draw_pictures(sheet, section, progress)
    sheet.heading("Numbers")
    sheet.add(_figure_table(answer["figures"]), 5.0)
    for one in answer["tables"]:
        sheet.heading(one["title"])
        rows = [[cell_text(value) for value in row] for row in one["rows"]] or [["none"]]
        sheet.add(_table([list(one["columns"]), *rows], _shares_of(one["columns"], rows), is_text=False), 5.0)
    for heading, lines in _texts(answer):
        sheet.heading(heading)
        for line in lines:
            sheet.add(paragraph(f"• {line}", _SMALL_PT + 0.2, hanging_pt=6.0), 1.0)
    sheet.end()
    progress(1.0, f"{answer['title']} written")
    return problem


def write_sections(sections: Sequence[Section], path: Path, progress: Progress) -> str:
    """Write answers as a PDF of their own; returns why a surface could not be drawn, or nothing."""
    from reportlab.pdfgen.canvas import Canvas

    register_fonts()
    canvas = Canvas(str(path), pagesize=PAGE_PT)
    canvas.setTitle(f"{sections[0].case}: assessments")
    canvas.setCreator("AngioTwin")
    canvas.setSubject(NOT_FOR_DIAGNOSIS)
    problem = ""
    for number, section in enumerate(sections):

        def part(fraction: float, text: str, number: int = number) -> None:
            progress((number + fraction) / len(sections), text)

        problem = draw_section(canvas, section, part) or problem
    canvas.save()
    return problem


def _draw_pictures(sheet: _Sheet, section: Section, progress: Progress) -> str:
    """The surface by one or two of its quantities, then the plots, two in a row."""
    answer, half, problem = section.answer, (_WIDTH - _GAP_PT) / 2.0, ""
    titles = list(dict.fromkeys(curve["title"] for curve in answer["curves"]))
    if section.surface is not None and answer.get("colored"):
        import numpy as np

        view = widest_view(np.asarray(section.surface.points, dtype=float))
        shown = [one for one in answer["colored"] if one["id"] in section.surface.point_data][:2]
        drawn = []
        for number, one in enumerate(shown):
            values = np.asarray(section.surface.point_data[one["id"]], dtype=float)
            found, scale = render_colored(section.surface, values, view, progress, 0.4 * number)
            unit = "" if one["unit"] == "1" else one["unit"]
            drawn.append(result_picture(found, 0, scale, unit, (half, _SCENE_PT), "vertical"))
            problem = problem or found.problem
        names = " (left) and ".join(one["label"] + (f" [{one['unit']}]" if one["unit"] != "1" else "") for one in shown)
        told = f"{names}; {view.name}, colors from the 1st to the 99th percentile"
        sheet.add(paragraph(escape(told), _SMALL_PT, color=style.MUTED), 2.0, _SCENE_PT + 12.0)
        if len(drawn) == 1 and titles:
            drawn.append(_plot(answer, titles.pop(0), (half, _SCENE_PT)))
        sheet.pictures(drawn, _SCENE_PT)
    for first in range(0, len(titles), 2):
        sheet.pictures([_plot(answer, title, (half, _PLOT_PT)) for title in titles[first : first + 2]], _PLOT_PT)
    return problem


def _plot(answer: Mapping[str, Any], title: str, size_pt: tuple[float, float]) -> Any:
    """All curves of a title, with the stretches that are marked, as a Matplotlib figure."""
    curves = [curve for curve in answer["curves"] if curve["title"] == title]
    spans = [span for span in answer.get("spans", ()) if span["title"] == title]
    width, height = size_pt
    drawn = style.figure(*size_pt)
    foot = 24.0 + 8.0 * len(curves)
    axes = drawn.add_axes((40.0 / width, foot / height, 1.0 - 46.0 / width, 1.0 - (foot + 14.0) / height))
    axes.set_title(title, fontsize=_BODY_PT, color=style.INK, pad=3.0)
    for number, curve in enumerate(curves):
        color, dashes, thick = _LINES[number % len(_LINES)]
        axes.plot(curve["x"], curve["y"], color=color, linestyle=dashes, linewidth=thick, label=curve["name"])
    for span in spans:
        axes.axvspan(span["from_x"], span["to_x"], color="#f4e3c8", linewidth=0.0, zorder=0)
        middle = 0.5 * (span["from_x"] + span["to_x"])
        axes.text(
            *(middle, 0.98, span["name"]),
            transform=axes.get_xaxis_transform(),
            fontsize=_SMALL_PT - 0.5,
            ha="center",
            va="top",
            color=style.FINDING,
        )
    axes.margins(x=0.0, y=0.12)
    axes.tick_params(labelsize=_SMALL_PT, length=2.0, width=0.5, pad=1.5)
    axes.yaxis.set_major_locator(MaxNLocator(4))
    axes.grid(color="#e6eaed", linewidth=0.4)
    axes.spines[["top", "right"]].set_visible(False)
    label = {"fontsize": _SMALL_PT, "color": style.INK, "labelpad": 1.0}
    axes.set_xlabel(curves[0]["x_label"], **label)
    axes.set_ylabel("\n".join(textwrap.wrap(curves[0]["y_label"], 18)), **label)
    drawn.legend(*axes.get_legend_handles_labels(), loc="lower left", frameon=False, fontsize=_SMALL_PT, borderpad=0.0)
    return drawn


def _figure_table(figures: Sequence[Mapping[str, Any]]) -> Any:
    rows, before = list[list[str]](), ""
    for values in figures:
        one = Figure(**values)
        found = one.definition if one.definition != before else "as above"
        rows.append([one.label, one.value_text, one.band_text or "none", found, one.about])
        before = one.definition
    return _table([list(_FIGURE_COLUMNS), *rows], _FIGURE_SHARES, is_text=True)


def _table(rows: Sequence[Sequence[str]], shares: Sequence[float], *, is_text: bool) -> Any:
    """A table whose cells wrap and whose heading is repeated on each page."""
    from reportlab.platypus import Table

    cells = [
        [paragraph(escape(text), _SMALL_PT, color=style.INK if number else style.MUTED) for text in row]
        for number, row in enumerate(rows)
    ]
    if is_text:
        for row, made in zip(rows[1:], cells[1:], strict=True):
            made[1] = paragraph(f"<b>{escape(row[1])}</b>", _SMALL_PT)
    table = Table(cells, colWidths=[share * _WIDTH for share in shares], repeatRows=1)
    table.setStyle(
        [
            ("VALIGN", (0, 0), (-1, -1), "TOP"),
            ("LINEBELOW", (0, 0), (-1, -1), 0.4, style.RULE),
            ("TOPPADDING", (0, 0), (-1, -1), 1.0),
            ("BOTTOMPADDING", (0, 0), (-1, -1), 1.5),
            ("LEFTPADDING", (0, 0), (-1, -1), 1.0),
            ("RIGHTPADDING", (0, 0), (-1, -1), 3.0),
        ]
    )
    return table


def _shares_of(columns: Sequence[str], rows: Sequence[Sequence[str]]) -> list[float]:
    """Parts of the width, by the longest word and the longest text of each column."""
    wants = []
    for number, column in enumerate(columns):
        texts = [column, *(row[number] for row in rows if number < len(row))]
        word = max(len(part) for text in texts for part in text.split() or [""])
        wants.append(max(word, 0.5 * max(map(len, texts)), 4))
    return [want / sum(wants) for want in wants]


def _texts(answer: Mapping[str, Any]) -> Iterator[tuple[str, list[str]]]:
    """Headings with their lines, as markup."""
    rules = []
    for rule in answer["rules"]:
        rules.append(
            f"<b>{escape(rule['name'])}</b>: {escape(rule['source'])}. Found in: {escape(rule['population'])}."
        )
        rules += [f"Limit of {escape(rule['name'])}: {escape(limit)}" for limit in rule["limits"]]
    assumed = []
    for one in answer["assumptions"]:
        value = f"{one['value']} {one['unit']}".strip() if one["unit"] != "1" else str(one["value"])
        assumed.append(f"{escape(one['name'])}: <b>{escape(value)}</b> <i>[{escape(one['source'])}]</i>")
    for heading, lines in (
        ("Why it might be wrong", [escape(reason) for reason in answer["reasons"]]),
        ("The rule", rules),
        ("Assumed, not measured in this patient", assumed),
    ):
        if lines:
            yield heading, lines
