"""The mesh: closed or laid open."""

from __future__ import annotations

from PySide6.QtCore import Signal
from PySide6.QtWidgets import QCheckBox, QLabel, QPushButton, QWidget

from app.case.records import Case
from app.desktop import theme
from app.desktop.panels.cell_shapes import CellShapes
from app.desktop.panels.step_panel import StepPanel, section
from app.desktop.panels.surface_doctor import SurfaceDoctorBox
from app.desktop.session.surface_doctor import SurfaceDoctor
from app.workflow.mesh import verdict_of


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
        self.verdict = QLabel()
        self.verdict.setWordWrap(True)
        self.body.addWidget(self.verdict)
        self.shapes = CellShapes()
        self.body.addWidget(self.shapes)
        self._doctor_title = section("Mesh Doctor")
        self.doctor = SurfaceDoctorBox()
        self.doctor.examine_asked.connect(self.examine_asked)
        self.doctor.place_asked.connect(self.place_asked)
        self.doctor.fix_asked.connect(self.fix_asked)
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

        mesh = case.current("mesh")
        said = verdict_of(mesh.facts) if mesh is not None else ""
        is_good = mesh is not None and mesh.facts.get("is_verified", False)
        self.verdict.setText(f"{'✓' if is_good else '✕'} {said}")
        self.verdict.setStyleSheet(f"color: {theme.STATE_COLORS['done' if is_good else 'failed']}")
        self.verdict.setVisible(bool(said))
        self.shapes.set_counts(mesh.facts.get("scaled_jacobian_counts", {}) if mesh is not None else {})

    def _refresh(self) -> None:
        super()._refresh()
        self.family.setEnabled(self.can_run())
