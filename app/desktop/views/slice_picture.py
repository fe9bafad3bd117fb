"""The gray picture of a slice and the labels over it, each made when it is painted and kept until something changes."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray
from PySide6.QtGui import QImage, QPainter

from app.desktop.views.label_colors import label_colors
from app.desktop.views.oblique_plane import ObliquePlane
from app.desktop.views.slice_plane import SlicePlane
from app.desktop.views.window_level import Window, to_gray
from imaging.reformat.slab import Slab
from imaging.types import LabelMap, Volume

_FIRST_OPACITY = 0.45


class SlicePicture:
    """What a slice view shows of scan and labels. Who changes what is shown forgets what was made of it."""

    def __init__(self) -> None:
        self._table = label_colors(_FIRST_OPACITY)
        self._values: NDArray[Any] | None = None
        self._gray: QImage | None = None
        self._labels: QImage | None = None

    def forget(self) -> None:
        """Another slice is shown."""
        self._values = self._gray = self._labels = None

    def forget_values(self) -> None:
        """The scan's values are put together in another way."""
        self._values = self._gray = None

    def forget_gray(self) -> None:
        """The values are seen through another window."""
        self._gray = None

    def forget_labels(self) -> None:
        """The labels are others."""
        self._labels = None

    def set_table(self, table: NDArray[np.uint8]) -> None:
        """RGBA (256, 4) of the label values."""
        self._table, self._labels = table, None

    def gray(self, volume: Volume, plane: SlicePlane | ObliquePlane, index: Any, slab: Slab, window: Window) -> QImage:
        """The slice in gray."""
        if self._gray is None:
            if self._values is None:
                self._values = np.ascontiguousarray(plane.image(volume.array, index, slab))
            gray = to_gray(self._values, window)
            rows, columns = gray.shape
            image = QImage(gray.data, columns, rows, columns, QImage.Format.Format_Grayscale8)
            self._gray = image.convertToFormat(QImage.Format.Format_RGB32)  # is scaled thrice as fast
        return self._gray

    def labels(self, labels: LabelMap, plane: SlicePlane | ObliquePlane, index: Any) -> QImage:
        """The slice's labels in their colors."""
        if self._labels is None:
            rgba = np.ascontiguousarray(self._table[plane.image(labels.array, index, is_label=True)])
            rows, columns = rgba.shape[:2]
            image = QImage(rgba.data, columns, rows, 4 * columns, QImage.Format.Format_RGBA8888)
            self._labels = image.convertToFormat(QImage.Format.Format_ARGB32_Premultiplied)
        return self._labels

    def refresh_labels(
        self, labels: LabelMap, plane: SlicePlane | ObliquePlane, index: Any, box: tuple[slice, slice, slice]
    ) -> bool:
        """The labels within a box of voxels (k, j, i) changed in place; returns whether the slice shows that."""
        if not isinstance(plane, SlicePlane) or self._labels is None:
            self._labels = None
            return True
        through, across, down = (box[2 - axis] for axis in (plane.through, plane.across, plane.down))
        if not through.start <= index < through.stop:
            return False
        columns, rows = plane.grid.size[plane.across], plane.grid.size[plane.down]
        left = columns - across.stop if plane.is_flipped_across else across.start
        top = rows - down.stop if plane.is_flipped_down else down.start
        width, height = across.stop - across.start, down.stop - down.start
        part = plane.image(labels.array, index)[top : top + height, left : left + width]
        rgba = np.ascontiguousarray(self._table[part])
        painter = QPainter(self._labels)
        painter.setCompositionMode(QPainter.CompositionMode.CompositionMode_Source)
        painter.drawImage(left, top, QImage(rgba.data, width, height, 4 * width, QImage.Format.Format_RGBA8888))
        painter.end()
        return True
