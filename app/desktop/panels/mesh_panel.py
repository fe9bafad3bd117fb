"""The mesh: closed or laid open."""

from __future__ import annotations

from typing import TYPE_CHECKING

from PySide6.QtCore import Signal
from PySide6.QtWidgets import QCheckBox, QLabel, QPushButton, QWidget

from app.case.records import Case
from app.desktop import theme
from app.desktop.panels.step_panel import StepPanel, section
from app.desktop.panels.surface_doctor import SurfaceDoctorBox
from app.desktop.session.surface_doctor import SurfaceDoctor

if TYPE_CHECKING:
    from app.desktop.monitor.plots import Plot

_PLOT_HEIGHT = 190


class MeshPanel(StepPanel):
    """``cut_changed`` tells whether the mesh is to be laid open at the crosshair; ``examine_asked`` wants the model's
    surface looked at, ``place_asked`` carries a place (mm, LPS), ``fix_asked`` the number of a repair, and
    ``family_asked`` wants meshes of every size."""

    cut_changed = Signal(bool)
    examine_asked = Signal()
    place_asked = Signal(object)
    fix_asked = Signal(int)
    family_asked = Signal()

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__("mesh", parent)

    def add_sections(self) -> None:
        self.cut = QCheckBox("Lay the mesh open at the crosshair")
        self.cut.setToolTip("Cells in front of the crosshair are left away, seen from the front.")
        self.cut.toggled.connect(self.cut_changed)
        self._colors = QLabel("Red: wall. Gray: flow extensions. Laid open: yellow layers, blue core.")
        self._colors.setObjectName("muted")
        self._colors.setWordWrap(True)
        self.family = QPushButton("Mesh coarse, medium and fine")
        self.family.setToolTip("Three meshes, one after the other, to see how far a result depends on the mesh.")
        self.family.clicked.connect(self.family_asked)
        self.body.addWidget(self.family)
        self.body.addWidget(self.cut)
        self.body.addWidget(self._colors)

    def add_sections_below(self) -> None:
        self._doctor_title = section("Mesh Doctor")
        self.doctor = SurfaceDoctorBox()
        self.doctor.examine_asked.connect(self.examine_asked)
        self.doctor.place_asked.connect(self.place_asked)
        self.doctor.fix_asked.connect(self.fix_asked)
        self.shapes: Plot | None = None
        self.body.addWidget(self._doctor_title)
        self.body.addWidget(self.doctor)

    def set_doctor(self, doctor: SurfaceDoctor) -> None:
        """Show what the Mesh Doctor found."""
        self.doctor.set_diagnosis(
            doctor.diagnosis, is_busy=doctor.is_busy, can_fix=self._is_writable and not self._is_busy
        )

    def set_case(self, case: Case, is_writable: bool) -> None:
        super().set_case(case, is_writable)
        for widget in (self.cut, self._colors):
            widget.setVisible(case.current("mesh") is not None)
        self._doctor_title.setVisible(case.current("model") is not None)
        self.doctor.setVisible(case.current("model") is not None)

        self._show_shapes(case)

    def _show_shapes(self, case: Case) -> None:
        """How many cells have which scaled Jacobian, where the mesh's record tells."""
        mesh = case.current("mesh")
        counts = mesh.facts.get("scaled_jacobian_counts") if mesh is not None else None
        if counts and self.shapes is None:
            from app.desktop.monitor.plots import Plot

            self.shapes = Plot("Shape of the cells", ("Scaled Jacobian (1: regular)", ""), ("Cells", ""))
            self.shapes.setFixedHeight(_PLOT_HEIGHT)
            self.body.insertWidget(self.body.indexOf(self._doctor_title), self.shapes)
        if self.shapes is not None:
            self.shapes.setVisible(bool(counts))
        if counts and self.shapes is not None:
            for n, (where, cells) in enumerate(counts.items()):
                middles = [(step + 0.5) / len(cells) for step in range(len(cells))]
                self.shapes.show_curve(where, middles, list(cells), theme.CATEGORIES[n], dots=True)

    def _refresh(self) -> None:
        super()._refresh()
        self.family.setEnabled(self.can_run())
