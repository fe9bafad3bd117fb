"""What a treatment of coronary lesions would change, asked of the tree in memory while its controls are turned."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
from PySide6.QtCore import QObject, Signal

from app.desktop.assess.treat_box import TreatBox
from app.desktop.scene.color_scale import ColorScale
from app.desktop.scene.vessel_look import VesselLook, VesselWall
from app.desktop.session.coronary_task import CoronaryTask
from app.desktop.session.refusal import refusal_of
from app.desktop.session.session import Session
from app.workflow.assessments.coronary import pullback_title
from app.workflow.compare import Comparison
from app.workflow.coronary_model import branch_curve
from app.workflow.treat import TREATMENTS, Treatment, planned, planned_on

AFTER = "after the treatment"


class Treating(QObject):
    """``changed`` tells that there is another answer, or none any more; ``refused`` carries a `Refusal`."""

    changed = Signal()
    refused = Signal(object)

    def __init__(self, session: Session, box: TreatBox, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self._store, self.box = session.store, box
        self.task = CoronaryTask(session.store, self)
        self.answer: Comparison | None = None
        self._is_wanted = False
        self.task.changed.connect(self._take_model)
        self.task.progressed.connect(lambda fraction, text: box.progress.set_progress(fraction, text))
        self.task.answered.connect(self._take)
        self.task.refused.connect(self._refuse)
        box.changed.connect(self._ask)
        box.progress.cancel_asked.connect(self.task.cancel)
        box.keep_asked.connect(
            lambda name: self._do(
                lambda: TREATMENTS.keeping(self._store.case, name, planned_on(self._store.case, box.treatment))
            )
        )
        box.forget_asked.connect(lambda name: self._do(lambda: TREATMENTS.forgetting(self._store.case, name)))
        box.open_asked.connect(self._open)

    def want(self, is_wanted: bool) -> None:
        """Have the tree of the case as it is now, or show nothing of it."""
        self._is_wanted = is_wanted
        if not is_wanted:
            self._set(None)
            return
        if self._store.case.current("model") is None:
            self.box.set_model(None)
            self.box.progress.set_state("There is no vessel tree yet: run Model first.")
            return
        try:
            self.box.set_plans(tuple(TREATMENTS.of(self._store.case)), self._store.is_writable)
        except Exception as error:
            self.refused.emit(refusal_of(error))
        self.task.want_now()
        self._take_model()

    def close(self) -> None:
        """End all work."""
        self.task.close()

    @property
    def branch(self) -> str:
        """The vessel that was treated last; empty where none is."""
        treatment, model = self.box.treatment, self.task.made
        if treatment.stents:
            return treatment.stents[min(max(self.box.stent.currentIndex(), 0), len(treatment.stents) - 1)].branch
        return str(model.lesions[treatment.removed[-1] - 1].branch) if treatment.removed and model is not None else ""

    def curve_of(self, title: str) -> tuple[Any, Any] | None:
        """Along the vessel of a pullback's title [mm], and the index there after the treatment."""
        if self.answer is None:
            return None
        model = self.task.made
        branch = next((branch for branch in model.ends_mm if pullback_title(branch) == title), None)
        return None if branch is None else branch_curve(model, self.answer.states[1], branch)

    def look_of(self, wall: VesselWall) -> VesselLook | None:
        """The wall by the index after the treatment, in one range with that before; None when it is not wanted."""
        if self.answer is None or not self.box.colors_after.isChecked():
            return None
        before, after = (np.asarray(self.task.made.at_wall(state)) for state in self.answer.states[:2])
        if len(after) != len(wall.points_mm):
            return None
        both = np.concatenate([before[~wall.is_extension], after[~wall.is_extension]])
        scale = ColorScale.round("FFR-like index", "1", both, f"{AFTER};\none range with before", least=1e-3)
        nothing = np.full(len(wall.names), np.nan)
        return VesselLook(nothing, nothing, scale, at_points=after)

    def _take_model(self) -> None:
        task, box = self.task, self.box
        box.progress.set_progress(0.0 if task.is_busy and task.made is None else None, "Starting")
        if not task.is_busy:
            told = task.failure.message if task.failure is not None else ""
            if not told and task.made is None:
                told = "The tree was not made: close and open this part to make it."
            box.progress.set_state(told)
        is_new = task.made is not None and task.made is not box.model
        box.set_model(task.made)
        if task.made is None or is_new:
            self._set(None)

    def _ask(self) -> None:
        if self.box.treatment == Treatment():
            self._set(None)
        else:
            self.task.ask({AFTER: self.box.treatment})

    def _take(self, question: Any, answer: Comparison) -> None:
        if self._is_wanted and question[AFTER] == self.box.treatment:
            self._set(answer)

    def _set(self, answer: Comparison | None) -> None:
        was, self.answer = self.answer, answer
        if was is None and answer is None:
            return
        self.box.set_answer(None if answer is None else answer.milliseconds)
        self.changed.emit()

    def _refuse(self, refusal: Any) -> None:
        self._set(None)
        self.box.progress.set_state(refusal.message)

    def _open(self, name: str) -> None:
        try:
            self.box.set_treatment(planned(self._store.case, name))
        except Exception as error:
            self.refused.emit(refusal_of(error))
            return
        self.box.name.setText(name)
        self._ask()

    def _do(self, command: Callable[[], Any]) -> None:
        try:
            self._store.do(command())
        except Exception as error:
            self.refused.emit(refusal_of(error))
