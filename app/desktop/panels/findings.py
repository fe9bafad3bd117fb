"""What the check of a run found: mark, sentence and number of each finding; a click shows the place."""

from __future__ import annotations

from html import escape

from PySide6.QtCore import QEvent, QPointF, QRectF, QSize, Qt, Signal
from PySide6.QtGui import QColor, QEnterEvent, QKeyEvent, QMouseEvent, QPainter, QPaintEvent, QPen, QPolygonF
from PySide6.QtWidgets import QFrame, QHBoxLayout, QLabel, QToolButton, QVBoxLayout, QWidget

from app.desktop import theme
from app.desktop.session.run_check import Findings, place_of
from app.desktop.session.words import unit_text
from solvers.preflight.finding import Finding, Level

_COLORS: dict[Level, str] = {"error": theme.ERROR, "warning": theme.WARNING, "info": theme.ACCENT}
_WORDS: dict[Level, str] = {"error": "Error", "warning": "Warning", "info": "Figure"}


class LevelMark(QWidget):
    """A cross in a circle, an exclamation mark in a triangle, or an i in a circle: the shape tells the level."""

    def __init__(self, level: Level, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.level = level
        self.setFixedSize(QSize(20, 20))
        self.setAccessibleName(_WORDS[level])

    def paintEvent(self, event: QPaintEvent) -> None:
        painter = QPainter(self)
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        color = QColor(_COLORS[self.level])
        area = QRectF(self.rect()).adjusted(2, 2, -2, -2)
        painter.setPen(Qt.PenStyle.NoPen)
        painter.setBrush(color)
        center = area.center()
        if self.level == "warning":
            painter.drawPolygon(QPolygonF([QPointF(center.x(), area.top()), area.bottomRight(), area.bottomLeft()]))
        elif self.level == "error":
            painter.drawEllipse(area)
        else:
            painter.setBrush(Qt.BrushStyle.NoBrush)
            painter.setPen(QPen(color, 1.6))
            painter.drawEllipse(area)
        ink = QPen(color if self.level == "info" else QColor("#10141a"), 2.2)
        ink.setCapStyle(Qt.PenCapStyle.RoundCap)
        painter.setPen(ink)
        lines = {
            "error": [((-3.2, -3.2), (3.2, 3.2)), ((-3.2, 3.2), (3.2, -3.2))],
            "warning": [((0.0, -2.0), (0.0, 2.4)), ((0.0, 5.4), (0.0, 5.5))],
            "info": [((0.0, -4.0), (0.0, -3.9)), ((0.0, -0.8), (0.0, 4.0))],
        }[self.level]
        for start, end in lines:
            painter.drawLine(center + QPointF(*start), center + QPointF(*end))


class FindingRow(QFrame):
    """One finding. ``chosen`` carries its place (mm, LPS)."""

    chosen = Signal(object)

    def __init__(self, finding: Finding, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.finding = finding
        self.place_mm = place_of(finding)
        self.setObjectName("finding")
        self._text = QLabel(_rich_text(finding, has_place=self.place_mm is not None))
        self._text.setWordWrap(True)
        self._text.setTextFormat(Qt.TextFormat.RichText)
        row = QHBoxLayout(self)
        row.setContentsMargins(4, 3, 4, 3)
        row.setSpacing(8)
        row.addWidget(LevelMark(finding.level), 0, Qt.AlignmentFlag.AlignTop)
        row.addWidget(self._text, 1)
        self.setAccessibleName(f"{_WORDS[finding.level]}: {finding.sentence}")
        if self.place_mm is not None:
            self.setFocusPolicy(Qt.FocusPolicy.StrongFocus)
            self.setCursor(Qt.CursorShape.PointingHandCursor)
            self.setToolTip("Show the place in 3D")
        if finding.source:
            self.setToolTip(f"{self.toolTip()}\nSource: {finding.source}".strip())

    def mouseReleaseEvent(self, event: QMouseEvent) -> None:
        self._choose()

    def keyPressEvent(self, event: QKeyEvent) -> None:
        if event.key() in (Qt.Key.Key_Return, Qt.Key.Key_Space):
            self._choose()
        else:
            super().keyPressEvent(event)

    def enterEvent(self, event: QEnterEvent) -> None:
        if self.place_mm is not None:
            self.setStyleSheet(f"QFrame#finding {{ background: {theme.RAISED}; border-radius: 4px; }}")

    def leaveEvent(self, event: QEvent) -> None:
        self.setStyleSheet("")

    def _choose(self) -> None:
        if self.place_mm is not None:
            self.chosen.emit(self.place_mm)


class FindingsList(QWidget):
    """All findings of a check; figures that are no warning are folded away. ``place_asked`` carries a place."""

    place_asked = Signal(object)

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.rows: list[FindingRow] = []
        self._shown: Findings | None = None
        self.summary = QLabel()
        self.summary.setWordWrap(True)
        self._found = QVBoxLayout()
        self._found.setSpacing(2)
        self.more = QToolButton()
        self.more.setCheckable(True)
        self.more.setToolButtonStyle(Qt.ToolButtonStyle.ToolButtonTextBesideIcon)
        self.more.toggled.connect(self._open)
        self._figures = QWidget()
        self._figures_column = QVBoxLayout(self._figures)
        self._figures_column.setContentsMargins(0, 0, 0, 0)
        self._figures_column.setSpacing(2)
        layout = QVBoxLayout(self)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.addWidget(self.summary)
        layout.addLayout(self._found)
        layout.addWidget(self.more)
        layout.addWidget(self._figures)
        self.set_findings(None, is_busy=False)

    def set_findings(self, findings: Findings | None, *, is_busy: bool) -> None:
        """Show findings; None when nothing was checked."""
        self.summary.setText(_summary(findings, is_busy))
        if findings == self._shown and findings is not None:
            return
        self._shown = findings
        for row in self.rows:
            row.hide()
            row.deleteLater()
        self.rows = [FindingRow(finding) for finding in findings or ()]
        for row in self.rows:
            row.chosen.connect(self.place_asked)
            (self._figures_column if row.finding.level == "info" else self._found).addWidget(row)
        n_figures = sum(row.finding.level == "info" for row in self.rows)
        self.more.setText(f"{n_figures} figures")
        self.more.setVisible(n_figures > 0)
        self._open(self.more.isChecked())

    def _open(self, is_open: bool) -> None:
        self.more.setArrowType(Qt.ArrowType.DownArrow if is_open else Qt.ArrowType.RightArrow)
        self._figures.setVisible(is_open and not self.more.isHidden())


def _summary(findings: Findings | None, is_busy: bool) -> str:
    if is_busy:
        return "Checking the conditions and the mesh …"
    if findings is None:
        return "Not checked yet. The run is checked before it starts."
    n = {level: sum(finding.level == level for finding in findings) for level in _WORDS}
    if n["error"]:
        return f"<b>{_count(n['error'], 'error')}</b>: the run cannot start like this."
    if n["warning"]:
        return f"It can run, with <b>{_count(n['warning'], 'warning')}</b>."
    return "<b>Nothing speaks against this run.</b>"


def _count(n: int, word: str) -> str:
    return f"{n} {word}" if n == 1 else f"{n} {word}s"


def _number(value: float) -> str:
    """Three digits; whole numbers up to a million without a power of ten."""
    return f"{value:.0f}" if 1e3 <= abs(value) < 1e6 else f"{value:.3g}"


def _rich_text(finding: Finding, has_place: bool) -> str:
    text = escape(finding.sentence)
    beside = []
    if finding.value is not None:
        unit = unit_text(finding.unit)
        beside.append(f"{escape(finding.quantity)}: <b>{_number(finding.value)}</b> {escape(unit)}".strip())
    bounds = [(finding.low, "at least"), (finding.high, "at most")]
    usual = " and ".join(f"{words} {_number(bound)}" for bound, words in bounds if bound is not None)
    if usual:
        beside.append(f"usual: {usual}")
    if has_place:
        beside.append(f"<span style='color:{theme.ACCENT}'>show</span>")
    if beside:
        text += f"<br><span style='color:{theme.MUTED}'>{'  ·  '.join(beside)}</span>"
    return text
