"""The mode Assess: what a case allows, an assessment made in a process of its own, its answer kept and shown."""

from __future__ import annotations

import json
import time
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
from PySide6.QtCore import QObject, QSignalBlocker, Signal
from PySide6.QtWidgets import QFileDialog

from app.case.bundle import OpenCase
from app.case.commands import SetParameters, SetPatientValues
from app.case.records import Record
from app.desktop.assess.panel import AssessPanel
from app.desktop.assess.treating import AFTER, Treating
from app.desktop.assess.view import AnswerView
from app.desktop.model_mode import ModelMode
from app.desktop.scene.actors import label_surface
from app.desktop.scene.color_scale import ColorScale
from app.desktop.scene.vessel_look import VesselLook, VesselWall
from app.desktop.session.session import Session
from app.workflow.assessments.coronary import ASSESSMENT as CORONARY
from app.workflow.assessments.coronary import pullback_title
from app.workflow.assessments.frame import Assessed
from app.workflow.assessments.registry import assessment_of, keep, made_in, standing
from app.workflow.parameters import build
from app.workflow.steps import Request
from imaging.types import FloatArray, IntArray, LabelMap, Progress


@dataclass(frozen=True, eq=False)
class Made:
    """What a child process has found."""

    name: str
    request: Request
    found: Assessed
    seconds: float


@dataclass(frozen=True)
class Written:
    """A report that a child process has written: where, and what it could not draw."""

    path: str
    problem: str

    @property
    def sentence(self) -> str:
        """For people."""
        note = f" The vessels could not be drawn in 3D: {self.problem}" if self.problem else ""
        return f"Written: {self.path}.{note}"


@dataclass(frozen=True)
class Confirmed:
    """The coronary index in 3D that a child process has found: the command that keeps it, and with which settings."""

    keeping: SetParameters
    values: dict[str, Any]


@dataclass(frozen=True, eq=False)
class Answer:
    """A kept answer as JSON has it, with its quantities by title: unit, and values (n,) at the model's wall.

    ``labels`` were found in the scan; ``shell`` is the surface of all of them: points (n, 3), mm, and triangles (m, 3).
    """

    value: Mapping[str, Any]
    on_wall: Mapping[str, tuple[str, FloatArray]] = field(default_factory=dict)
    labels: LabelMap | None = None
    shell: tuple[FloatArray, IntArray] | None = None


def make_assessment(folder: Path, name: str, values: dict[str, Any], progress: Progress) -> Made:
    """What the child process does."""
    started = time.perf_counter()
    with OpenCase.open(folder, writable=False) as opened:
        request, found = made_in(opened, name, values, progress)
    return Made(name, request, found, time.perf_counter() - started)


def write_pdf(folder: Path, path: str, name: str, progress: Progress) -> Written:
    """What the child process does for a report."""
    from app.workflow.report import write_answers

    with OpenCase.open(folder, writable=False) as opened:
        return Written(path, write_answers(opened.folder, opened.case, Path(path), name, progress))


def confirm_in_3d(folder: Path, values: dict[str, Any], progress: Progress) -> Confirmed:
    """What the child process does for the coronary index in 3D."""
    from app.workflow.coronary_3d import confirm_in
    from app.workflow.coronary_parameters import Parameters

    with OpenCase.open(folder, writable=False) as opened:
        return Confirmed(confirm_in(opened, build(Parameters, values), progress=progress)[1], values)


def read_answer(opened: OpenCase, record: Record) -> Answer:
    """A kept answer; its surface's quantities are those of the nearest points of it."""
    value = json.loads(opened.path_of(record.files["json"]).read_text(encoding="utf-8"))
    model = opened.case.current("model")
    if "surface" not in record.files or model is None:
        return Answer(value)
    from scipy.spatial import cKDTree

    from imaging.surface.surface_io import read_model, read_surface

    surface = read_surface(opened.path_of(record.files["surface"]))
    wall = read_model(opened.path_of(model.files["surface"]).parent).surface.points
    nearest = cKDTree(surface.points).query(wall)[1]
    on_wall = {
        one["label"]: (one["unit"], np.asarray(surface.point_data[one["id"]], dtype=float)[nearest])
        for one in value.get("colored", ())
    }
    if "labels" not in record.files:
        return Answer(value, on_wall)
    from imaging.volume_io import read_labels

    labels = read_labels(opened.path_of(record.files["labels"]))
    found = label_surface(LabelMap((labels.array > 0).astype(np.uint8), labels.grid, {1: "all"}))
    return Answer(value, on_wall, labels, None if found is None else found[:2])


class AssessMode(ModelMode):
    """``refused`` carries each `Refusal` that a user must see, ``labels_shown`` the answer's labels or None,
    ``place_asked`` a landmark that is to be placed."""

    labels_shown = Signal(object)
    place_asked = Signal(str)

    def __init__(self, session: Session, parent: QObject | None = None) -> None:
        self.view = AnswerView()
        super().__init__(session, AssessPanel(), self.view, parent)
        self.answer: Answer | None = None
        self._shown = ""
        self._taken: Made | Confirmed | None = None
        self.panel.start_asked.connect(self._start)
        self.panel.assessment_chosen.connect(self._choose_assessment)
        self.panel.person_entered.connect(lambda name, value: session.store.do(SetPatientValues({}, {name: value})))
        self.panel.fhir.serve(session.store)
        self.panel.shown_changed.connect(self._show)
        self.panel.pdf_asked.connect(self._write_pdf)
        self.panel.place_asked.connect(self.place_asked)
        self.panel.confirm_asked.connect(lambda values: self.task.begin(confirm_in_3d, values))
        self.treating = Treating(session, self.panel.treat, self)
        self.treating.changed.connect(self._show_treated)
        self.treating.refused.connect(self.refused)
        self.panel.treat_button.toggled.connect(lambda checked: self._look())
        self.panel.treat.shown_changed.connect(self._color)

    def enter(self, scene: Any) -> None:
        super().enter(scene)
        self._share_labels()

    def leave(self) -> None:
        super().leave()
        self._share_labels()

    def _share_labels(self) -> None:
        self.labels_shown.emit(self.answer.labels if self.answer is not None and self._is_shown else None)

    def choose(self, vessel: str) -> None:
        """A click reads a value; no vessel is chosen."""

    def _choose_assessment(self, name: str) -> None:
        self.panel.take_choice()
        self.task.forget()
        self._look()

    def _start(self, values: dict[str, Any]) -> None:
        self.task.begin(make_assessment, self.panel.chosen, values)

    def _write_pdf(self) -> None:
        name, _ = QFileDialog.getSaveFileName(self.panel, "Save the answer", f"{self.panel.chosen}.pdf", "PDF (*.pdf)")
        if name:
            self.task.begin(write_pdf, name, self.panel.chosen)

    def _look(self) -> None:
        """Show how the case stands, and the answer that it keeps."""
        if not self._is_shown:
            return
        store = self._session.store
        self.panel.set_standing(standing(store.case))
        self.panel.set_person(store.case.person, store.is_writable)
        self.treating.want(self.panel.set_treating(self.panel.chosen == CORONARY.id))
        record = assessment_of(self.panel.chosen).current(store.case)
        stale = "" if record is None else ",".join(store.case.stale_inputs(record))
        shown = "" if record is None else f"{record.id} {stale}"
        if shown != self._shown:
            self._shown = shown
            self._take_answer(None)
            if record is not None:
                work = partial(read_answer, store.opened, record)
                self._session.data.compute("assessment", work, partial(self._take_read, shown, stale), self._refuse)

    def _take_read(self, shown: str, stale: str, answer: Answer) -> None:
        if shown == self._shown:
            changed = [name for name in stale.split(",") if name]
            self._take_answer(replace(answer, value={**answer.value, "stale_inputs": changed}))

    def _take_answer(self, answer: Answer | None) -> None:
        self.answer = answer
        self.panel.set_answer(None if answer is None else answer.value, () if answer is None else list(answer.on_wall))
        self.below.setVisible(answer is not None or self.treating.answer is not None)
        if answer is not None:
            self.view.show_tables(answer.value)
        self._share_labels()
        self._show()

    def _take(self) -> None:
        """The task has begun, ended, or found something: what it found goes into the case."""
        task, store = self.task, self._session.store
        self.panel.set_progress(0.0 if task.is_busy else None, "Starting")
        found = task.found
        for button in (self.panel.pdf_button, self.panel.confirm_button):
            button.setEnabled(not task.is_busy)
        if not task.is_busy:
            rows = {row["id"]: row for row in standing(store.case)}
            can_start = self.panel.chosen in rows and rows[self.panel.chosen]["can_be_made"] and store.is_writable
            told = task.found.sentence if isinstance(task.found, Written) else ""
            told = task.failure.message if task.failure is not None else told
            if not store.is_writable:
                told = "The case is open read-only: its answers can be read, not made."
            self.panel.set_state(told, can_start=bool(can_start))
        if found is self._taken:
            return
        if isinstance(found, Made):
            self._taken = found
            store.call(lambda: keep(store.opened, found.name, found.request, found.found, found.seconds))
        elif isinstance(found, Confirmed):
            self._taken = found
            store.do(found.keeping)
            self._start(found.values)  # the answer that tells it

    def _refuse(self, refusal: Any) -> None:
        self.refused.emit(refusal)

    def close(self) -> None:
        super().close()
        self.treating.close()

    def _show_treated(self) -> None:
        """Show what a treatment changes, in the plot of its vessel."""
        found, plotted = self.treating.answer, self.panel.plotted
        if found is None:
            self.view.show_treated()
        else:
            self.view.show_treated(found.columns, [found.cells(row) for row in found.rows])
            at = plotted.findText(pullback_title(self.treating.branch)) if self.treating.branch else -1
            if at >= 0 and at != plotted.currentIndex():
                with QSignalBlocker(plotted):
                    plotted.setCurrentIndex(at)
        self.below.setVisible(self.answer is not None or found is not None)
        self._show()

    def _show(self) -> None:
        title = self.panel.plotted.currentText()
        curve = self.treating.curve_of(title)
        value = self.answer.value if self.answer is not None else {"curves": (), "tables": ()}
        self.view.show_curves(value, title, None if curve is None else (AFTER, curve))
        self._color()

    def _color(self) -> None:
        """Color the wall by the chosen quantity of the answer."""
        if self.scene is None or not self._is_shown:
            return
        wall: VesselWall | None = self.scene.wall
        treated = self.treating.look_of(wall) if wall is not None else None
        if treated is not None:
            self.scene.show_vessels(treated)
            return
        name = self.panel.colored.currentText()
        unit, values = self.answer.on_wall.get(name, ("", None)) if self.answer is not None else ("", None)
        if wall is None or values is None or len(values) != len(wall.points_mm):
            self.scene.show_vessels(None)
            return
        scale = ColorScale.round(name, unit, values[~wall.is_extension], "over the anatomy", least=1e-3)
        nothing = np.full(len(wall.names), np.nan)
        shell = self.answer.shell if self.answer is not None else None
        self.scene.show_vessels(VesselLook(nothing, nothing, scale, at_points=values, shell=shell))
