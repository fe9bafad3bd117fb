"""The panel of each step, with what its buttons do."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING

from PySide6.QtCore import QTimer, QUrl
from PySide6.QtGui import QDesktopServices

from app.case.commands import SetPatientValues
from app.desktop.edit.edit_section import EditSection
from app.desktop.new_case import series_of
from app.desktop.panels.import_panel import ImportPanel
from app.desktop.panels.mesh_panel import MeshPanel
from app.desktop.panels.named_panel import NamedVesselsPanel
from app.desktop.panels.report_panel import ReportPanel
from app.desktop.panels.segment_panel import SegmentPanel
from app.desktop.panels.simulate_panel import SimulatePanel
from app.desktop.panels.step_panel import StepPanel
from app.desktop.session.session import Session
from app.workflow.segment import removing_point
from app.workflow.vessel_names import rename

if TYPE_CHECKING:
    from app.desktop.workspace import Workspace


def new_panel(step_id: str, session: Session, work: Workspace) -> StepPanel:
    """The panel of a step of an open case."""
    makers = {
        "import": _import_panel,
        "segment": _segment_panel,
        "model": _model_panel,
        "mesh": _mesh_panel,
        "simulate": _simulate_panel,
        "results": _results_panel,
        "report": _report_panel,
    }
    return makers[step_id](session, work) if step_id in makers else StepPanel(step_id)


def _import_panel(session: Session, work: Workspace) -> StepPanel:
    panel = ImportPanel()
    panel.source_chosen.connect(
        lambda folder: session.data.compute("series", partial(series_of, folder), panel.set_series)
    )
    return panel


def _segment_panel(session: Session, work: Workspace) -> StepPanel:
    panel, placing = SegmentPanel(), work.placing
    panel.arm_asked.connect(partial(placing.arm, goes_on=True))
    panel.show_asked.connect(placing.show)
    panel.remove_asked.connect(lambda role: session.store.do(removing_point(session.store.case, role)))
    panel.label_look_changed.connect(work.quad.set_label_look)
    panel.set_labels(session.data.labels)
    tools = EditSection(work.edit_tool)
    tools.place_asked.connect(work.show_place)
    tools.chosen.connect(placing.begin_editing)
    tools.compare_asked.connect(work.ask_comparison)
    if work.edit is not None:
        tools.set_session(work.edit)
    panel.add_edit(tools)
    placing.panel, placing.tools = panel, tools
    return panel


def _model_panel(session: Session, work: Workspace) -> StepPanel:
    panel = NamedVesselsPanel()
    panel.renamed.connect(lambda old, new: session.store.call(lambda: rename(session.store.opened, {old: new})))
    panel.set_model(session.data.model)
    return panel


def _mesh_panel(session: Session, work: Workspace) -> StepPanel:
    panel = MeshPanel()
    panel.cut_changed.connect(lambda is_cut: work.scene and work.scene.set_cut(is_cut))
    panel.examine_asked.connect(session.surface_doctor.examine)
    panel.place_asked.connect(work.show_place)
    panel.fix_asked.connect(session.repair_model)
    panel.family_asked.connect(session.mesh_family)
    return panel


def _simulate_panel(session: Session, work: Workspace) -> StepPanel:
    panel = SimulatePanel()
    panel.patient_entered.connect(lambda name, value: session.store.do(SetPatientValues({name: value})))
    panel.fhir.serve(session.store)
    panel.run_cancel_asked.connect(session.cancel_run)
    panel.run_continue_asked.connect(lambda: session.start_run(go_on=True))
    panel.check_asked.connect(lambda: session.check.check_settings(panel.run_values))
    panel.place_asked.connect(work.show_place)
    panel.fix_asked.connect(work.apply)
    work.run_display.panel = panel
    return panel


def _results_panel(session: Session, work: Workspace) -> StepPanel:
    from app.desktop.panels.results_panel import ResultsPanel

    panel = ResultsPanel()
    panel.look_changed.connect(lambda look: work.scene and work.scene.show_result(**look))
    if work.scene is not None:  # plots come with the scene
        QTimer.singleShot(0, work, work.take_result)  # the window answers in between
    return panel


def _report_panel(session: Session, work: Workspace) -> StepPanel:
    def open_report() -> None:
        record = session.store.case.current("report")
        if record is not None:
            path = session.store.opened.path_of(record.files["pdf"])
            QDesktopServices.openUrl(QUrl.fromLocalFile(str(path)))

    panel = ReportPanel()
    panel.open_asked.connect(open_report)
    return panel
