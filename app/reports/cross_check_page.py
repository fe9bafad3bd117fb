"""The report's page on how the 3D run compares with its reduced models."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any
from xml.sax.saxutils import escape

from app.reports import style
from app.reports.cross_check_pictures import curves_picture
from app.reports.page import MARGIN_PT, PAGE_PT, banner, paragraph
from app.workflow.cross_check_result import CrossCheck, QuantityId, VesselCheck

_WIDTH = PAGE_PT[0] - 2.0 * MARGIN_PT
_PLOT_PT = 190.0
_MOST_ROWS = 30
_COLUMNS: tuple[tuple[QuantityId, str, str], ...] = (
    ("mean_flow", "mean flow", "mL/s"),
    ("mean_pressure", "mean pressure", "mmHg"),
    ("pulse", "pulse", "mmHg"),
    ("drop", "drop along it", "mmHg"),
)


def draw_cross_check(canvas: Any, check: CrossCheck) -> None:
    """Draw the page and end it: plot, table, causes, limits."""
    from reportlab.lib.utils import ImageReader

    banner(PAGE_PT[1] - MARGIN_PT - 14.0)(canvas)
    banner(MARGIN_PT)(canvas)
    y = PAGE_PT[1] - MARGIN_PT - 22.0
    y = _text(canvas, "<b>3D beside 1D and 0D, from the same vessels and conditions</b>", 10.0, y)
    count = len(check.alarms)
    verdict = f"{count} differences exceed their limits (red)." if count else "All differences lie within their limits."
    y = _text(canvas, verdict, 7.4, y, style.MISSED if count else style.MET)
    y -= 4.0 + _PLOT_PT
    picture = style.image_of(curves_picture(check, (_WIDTH, _PLOT_PT)))
    canvas.drawImage(ImageReader(picture), MARGIN_PT, y, _WIDTH, _PLOT_PT)
    y = _table(canvas, check, y - 6.0) - 6.0
    foot = MARGIN_PT + 20.0
    limits = [f"{what.capitalize()}: {limit} ({source})." for what, limit, source in check.limits]
    for heading, lines in (
        ("Likely causes", check.causes),
        ("Limits", limits),
        ("Notes", check.notes),
    ):
        y = _list(canvas, heading, lines, y, foot)
    canvas.showPage()


def _list(canvas: Any, heading: str, lines: Sequence[str], y: float, foot: float) -> float:
    """Lines under a heading as far as there is room, and how many there was none for."""
    if not lines or y <= foot + 20.0:
        return y
    y = _text(canvas, f"<b>{heading}</b>", 7.2, y, style.ACCENT)
    for number, line in enumerate(lines):
        made = paragraph(escape(line), style.SMALLEST_PT, hanging_pt=6.0)
        left = len(lines) - number
        if y - made.wrap(_WIDTH, 400.0)[1] < foot + (10.0 if left > 1 else 0.0):
            return _text(canvas, f"{left} more: see angiotwin crosscheck.", style.SMALLEST_PT, y)
        y = _text(canvas, escape(line), style.SMALLEST_PT, y)
    return y


def _text(canvas: Any, words: str, size: float, y: float, color: str = style.INK) -> float:
    made = paragraph(words, size, color=color)
    y -= made.wrap(_WIDTH, 400.0)[1]
    made.drawOn(canvas, MARGIN_PT, y)
    return y - 2.0


def _table(canvas: Any, check: CrossCheck, top: float) -> float:
    from reportlab.platypus import Table

    models = [model.id for model in check.models if model.is_alike]
    vessels = [vessel for vessel in check.vessels if vessel.curves][:_MOST_ROWS]
    quantities = [column for column in _COLUMNS if any(_numbers(v, column[0], models) for v in vessels)]
    head = ["vessel"]
    for _, name, unit in quantities:
        head += [
            f"{name}\n[{unit}]\n{model.upper()}" if k == 0 else f"\n\n{model.upper()}" for k, model in enumerate(models)
        ]
    rows, looks = [head], list[Any]()
    for number, vessel in enumerate(vessels, start=1):
        row = [vessel.name.replace("_", " ")]
        for quantity, *_ in quantities:
            cells = _numbers(vessel, quantity, models) or [("", False)] * len(models)
            looks += [
                ("TEXTCOLOR", (len(row) + k, number), (len(row) + k, number), style.MISSED)
                for k, (_, is_alarm) in enumerate(cells)
                if is_alarm
            ]
            row += [text for text, _ in cells]
        rows.append(row)
    name_pt = 120.0
    each = (_WIDTH - name_pt) / max(len(head) - 1, 1)
    table = Table(rows, colWidths=[name_pt, *[each] * (len(head) - 1)], rowHeights=[28.0, *[9.6] * len(vessels)])
    table.setStyle(
        [
            ("FONT", (0, 0), (-1, -1), "DejaVuSans", style.SMALLEST_PT),
            ("TEXTCOLOR", (0, 0), (-1, 0), style.MUTED),
            ("ALIGN", (1, 0), (-1, -1), "RIGHT"),
            ("VALIGN", (0, 0), (-1, -1), "MIDDLE"),
            ("LINEBELOW", (0, 0), (-1, -1), 0.4, style.RULE),
            ("TOPPADDING", (0, 0), (-1, -1), 0.5),
            ("BOTTOMPADDING", (0, 0), (-1, -1), 0.5),
            ("LEFTPADDING", (0, 0), (-1, -1), 1.0),
            ("RIGHTPADDING", (0, 0), (-1, -1), 1.0),
            *looks,
        ]
    )
    _, height = table.wrap(_WIDTH, 1000.0)
    table.drawOn(canvas, MARGIN_PT, top - height)
    return float(top - height)


def _numbers(vessel: VesselCheck, quantity: QuantityId, models: list[Any]) -> list[tuple[str, bool]]:
    """(number, whether it exceeds its limit) of the 3D run and each model; empty where it is not known."""
    of = {difference.model: difference for difference in vessel.differences if difference.quantity == quantity}
    if not of:
        return []
    first = next(iter(of.values()))
    found = []
    for model in models:
        if model == "3d":
            found.append((_rounded(first.in_3d), False))
        elif model in of:
            found.append((_rounded(of[model].in_model), of[model].is_alarm))
        else:
            found.append(("", False))
    return found


def _rounded(value: float) -> str:
    digits = 1 if abs(value) >= 10.0 else 2  # a coronary artery carries less than a milliliter in a second
    return f"{round(value, digits) + 0.0:.{digits}f}"  # without a negative zero
