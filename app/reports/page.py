"""Lays a report out on one A4 page: the words take the room they need, the pictures share what is left."""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

from app import NOT_FOR_DIAGNOSIS
from app.case.errors import CaseError
from app.reports import page_text, style
from app.reports.columns import balanced
from app.reports.content import Content

if TYPE_CHECKING:
    from PIL.Image import Image

PAGE_PT = (595.28, 841.89)
MARGIN_PT = 28.35
CAPTION_PT = 6.8
_WIDTH = PAGE_PT[0] - 2.0 * MARGIN_PT
_GAP = 5.0
_BANNER_PT = 14.0
_NO_BREAK = "\u00a0"
_TILE_PT = 43.0
_TILE_GAP = 4.0
_ROW_PT = 9.4
_HEAD_PT = 17.0
_N_COLUMNS = 3
_COLUMN_GAP = 9.0
_BODY_SIZES_PT = (7.2, 6.8, style.SMALLEST_PT)
_FONT, _BOLD, _OBLIQUE = "DejaVuSans", "DejaVuSans-Bold", "DejaVuSans-Oblique"
_TABLE_SHARES = (0.235, 0.045, 0.13, 0.067, 0.095, 0.068, 0.075, 0.075, 0.05, 0.072, 0.088)

Draw = Callable[[Any], None]


@dataclass(frozen=True)
class Row:
    """Pictures side by side: their shares of the width, and the least, wanted and largest height in points."""

    shares: Mapping[str, float]
    least_pt: float
    wanted_pt: float
    most_pt: float


TALL = (
    Row({"plane": 0.20, "model": 0.28, "pressure": 0.173, "stress": 0.173, "speed": 0.174}, 150.0, 190.0, 290.0),
    Row({"slice": 0.20, "flow_curve": 0.265, "pressure_curve": 0.265, "along_curve": 0.27}, 78.0, 90.0, 112.0),
)
"""For vessels that are higher than wide."""
WIDE = (
    Row({"slice": 0.24, "plane": 0.30, "model": 0.46}, 90.0, 115.0, 190.0),
    Row({"pressure": 1 / 3, "stress": 1 / 3, "speed": 1 / 3}, 90.0, 115.0, 190.0),
    Row({"flow_curve": 1 / 3, "pressure_curve": 1 / 3, "along_curve": 1 / 3}, 72.0, 80.0, 105.0),
)


def without_scan(rows: tuple[Row, ...]) -> tuple[Row, ...]:
    """The same rows without the pictures of a scan; the others share their room."""
    kept = [{name: share for name, share in row.shares.items() if name not in ("slice", "plane")} for row in rows]
    return tuple(
        replace(row, shares={name: share / sum(shares.values()) for name, share in shares.items()})
        for row, shares in zip(rows, kept, strict=True)
    )


@dataclass(frozen=True)
class Box:
    """A place on the page in points, from the page's lower left corner."""

    x: float
    y: float
    width: float
    height: float

    @property
    def size_pt(self) -> tuple[float, float]:
        """Width and height."""
        return self.width, self.height


@dataclass(frozen=True)
class Page:
    """A laid out page: where the pictures go, and what draws everything else."""

    boxes: Mapping[str, Box]
    drawings: tuple[Draw, ...]

    def write(self, path: Path, title: str, pictures: Mapping[str, Image], further: Sequence[Draw] = ()) -> None:
        """Write the page as PDF.

        Parameters
        ----------
        pictures
            One for each box, in the box's proportions.
        further
            Each draws a page of its own behind this one.
        """
        from reportlab.lib.utils import ImageReader
        from reportlab.pdfgen.canvas import Canvas

        canvas = Canvas(str(path), pagesize=PAGE_PT)
        canvas.setTitle(title)
        canvas.setCreator("AngioTwin")
        canvas.setSubject(NOT_FOR_DIAGNOSIS)
        for name, box in self.boxes.items():
            canvas.drawImage(ImageReader(pictures[name]), box.x, box.y, box.width, box.height)
        for draw in self.drawings:
            draw(canvas)
        canvas.showPage()
        for page in further:
            page(canvas)
        canvas.save()


def lay_out(content: Content, captions: Mapping[str, str], rows: tuple[Row, ...]) -> Page:
    """Find the largest type with which the pictures keep enough room.

    Parameters
    ----------
    rows
        `TALL` or `WIDE`, perhaps `without_scan`.
    captions
        Markup to stand over each picture, by the picture's name: slice, plane, model, pressure, stress, speed,
        flow_curve, pressure_curve, along_curve.

    Raises
    ------
    CaseError
        ``report_too_long`` when even short notes and the smallest type leave no room.
    """
    register_fonts()
    least, wanted = sum(row.least_pt for row in rows), sum(row.wanted_pt for row in rows)
    over = [_caption_height(row, captions) for row in rows]
    top, above = _head(content)

    @cache
    def tried(size: float, n_notes: int, n_openings: int) -> tuple[float, list[Draw]]:
        """The room that a try leaves for pictures, and the foot of the page."""
        foot, below = _foot(content, size, n_notes, n_openings)
        return top - foot - sum(over) - _GAP * len(rows), below

    def fits(candidate: tuple[float, int, int]) -> bool:
        return tried(*candidate)[0] >= (least if candidate[0] == _BODY_SIZES_PT[-1] else wanted)

    tries = _ever_tighter(len(content.notes), len(content.openings))
    chosen = bisect_left(tries, True, key=fits)
    if chosen == len(tries):
        raise CaseError(
            "report_too_long",
            "The report does not fit on one page: shorten the case's title or the names of the openings.",
        )
    room, below = tried(*tries[chosen])
    boxes, captioned = _pictures(top, rows, _heights(rows, room), over, captions)
    return Page(boxes, (*above, *captioned, *below))


def _ever_tighter(n_notes: int, n_openings: int) -> list[tuple[float, int, int]]:
    """Type size, and how many notes and openings to write out; each leaves no less room than the one before."""
    tries = [(size, n_notes, n_openings) for size in _BODY_SIZES_PT]
    tries += [(_BODY_SIZES_PT[-1], kept, n_openings) for kept in range(n_notes - 1, -1, -1)]
    return tries + [(_BODY_SIZES_PT[-1], 0, kept) for kept in range(n_openings - 1, 0, -1)]


def _head(content: Content) -> tuple[float, list[Draw]]:
    """Banner, title, verdict and the numbers to see first; returns how far down the page they reach."""
    top = PAGE_PT[1] - MARGIN_PT
    drawings = [banner(top - _BANNER_PT)]
    y = top - _BANNER_PT - 4.0
    title = _fitting_title(content.title)
    for text, after in (
        (title, 1.0),
        (paragraph(page_text.subtitle(content), CAPTION_PT, color=style.MUTED), 4.0),
    ):
        height = text.wrap(_WIDTH, 100.0)[1]
        y -= height
        drawings.append(_drawn(text, MARGIN_PT, y))
        y -= after
    is_met, sentence = page_text.verdict(content)
    text = paragraph(sentence, 7.4, color=style.MET if is_met else style.MISSED)
    height = text.wrap(_WIDTH - 12.0, 200.0)[1] + 5.0
    y -= height
    drawings.append(_tinted(Box(MARGIN_PT, y, _WIDTH, height), style.MET_TINT if is_met else style.MISSED_TINT))
    drawings.append(_drawn(text, MARGIN_PT + 6.0, y + 2.5))
    y -= _TILE_GAP + _TILE_PT
    tiles = page_text.tiles(content)
    width = (_WIDTH - _TILE_GAP * (len(tiles) - 1)) / len(tiles)
    for number, tile in enumerate(tiles):
        drawings += _tile(Box(MARGIN_PT + number * (width + _TILE_GAP), y, width, _TILE_PT), *tile)
    return y - _GAP, drawings


def _tile(box: Box, name: str, value: str, unit: str, beside: tuple[str, str]) -> list[Draw]:
    def draw(canvas: Any) -> None:
        _tinted(box, style.TILE)(canvas)
        x, room = box.x + 4.0, box.width - 7.0

        def line(text: str, y: float, color: str) -> None:
            canvas.setFillColor(color)
            canvas.setFont(_FONT, style.SMALLEST_PT)
            canvas.drawString(x, box.y + y, shortened(text, _FONT, style.SMALLEST_PT, room))

        line(name, 35.0, style.MUTED)
        canvas.setFillColor(style.INK)
        canvas.setFont(_BOLD, 12.0)
        canvas.drawString(x, box.y + 21.5, value)
        canvas.setFont(_FONT, 7.0)
        canvas.drawString(x + 3.0 + _text_width(value, _BOLD, 12.0), box.y + 21.5, unit)
        line(beside[0], 11.5, style.INK)
        line(beside[1], 3.8, style.INK)

    return [draw]


def _foot(content: Content, size: float, n_notes: int, n_rows: int) -> tuple[float, list[Draw]]:
    """Table, columns and banner; returns how far up the page they reach."""
    y = MARGIN_PT + _BANNER_PT + _GAP
    width = (_WIDTH - _COLUMN_GAP * (_N_COLUMNS - 1)) / _N_COLUMNS

    def paragraphs() -> list[Any]:
        made = []
        for heading, texts in page_text.sections(content, n_notes):
            made.append(paragraph(f"<b>{heading}</b>", size + 0.3, color=style.ACCENT, is_heading=True))
            made += [paragraph(text, size, hanging_pt=6.0) for text in texts]
        return made

    columns, height = balanced(paragraphs, _N_COLUMNS, width)
    drawings = [
        _drawn(text, MARGIN_PT + number * (width + _COLUMN_GAP), y + height - lower)
        for number, column in enumerate(columns)
        for text, lower in column
    ]
    y += height + 3.0
    rule = _rule(y)
    left_out = len(content.openings) - n_rows
    note = paragraph(page_text.table_note(content, left_out), style.SMALLEST_PT, color=style.MUTED)
    note_y = y + 3.0
    y = note_y + note.wrap(_WIDTH, 100.0)[1] + 1.5
    table, table_height = _table(content, n_rows, y)
    return y + table_height + _GAP, [table, _drawn(note, MARGIN_PT, note_y), rule, *drawings, banner(MARGIN_PT)]


def _table(content: Content, n_rows: int, bottom: float) -> tuple[Draw, float]:
    rows = [page_text.table_row(opening, content.target) for opening in content.openings[:n_rows]]
    height = _HEAD_PT + _ROW_PT * len(rows)
    edges = [MARGIN_PT]
    for share in _TABLE_SHARES:
        edges.append(edges[-1] + share * _WIDTH)

    def draw(canvas: Any) -> None:
        y = bottom + height
        canvas.setFillColor(style.MUTED)
        canvas.setFont(_FONT, style.SMALLEST_PT)
        for column, head in enumerate(page_text.TABLE_HEAD):
            for number, line in enumerate(head.split("\n")):
                _cell(canvas, line, column, edges, y - 7.0 - 7.4 * number)
        y -= _HEAD_PT
        for number, row in enumerate(rows):
            opening = content.openings[number]
            canvas.setStrokeColor(style.RULE)
            canvas.setLineWidth(0.4)
            canvas.line(MARGIN_PT, y, MARGIN_PT + _WIDTH, y)
            y -= _ROW_PT
            _swatch(canvas, opening.number, MARGIN_PT + 1.0, y + 2.4)
            canvas.setFillColor(style.INK)
            for column, text in enumerate(row):
                canvas.setFont(_BOLD if column == 0 and opening.is_main else _FONT, 7.0)
                _cell(canvas, text, column, edges, y + 2.4)

    return draw, height


def _cell(canvas: Any, text: str, column: int, edges: list[float], y: float) -> None:
    """The first column at its left, behind the swatch; numbers at their right."""
    if column == 0:
        room = edges[1] - edges[0] - 26.0
        canvas.drawString(edges[0] + 24.0, y, shortened(text, _FONT, 7.2, room))
    else:
        canvas.drawRightString(edges[column + 1] - 1.0, y, text)


def _swatch(canvas: Any, number: int, x: float, y: float) -> None:
    """The number and line of an opening, as in the curves."""
    canvas.setFillColor(style.opening_color(number))
    canvas.setFont(_BOLD, 7.0)
    canvas.drawRightString(x + 8.0, y, str(number))
    canvas.setStrokeColor(style.opening_color(number))
    canvas.setLineWidth(1.4)
    canvas.setDash({"-": [], "--": [3.2, 1.4], ":": [1.3, 1.3]}[style.opening_dashes(number)])
    canvas.line(x + 10.0, y + 2.4, x + 20.0, y + 2.4)
    canvas.setDash([])


def _heights(rows: tuple[Row, ...], room: float) -> list[float]:
    """Heights of the rows of pictures, each from its least to its largest."""
    spare = room - sum(row.least_pt for row in rows)
    share = min(1.0, spare / sum(row.most_pt - row.least_pt for row in rows))
    return [row.least_pt + share * (row.most_pt - row.least_pt) for row in rows]


def _caption_height(row: Row, captions: Mapping[str, str]) -> float:
    highest: float = max(
        paragraph(captions[name], CAPTION_PT).wrap(share * (_WIDTH + _GAP) - _GAP, 100.0)[1]
        for name, share in row.shares.items()
    )
    return highest + 1.5


def _pictures(
    top: float, rows: tuple[Row, ...], heights: list[float], over: list[float], captions: Mapping[str, str]
) -> tuple[dict[str, Box], list[Draw]]:
    boxes, drawings, y = {}, [], top
    for row, height, caption_height in zip(rows, heights, over, strict=True):
        x = MARGIN_PT
        for name, share in row.shares.items():
            width = share * (_WIDTH + _GAP) - _GAP
            text = paragraph(captions[name], CAPTION_PT)
            drawings.append(_drawn(text, x, y - text.wrap(width, 100.0)[1]))
            boxes[name] = Box(x, y - caption_height - height, width, height)
            x += width + _GAP
        y -= caption_height + height + _GAP
    return boxes, drawings


def banner(y: float) -> Draw:
    """The words that stand on every page, in a bar with this lower edge."""

    def draw(canvas: Any) -> None:
        _tinted(Box(MARGIN_PT, y, _WIDTH, _BANNER_PT), style.BANNER)(canvas)
        canvas.setFillColor(style.BANNER_INK)
        canvas.setFont(_BOLD, 8.5)
        canvas.drawCentredString(PAGE_PT[0] / 2.0, y + 4.0, NOT_FOR_DIAGNOSIS)

    return draw


def _tinted(box: Box, color: str) -> Draw:
    def draw(canvas: Any) -> None:
        canvas.setFillColor(color)
        canvas.rect(box.x, box.y, box.width, box.height, stroke=0, fill=1)

    return draw


def _rule(y: float) -> Draw:
    def draw(canvas: Any) -> None:
        canvas.setStrokeColor(style.RULE)
        canvas.setLineWidth(0.5)
        canvas.line(MARGIN_PT, y, MARGIN_PT + _WIDTH, y)

    return draw


def _drawn(text: Any, x: float, y: float) -> Draw:
    """Draws a paragraph that was wrapped already; ``y`` is its lower edge."""
    return lambda canvas: text.drawOn(canvas, x, y)


def _fitting_title(title: str) -> Any:
    """The title on one line, in the largest type that holds it; a very long one is cut."""
    from xml.sax.saxutils import escape

    for size in (13.0, 11.5, 10.0, 9.0):
        if _text_width(title, _BOLD, size) <= _WIDTH:
            break
    return paragraph(f"<b>{escape(shortened(title, _BOLD, size, _WIDTH))}</b>", size)


def shortened(text: str, font: str, size: float, room: float) -> str:
    """The text, cut with an ellipsis where it does not fit the room."""
    if _text_width(text, font, size) <= room:
        return text
    while text and _text_width(text + "…", font, size) > room:
        text = text[:-1]
    return text.rstrip() + "…"


def _text_width(text: str, font: str, size: float) -> float:
    from reportlab.pdfbase.pdfmetrics import stringWidth

    width: float = stringWidth(text, font, size)
    return width


def paragraph(
    text: str, size: float, *, color: str = style.INK, is_heading: bool = False, hanging_pt: float = 0.0
) -> Any:
    """A paragraph of markup in the page's type."""
    from reportlab.lib.styles import ParagraphStyle
    from reportlab.platypus import Paragraph

    look = ParagraphStyle(
        "heading" if is_heading else "body",
        fontName=_FONT,
        fontSize=size,
        leading=1.18 * size,
        textColor=color,
        leftIndent=hanging_pt,
        firstLineIndent=-hanging_pt,
        keepWithNext=is_heading,
        spaceBefore=2.5 if is_heading else 0.0,
    )
    return Paragraph(text.replace(" %", _NO_BREAK + "%"), look)


@cache
def register_fonts() -> None:
    """Matplotlib's own font, embedded, so that the page looks the same everywhere and holds any Latin or Greek."""
    import matplotlib
    from reportlab.lib.fonts import addMapping
    from reportlab.pdfbase.pdfmetrics import registerFont
    from reportlab.pdfbase.ttfonts import TTFont

    folder = Path(matplotlib.get_data_path()) / "fonts" / "ttf"
    for name in (_FONT, _BOLD, _OBLIQUE):
        registerFont(TTFont(name, str(folder / f"{name}.ttf")))
    for bold, italic, name in ((0, 0, _FONT), (1, 0, _BOLD), (0, 1, _OBLIQUE), (1, 1, _BOLD)):
        addMapping(_FONT, bold, italic, name)
