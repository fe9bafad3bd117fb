"""The colors of labels over a slice."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from PySide6.QtGui import QColor

from app.desktop import theme


def label_colors(opacity: float, hidden: frozenset[int] = frozenset()) -> NDArray[np.uint8]:
    """RGBA (256, 4) of the label values; the background and hidden labels are clear."""
    table = np.zeros((256, 4), dtype=np.uint8)
    for value in range(1, 256):
        color = QColor(theme.CATEGORIES[(value - 1) % len(theme.CATEGORIES)])
        table[value] = (color.red(), color.green(), color.blue(), 0 if value in hidden else round(255 * opacity))
    return table
