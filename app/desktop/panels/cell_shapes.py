"""How many cells of a mesh have which shape, as bars; drawn without the plotting library, which comes later."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from PySide6.QtCore import QRectF, Qt
from PySide6.QtGui import QColor, QPainter, QPaintEvent
from PySide6.QtWidgets import QWidget

from app.desktop import theme

_HEIGHT, _LEFT, _TOP, _BOTTOM = 150, 8, 40, 36


class CellShapes(QWidget):
    """Bars of the cells of each kind, one kind on the other, over the scaled Jacobian from 0 to 1."""

    def __init__(self) -> None:
        super().__init__()
        self.counts: dict[str, tuple[int, ...]] = {}
        self.setFixedHeight(_HEIGHT)
        self.setAccessibleName("Shape of the cells")

    def set_counts(self, counts: Mapping[str, Sequence[int]]) -> None:
        """Cells of each kind in equal steps from 0 to 1."""
        self.counts = {kind: tuple(cells) for kind, cells in counts.items()}
        self.setVisible(bool(self.counts))
        self.update()

    def paintEvent(self, event: QPaintEvent) -> None:
        """Title, bars, the axis with its ends."""
        painter = QPainter(self)
        width, height = self.width() - 2 * _LEFT, self.height() - _TOP - _BOTTOM
        steps = list(zip(*self.counts.values(), strict=True))
        most = max((sum(step) for step in steps), default=0) or 1
        painter.setPen(QColor(theme.MUTED))
        painter.drawText(_LEFT, 14, f"Cells by shape, at most {most} in a bar")
        x = _LEFT
        for n, kind in enumerate(self.counts):
            painter.setPen(QColor(theme.CATEGORIES[n]))
            painter.drawText(x, 32, f"■ {kind}")
            x += painter.fontMetrics().horizontalAdvance(f"■ {kind}  ")
        for number, step in enumerate(steps):
            foot = float(_TOP + height)
            for n, cells in enumerate(step):
                tall = height * cells / most
                bar = QRectF(_LEFT + width * number / len(steps), foot - tall, width / len(steps) - 1.0, tall)
                painter.fillRect(bar, QColor(theme.CATEGORIES[n]))
                foot -= tall
        painter.setPen(QColor(theme.MUTED))
        painter.drawLine(_LEFT, _TOP + height, _LEFT + width, _TOP + height)
        under = QRectF(_LEFT, _TOP + height + 2, width, _BOTTOM)
        painter.drawText(under, Qt.AlignmentFlag.AlignLeft, "0 (flat)")
        painter.drawText(under, Qt.AlignmentFlag.AlignHCenter, "scaled Jacobian")
        painter.drawText(under, Qt.AlignmentFlag.AlignRight, "1")
