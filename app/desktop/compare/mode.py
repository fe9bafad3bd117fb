"""The mode Compare: the case as it is and options that it keeps, in linked views, with what differs below."""

from __future__ import annotations

from typing import Any

import numpy as np
from PySide6.QtCore import QObject
from PySide6.QtWidgets import QTableWidget

from app.desktop.assess.view import table_of
from app.desktop.compare.panel import ComparePanel
from app.desktop.compare.views import CompareViews
from app.desktop.mode_base import ModeBase
from app.desktop.modes import NOTHING_KEPT
from app.desktop.scene.color_scale import ColorScale
from app.desktop.scene.vessel_look import VesselLook, VesselWall
from app.desktop.session.asked_model import AskedModel
from app.desktop.session.coronary_task import CoronaryTask
from app.desktop.session.refusal import refusal_of
from app.desktop.session.session import Session
from app.desktop.session.what_if_model import Made, make_model, what_reduced_models_rest_on
from app.workflow.compare import AS_IT_IS, Comparison, compare_changes, options_of
from app.workflow.plans import WHAT_IFS
from app.workflow.treat import planned
from app.workflow.what_if import Change

_LEAST = {"FFR-like index": 0.05, "Mean pressure": 5.0, "Mean flow": 1e-3}
"""Smallest width of a range of colors."""


def _compared_changes(made: Made, options: dict[str, Change]) -> Comparison:
    return compare_changes(made.steady, options)


class CompareMode(ModeBase):
    """Compare: the panel chooses, three views and a table answer."""

    def __init__(self, session: Session, parent: QObject | None = None) -> None:
        super().__init__(session, parent)
        self.panel = ComparePanel()
        self.center = self.views = CompareViews()
        self.below = self.table = QTableWidget()
        self.found: Comparison | None = None
        self._asked: tuple[str, tuple[str, ...]] = ("", ())
        store = session.store
        self.models: dict[str, AskedModel] = {
            "treat": CoronaryTask(store, self),
            "what_if": AskedModel(store, make_model, _compared_changes, lambda made: _compared_changes(made, {}), self),
        }
        for kind, model in self.models.items():
            model.changed.connect(lambda: self._look(wants=False))
            model.progressed.connect(lambda fraction, text: self.panel.progress.set_progress(fraction, text))
            model.answered.connect(lambda question, answer, kind=kind: self._take(kind, question, answer))
            model.refused.connect(self._refuse)
        self.panel.changed.connect(lambda: self._look())
        self.panel.shown_changed.connect(self._color)
        self.panel.progress.cancel_asked.connect(lambda: self.models[self.panel.chosen_kind].cancel())
        self.views.failed.connect(self.refused)
        store.history_changed.connect(lambda: self._look())

    def enter(self, scene: Any) -> None:
        super().enter(scene)
        self._look()

    def close(self) -> None:
        """End what is being worked out."""
        for model in self.models.values():
            model.close()
        self.views.close_renderers()

    def choose(self, vessel: str) -> None:
        """No vessel is chosen."""

    def _look(self, *, wants: bool = True) -> None:
        """Show what is chosen of the case as it is now.

        Parameters
        ----------
        wants
            Whether a model that is not there is made: not after Cancel.
        """
        if not self._is_shown:
            return
        case, panel = self._session.store.case, self.panel
        try:
            options = options_of(case)
            panel.blockSignals(True)
            panel.set_options(options)
            panel.blockSignals(False)
            kind, names = panel.chosen_kind, panel.chosen
            read = (lambda name: planned(case, name)) if kind == "treat" else (lambda name: WHAT_IFS.one(case, name))
            question = {name: read(name) for name in names}
        except Exception as error:
            panel.blockSignals(False)
            self._show(None, refusal_of(error).message)
            return
        if case.current("model") is None:
            self._show(None, "There is no vessel tree yet: run Model first.")
            return
        if not question:
            self._show(None, NOTHING_KEPT)
            return
        model = self.models[kind]
        if wants and isinstance(model, CoronaryTask):
            model.want_now()
        elif wants:
            model.want(what_reduced_models_rest_on(case, self._session.run_watch.status))
        panel.progress.set_progress(0.0 if model.is_busy and model.made is None else None, "Starting")
        if model.failure is not None:
            self._show(None, model.failure.message)
        elif model.made is None:
            if not model.is_busy:
                self._show(None, "The model was not made: choose an option again to make it.")
        else:
            panel.progress.set_state("")
            self._asked = (kind, names)
            model.ask(question)

    def _take(self, kind: str, question: Any, answer: Comparison) -> None:
        if (kind, tuple(question)) == self._asked:
            self._show(answer, "")

    def _refuse(self, refusal: Any) -> None:
        self._show(None, refusal.message)

    def _show(self, found: Comparison | None, told: str) -> None:
        """Show what was found, or why there is nothing."""
        self.found = found
        self.panel.progress.set_state(told)
        self.panel.set_told(None if found is None else found.milliseconds, () if found is None else found.notes)
        self.table.setVisible(found is not None)
        if found is not None:
            rows = [found.cells(row) for row in found.rows]
            table_of("What differs", found.columns, rows, self.table)
        self._color()

    def _color(self) -> None:
        """Color all views in one range."""
        if self.scene is None or not self._is_shown:
            return
        wall: VesselWall | None = self.scene.wall
        if wall is None or self.found is None:
            self.views.show_looks(wall, (), ())
            return
        name = self.panel.coloring.currentText()
        if name not in self.found.quantities:
            return
        unit, looks = self.found.quantities[name], []
        values = [self._values(wall, self.found, state, name) for state in self.found.states]
        shown = [value[~wall.is_extension] if value.ndim == 1 else value for value in values]
        scale = ColorScale.round(name, unit, np.concatenate(shown), "one range for all", least=_LEAST[name])
        nothing = np.full(len(wall.names), np.nan)
        for value in values:
            if value.ndim == 1:
                looks.append(VesselLook(nothing, nothing, scale, at_points=value))
            else:
                looks.append(VesselLook(value[:, 0], value[:, 1], scale))
        self.views.show_looks(wall, [AS_IT_IS.capitalize(), *self.found.names[1:]], looks)

    def _values(self, wall: VesselWall, found: Comparison, state: Any, name: str) -> np.ndarray[Any, Any]:
        """(n,) at the points of the wall, or (n, 2) at the ends of the vessels."""
        if found.kind == "treat":
            return np.asarray(self.models["treat"].made.at_wall(state))
        of = {vessel.name: vessel for vessel in state}
        if name == "Mean flow":
            return np.array([(of[vessel].flow_ml_s,) * 2 for vessel in wall.names])
        return np.array([(of[vessel].pressure_in_mmhg, of[vessel].pressure_out_mmhg) for vessel in wall.names])
