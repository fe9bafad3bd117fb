"""The mode What if: panel, table and colors in 3D over the 0D model in memory, with its own undo."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
from PySide6.QtCore import QObject, QTimer

from app.desktop import theme
from app.desktop.mode_base import ModeBase
from app.desktop.scene.color_scale import ColorScale
from app.desktop.scene.vessel_look import VesselLook, VesselWall
from app.desktop.session.refusal import refusal_of
from app.desktop.session.session import Session
from app.desktop.session.what_if_model import Question, WhatIfModel
from app.desktop.views.scene_view import Caption
from app.desktop.what_if.edits import branch_dials
from app.desktop.what_if.panel import AS_IT_IS, WhatIfPanel
from app.desktop.what_if.vessel_table import VesselTable
from app.workflow.plans import forgetting, keeping, plans_of
from app.workflow.what_if import Answer, Change, VesselState
from imaging.anatomy.vessel_names import spelled

_REST_MS = 400
"""After so long without a movement of a dial, what is shown becomes a step for Undo."""
_LEAST_MMHG, _LEAST_ML_S, _LEAST_PERCENT = 5.0, 1.0, 2.0
"""Smallest width of a range of colors."""
_MOST_STEPS = 200


class WhatIfMode(ModeBase):
    """What if: the panel asks, table and 3D answer."""

    def __init__(self, session: Session, parent: QObject | None = None) -> None:
        super().__init__(session, parent)
        self.panel = WhatIfPanel()
        self.below = self.table = VesselTable()
        self.model = WhatIfModel(session.store, self)
        self.answer: Answer | None = None
        self.plan = ""
        self._steps: list[Change] = [Change()]
        self._step = 0
        self._rest = QTimer(self)
        self._rest.setSingleShot(True)
        self._rest.timeout.connect(self._take_step)
        panel, model = self.panel, self.model
        panel.changed.connect(self._ask_and_rest)
        panel.shown_changed.connect(self._color)
        panel.branch_chosen.connect(self._choose_branch)
        panel.undo_asked.connect(lambda: self._move(-1))
        panel.redo_asked.connect(lambda: self._move(1))
        panel.reset_asked.connect(self._reset)
        panel.cancel_asked.connect(self._cancel)
        panel.keep_asked.connect(self._keep)
        panel.open_asked.connect(self._open)
        panel.forget_asked.connect(lambda name: self._do(lambda: forgetting(session.store.case, name)))
        self.table.chosen.connect(self.choose)
        model.changed.connect(self._take_model)
        model.progressed.connect(lambda fraction, text: self.panel.set_progress(fraction, text))
        model.answered.connect(self._take_answer)
        model.refused.connect(self.refused)
        session.store.history_changed.connect(self._take_case)
        session.run_watch.status_changed.connect(self._want)

    # Coming and going -------------------------------------------------------------------------------------------------

    def enter(self, scene: Any) -> None:
        super().enter(scene)
        self._want()
        self._take_case()
        self._take_model()

    def close(self) -> None:
        """End what is being worked out."""
        self._rest.stop()
        self.model.close()

    # Asking -----------------------------------------------------------------------------------------------------------

    def _want(self) -> None:
        if self._is_shown:
            self.model.want_of_run(self._session.run_watch.status)

    def _take_model(self) -> None:
        panel, model = self.panel, self.model
        self.answer = None
        panel.set_progress(0.0 if model.is_busy else None, "Starting")
        if not model.is_busy:
            told = model.failure.message if model.failure is not None else ""
            if self._session.store.case.current("model") is None:
                told = "There is no vessel tree yet: run Model first."
            elif not told and model.made is None:
                told = "The model was not made. Go to another step and come back to make it."
            panel.set_state(told)
        else:
            panel.state.show()
        panel.set_model(model.made)
        self.table.setVisible(model.made is not None)
        if model.made is None:
            self._color()
            return
        if not self.vessel:
            self.choose(model.made.steady.before[0].name)
        self._ask()

    def _cancel(self) -> None:
        self.model.cancel()

    def _ask_and_rest(self) -> None:
        self._ask()
        self._rest.start(_REST_MS)

    def _ask(self) -> None:
        name = self.panel.beside.currentText()
        try:
            plans = plans_of(self._session.store.case)
        except Exception as error:
            self.refused.emit(refusal_of(error))
            return
        beside = Change() if name == AS_IT_IS else plans.get(name, Change())
        self.model.ask(Question(self.panel.change, beside, self.panel.has_pulse.isChecked()))

    def _take_answer(self, question: Question, answer: Answer) -> None:
        self.answer = answer
        self.panel.set_answer(answer)
        self.table.show_states(answer.before, answer.after)
        self.table.choose(self.vessel)
        self._color()

    # Undo -------------------------------------------------------------------------------------------------------------

    def _take_step(self) -> None:
        """What is shown becomes a step: of the plan that is open, in the case's history, or else of this mode's own."""
        change = self.panel.change
        if self.plan:
            kept = plans_of(self._session.store.case).get(self.plan)
            if kept is not None and kept != change:
                self._do(lambda: keeping(self._session.store.case, self.plan, change))
        elif change != self._steps[self._step]:
            self._steps = [*self._steps[: self._step + 1], change][-_MOST_STEPS:]
            self._step = len(self._steps) - 1
        self._refresh_undo()

    def _move(self, by: int) -> None:
        self._rest.stop()
        self._take_step()
        if self.plan:
            (self._session.store.undo if by < 0 else self._session.store.redo)()
            return
        self._step = min(max(self._step + by, 0), len(self._steps) - 1)
        self._show(self._steps[self._step])

    def _reset(self) -> None:
        self._rest.stop()
        self._take_step()
        self.plan = ""
        self._show(Change())
        self._take_step()

    def _show(self, change: Change) -> None:
        self.panel.set_change(change)
        self._refresh_undo()
        self._ask()

    def _refresh_undo(self) -> None:
        history, is_writable = self._session.store.history, self._session.store.is_writable
        undo = "the change before" if self._step > 0 else None
        redo = "the change after" if self._step + 1 < len(self._steps) else None
        if self.plan:
            undo, redo = history.undo_label, history.redo_label
        self.panel.set_undo(undo, redo, is_writable)

    # Plans ------------------------------------------------------------------------------------------------------------

    def _keep(self, name: str) -> None:
        change = self.panel.change
        self.plan = name
        self._do(lambda: keeping(self._session.store.case, name, change))

    def _open(self, name: str) -> None:
        self._rest.stop()
        self._take_step()
        plan = plans_of(self._session.store.case).get(name)
        if plan is not None:
            self.plan = name
            self.panel.name.setText(name)
            self._show(plan)

    def _do(self, command: Callable[[], Any]) -> None:
        try:
            self._session.store.do(command())
        except Exception as error:
            self.refused.emit(refusal_of(error))

    def _take_case(self) -> None:
        """The case is another one: its plans, its history, perhaps the model."""
        if not self._is_shown:
            return
        self._want()
        try:
            plans = plans_of(self._session.store.case)
        except Exception as error:
            self.refused.emit(refusal_of(error))
            plans = {}
        before = self.panel.beside.currentText()
        self.panel.set_plans(tuple(plans))
        if self.plan and self.plan not in plans:  # undone, or forgotten: what is shown stays, unkept
            self.plan = ""
            self._take_step()
        elif self.plan and plans[self.plan] != self.panel.change and not self._rest.isActive():
            self._show(plans[self.plan])
        if self.panel.beside.currentText() != before:
            self._ask()
        self._refresh_undo()

    # Choosing and coloring --------------------------------------------------------------------------------------------

    def choose(self, vessel: str) -> None:
        """Choose a vessel, and its branch."""
        made = self.model.made
        if made is None:
            return
        self.vessel = vessel
        self.panel.choose_branch(_branch_of(made.steady.before, vessel))
        self.table.choose(vessel)
        self._color()

    def _choose_branch(self, branch: str) -> None:
        made = self.model.made
        if made is not None:
            vessel = next((state.name for state in made.steady.before if state.branch == branch), "")
            self.choose(vessel)

    def _color(self) -> None:
        """Color the vessels by what is chosen, in one range for before and after."""
        if self.scene is None or not self._is_shown:
            return
        wall: VesselWall | None = self.scene.wall
        if wall is None or self.answer is None:
            self.scene.show_vessels(None)
            return
        self.scene.show_vessels(self._look(wall, self.answer))

    def _look(self, wall: VesselWall, answer: Answer) -> VesselLook:
        before = {state.name: state for state in answer.before}
        after = {state.name: state for state in answer.after}
        coloring = self.panel.chosen_coloring
        shown = before if self.panel.shows_before.isChecked() else after
        names = wall.names

        def ends(states: dict[str, VesselState]) -> np.ndarray[Any, Any]:
            if coloring.startswith("flow"):
                return np.array([(states[name].flow_ml_s,) * 2 for name in names])
            return np.array([(states[name].pressure_in_mmhg, states[name].pressure_out_mmhg) for name in names])

        both = np.array([ends(before), ends(after)])
        one_range = "one range, before and after"
        if coloring == "pressure":
            note = f"{one_range}\nstraight between a vessel's ends"
            scale = ColorScale.round("Mean pressure", "mmHg", both, note, least=_LEAST_MMHG)
        elif coloring == "flow":
            scale = ColorScale.round("Mean flow", "mL/s", both, one_range, least=_LEAST_ML_S)
        else:
            is_flow = coloring == "flow_change"
            values = both[1] - both[0]
            if is_flow:
                values = 100.0 * values / np.maximum(np.abs(both[0]), 1e-9)
            label, unit = ("Change of flow", "%") if is_flow else ("Change of pressure", "mmHg")
            least = _LEAST_PERCENT if is_flow else _LEAST_MMHG
            scale = ColorScale.round(label, unit, values, "after less before", least=least, is_change=True)
            return self._made_look(wall, values, scale, after)
        return self._made_look(wall, ends(shown), scale, shown)

    def _made_look(self, wall: VesselWall, values: Any, scale: ColorScale, shown: dict[str, VesselState]) -> VesselLook:
        told = {
            name: f"{spelled(name)}: {state.flow_ml_s:.3g} mL/s, {state.pressure_in_mmhg:.1f} to "
            f"{state.pressure_out_mmhg:.1f} mmHg"
            for name, state in shown.items()
        }
        return VesselLook(values[:, 0], values[:, 1], scale, self.vessel, tuple(self._captions(wall, told)), told)

    def _captions(self, wall: VesselWall, told: dict[str, str]) -> list[Caption]:
        found = []
        if self.vessel in wall.names:
            found.append(Caption(told.get(self.vessel, ""), _point(wall.middles[self.vessel]), theme.POINT))
        for one in self.panel.change.stenoses:
            vessel, fraction = self._throat(one.branch, branch_dials(self.panel.change, one.branch).position / 100.0)
            if vessel in wall.names:
                place = wall.place_mm(vessel, fraction)
                found.append(Caption(f"▶◀ {one.percent:g} % narrower", _point(place), theme.WARNING))
        return found

    def _throat(self, branch: str, fraction: float) -> tuple[str, float]:
        """The vessel, and the part of its length, at a part of a branch's length."""
        made = self.model.made
        assert made is not None
        vessel, along = made.steady.case.patient.tree.at(branch, fraction)
        return vessel.name, along / vessel.length


def _branch_of(states: tuple[VesselState, ...], vessel: str) -> str:
    return next((state.branch for state in states if state.name == vessel), vessel)


def _point(place: Any) -> tuple[float, float, float]:
    x, y, z = (float(c) for c in place)
    return x, y, z
