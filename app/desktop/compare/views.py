"""Three 3D views side by side: one camera for all of them, one range of colors, a title over each."""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial
from typing import Any

from PySide6.QtCore import QRectF, Qt, Signal
from PySide6.QtGui import QPainter, QPaintEvent
from PySide6.QtWidgets import QGridLayout, QLabel, QWidget

from app.desktop.scene.vessel_look import VesselActors, VesselLook, VesselWall
from app.desktop.views.camera import Camera
from app.desktop.views.scene_view import SceneView

_LAYER = "vessels"
N_VIEWS = 3
_BAR_PX = 132


class _Bar(QWidget):
    """The bar of colors, beside the views so that it covers none."""

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.look: VesselLook | None = None
        self.setFixedWidth(_BAR_PX)

    def paintEvent(self, event: QPaintEvent) -> None:
        if self.look is not None:
            self.look.paint_legend(QPainter(self), QRectF(self.rect()))


class CompareViews(QWidget):
    """``failed`` carries a `Refusal` when rendering went wrong."""

    failed = Signal(object)

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.views = [SceneView() for _ in range(N_VIEWS)]
        self.titles = [QLabel() for _ in range(N_VIEWS)]
        self._actors: list[VesselActors | None] = [None] * N_VIEWS
        self._wall: VesselWall | None = None
        grid = QGridLayout(self)
        grid.setContentsMargins(0, 0, 0, 0)
        grid.setSpacing(2)
        grid.setRowStretch(1, 1)
        for column, (view, title) in enumerate(zip(self.views, self.titles, strict=True)):
            title.setAlignment(Qt.AlignmentFlag.AlignHCenter)
            title.setTextFormat(Qt.TextFormat.PlainText)
            grid.addWidget(title, 0, column)
            grid.addWidget(view, 1, column)
            grid.setColumnStretch(column, 1)
            view.camera_changed.connect(partial(self._follow, view))
            view.failed.connect(self.failed)
        self.bar = _Bar()
        grid.addWidget(self.bar, 1, N_VIEWS)

    def show_looks(self, wall: VesselWall | None, names: Sequence[str], looks: Sequence[VesselLook]) -> None:
        """Show the vessels in each look; the legend stands beside them. Views without a look are hidden."""
        is_new = wall is not None and wall is not self._wall
        if is_new:
            self._wall, self._actors = wall, [None] * N_VIEWS
        for number, (view, title) in enumerate(zip(self.views, self.titles, strict=True)):
            is_shown = wall is not None and number < len(looks)
            view.setVisible(is_shown)
            title.setVisible(is_shown)
            if wall is None or not is_shown:
                continue
            title.setText(names[number])
            view.setAccessibleName(f"3D view: {names[number]}")
            view.set_layer(_LAYER, partial(self._build, number, wall, looks[number]))
        self.bar.look = looks[0] if looks else None
        self.bar.update()
        if is_new:
            self.views[0].fit(_LAYER, "V")

    def close_renderers(self) -> None:
        """Free what the renderers hold."""
        for view in self.views:
            view.close_renderer()

    def _build(self, number: int, wall: VesselWall, look: VesselLook) -> list[Any]:
        """In the rendering thread of the view: so is its actor."""
        actors = self._actors[number]
        if actors is None or actors.wall is not wall:
            actors = self._actors[number] = VesselActors(wall)
        return actors.show(look)

    def _follow(self, moved: SceneView, camera: Camera) -> None:
        for view in self.views:
            if view is not moved and view.camera is not camera:
                view.set_camera(camera)
