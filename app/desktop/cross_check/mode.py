"""The mode 0D, 1D, 3D: the chosen vessel's curves by every model below, the differences of all in 3D."""

from __future__ import annotations

from typing import Any

import numpy as np
from PySide6.QtCore import QObject

from app.desktop import theme
from app.desktop.cross_check.panel import CrossCheckPanel
from app.desktop.cross_check.view import VesselCurves
from app.desktop.mode_base import ModeBase
from app.desktop.scene.color_scale import ColorScale
from app.desktop.scene.vessel_look import VesselLook, VesselWall
from app.desktop.session.cross_checker import CrossChecker
from app.desktop.session.session import Session
from app.desktop.views.scene_view import Caption
from app.workflow.cross_check_result import CrossCheck, ModelId, VesselCheck
from imaging.anatomy.vessel_names import spelled

_MODELS: tuple[ModelId, ...] = ("1d", "0d")
"""Whose difference is colored: the first that was solved."""
_LEAST = {"pressure": 1.0, "flow": 0.5}


class CrossCheckMode(ModeBase):
    """``refused`` carries each `Refusal` that a user must see."""

    def __init__(self, session: Session, parent: QObject | None = None) -> None:
        super().__init__(session, parent)
        self.panel = CrossCheckPanel()
        self.below = self.curves = VesselCurves()
        self.checker = CrossChecker(session.store, session.data, self)
        self.panel.start_asked.connect(self.checker.start)
        self.panel.cancel_asked.connect(self.checker.cancel)
        self.panel.vessel_chosen.connect(self.choose)
        self.panel.shown_changed.connect(self._color)
        self.checker.changed.connect(self._take)
        self.checker.progressed.connect(lambda fraction, text: self.panel.set_progress(fraction, text))
        session.store.history_changed.connect(self._look)
        session.run_watch.status_changed.connect(self._look)

    @property
    def check(self) -> CrossCheck | None:
        """What is shown."""
        return self.checker.found

    def enter(self, scene: Any) -> None:
        super().enter(scene)
        self.checker.look()
        self._take()

    def close(self) -> None:
        """End what is being made."""
        self.checker.cancel()

    def choose(self, vessel: str) -> None:
        """Choose a vessel."""
        found = self._vessel(vessel)
        if self.check is not None and found is not None:
            self.vessel = vessel
            self.panel.choose(vessel)
            self.curves.show_vessel(self.check, found)
            self._color()

    def _vessel(self, name: str) -> VesselCheck | None:
        vessels = self.check.vessels if self.check is not None else ()
        return next((vessel for vessel in vessels if vessel.name == name), None)

    def _look(self) -> None:
        if self._is_shown:
            self.checker.look()
            self._take()

    def _take(self) -> None:
        checker, is_finished = self.checker, self._session.run_watch.status == "finished"
        self.panel.set_progress(0.0 if checker.is_busy else None, "Starting")
        if not checker.is_busy:
            told = checker.failure.message if checker.failure is not None else ""
            if not told and not is_finished:
                told = "It compares a finished run: start one at Simulate."
            self.panel.set_state(told, can_start=is_finished)
        self.panel.set_check(checker.found)
        self.curves.setVisible(checker.found is not None)
        if checker.found is not None:
            first = next((vessel.name for vessel in checker.found.vessels if vessel.is_alarm), "")
            self.choose(self.vessel if self._vessel(self.vessel) else first or checker.found.vessels[0].name)
        else:
            self._color()

    def _color(self) -> None:
        """Color the vessels by how far the models are apart."""
        if self.scene is None or not self._is_shown:
            return
        wall: VesselWall | None = self.scene.wall
        is_there = wall is not None and self.check is not None
        self.scene.show_vessels(self._look_of(wall, self.check) if is_there else None)  # type: ignore[arg-type]

    def _look_of(self, wall: VesselWall, check: CrossCheck) -> VesselLook:
        coloring = self.panel.chosen_coloring
        vessels = {vessel.name: vessel for vessel in check.vessels}
        values = np.array([_value(vessels.get(name), coloring) for name in wall.names])
        known = values[np.isfinite(values)] if np.isfinite(values).any() else np.zeros(1)
        gray = "" if np.isfinite(values).all() else "\ngray: not compared"
        if coloring == "worst":
            note = f"above 1: alarm{gray}"
            scale = ColorScale.round("Difference over limit", "1", np.append(known, 0.0), note, least=1.0)
        else:
            label, unit = ("Pressure, 1D less 3D", "mmHg") if coloring == "pressure" else ("Flow, 1D less 3D", "mL/s")
            note = f"mean, in the middle of a vessel{gray}"
            scale = ColorScale.round(label, unit, known, note, least=_LEAST[coloring], is_change=True)
        told = {
            name: f"{spelled(name)}: {_word(value, scale.unit)}" for name, value in zip(wall.names, values, strict=True)
        }
        return VesselLook(values, values, scale, self.vessel, tuple(self._captions(wall, vessels, told)), told)

    def _captions(self, wall: VesselWall, vessels: dict[str, VesselCheck], told: dict[str, str]) -> list[Caption]:
        found = []
        for name in wall.names:
            x, y, z = (float(c) for c in wall.middles[name])
            is_alarm = name in vessels and vessels[name].is_alarm
            if name == self.vessel:
                found.append(Caption(f"{told[name]}{'  ✗' if is_alarm else ''}", (x, y, z), theme.POINT))
            elif is_alarm:
                found.append(Caption(f"✗ {spelled(name)}", (x, y, z), theme.ERROR))
        return found


def _value(vessel: VesselCheck | None, coloring: str) -> float:
    if vessel is None:
        return float("nan")
    if coloring == "pressure":
        found = vessel.pressure_difference_mmhg
        return float("nan") if found is None else found
    if coloring == "flow":
        by_model = {one.model: one.difference for one in vessel.differences if one.quantity == "mean_flow"}
        return next((by_model[model] for model in _MODELS if model in by_model), float("nan"))
    shares = [abs(one.difference) / one.limit for one in vessel.differences if one.limit]
    return max(shares, default=float("nan"))


def _word(value: float, unit: str) -> str:
    if value != value:
        return "not compared"
    return f"{value:.2f} of its limit" if unit == "1" else f"{value:+.2f} {unit} against 3D".replace("-", "−")
