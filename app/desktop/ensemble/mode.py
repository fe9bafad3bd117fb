"""The mode Spread: samples of the case's model, bands of every vessel in a table below and as colors in 3D."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import platformdirs
from PySide6.QtCore import QObject

from app.desktop import theme
from app.desktop.ensemble.band_table import BandTable
from app.desktop.ensemble.panel import EnsemblePanel
from app.desktop.mode_base import ModeBase
from app.desktop.scene.color_scale import ColorScale
from app.desktop.scene.vessel_look import VesselLook, VesselWall
from app.desktop.session.model_task import ModelTask
from app.desktop.session.session import Session
from app.desktop.views.scene_view import Caption
from app.desktop.what_if.edits import spelled
from app.workflow.ensemble import Ensemble
from app.workflow.ensemble_plan import Parameters
from app.workflow.parameters import build
from imaging.types import Progress

_LEAST = {"pressure": 1.0, "flow": 0.1}


def make_ensemble(folder: Path, values: dict[str, Any], cache: Path, progress: Progress) -> Ensemble:
    """What the child process does."""
    from app.case.bundle import OpenCase
    from app.workflow.ensemble import kept_ensemble_of_case

    with OpenCase.open(folder, writable=False) as opened:
        found = kept_ensemble_of_case(opened, build(Parameters, values), cache, progress)
    _ = found.bands  # worked out here, so that the window has them
    return found


class EnsembleMode(ModeBase):
    """``refused`` carries each `Refusal` that a user must see."""

    def __init__(self, session: Session, parent: QObject | None = None) -> None:
        super().__init__(session, parent)
        self.panel = EnsemblePanel()
        self.below = self.table = BandTable()
        self.task = ModelTask(session.store, self)
        self.panel.start_asked.connect(self._start)
        self.panel.cancel_asked.connect(self.task.cancel)
        self.panel.shown_changed.connect(self._color)
        self.table.chosen.connect(self.choose)
        self.task.changed.connect(self._take)
        self.task.progressed.connect(lambda fraction, text: self.panel.set_progress(fraction, text))
        session.store.history_changed.connect(self._look)
        session.run_watch.status_changed.connect(self._look)

    def enter(self, scene: Any) -> None:
        super().enter(scene)
        self._look()
        self._take()

    def close(self) -> None:
        """End what is being made."""
        self.task.cancel()

    def choose(self, vessel: str) -> None:
        """Choose a vessel."""
        self.vessel = vessel
        self.table.choose(vessel)
        self._color()

    def _start(self, values: dict[str, Any]) -> None:
        self.task.start(make_ensemble, values, Path(platformdirs.user_cache_dir("angiotwin")) / "ensembles")

    def _look(self) -> None:
        if self._is_shown:
            self.task.look(self._session.run_watch.status)

    def _take(self) -> None:
        task, has_model = self.task, self._session.store.case.current("model") is not None
        self.panel.set_progress(0.0 if task.is_busy else None, "Starting workers")
        if not task.is_busy:
            told = task.failure.message if task.failure is not None else ""
            self.panel.set_state(
                told if has_model else "There is no vessel tree yet: run Model first.", can_start=has_model
            )
        self.panel.set_ensemble(task.found)
        self.table.setVisible(task.found is not None)
        if task.found is not None:
            self.table.show_ensemble(task.found)
            self.choose(self.vessel if self.vessel in task.found.names else task.found.names[0])
        self._color()

    def _color(self) -> None:
        """Color the vessels by how wide their bands are."""
        if self.scene is None or not self._is_shown:
            return
        wall: VesselWall | None = self.scene.wall
        self.scene.show_vessels(None if wall is None else self._look_of(wall, self.task.found))

    def _look_of(self, wall: VesselWall, ensemble: Ensemble | None) -> VesselLook:
        bands = [] if ensemble is None else ensemble.bands
        of = {(row["vessel"], row["quantity"]): row for row in bands}

        def width(name: str, quantity: str) -> float:
            row = of.get((name, quantity))
            return float("nan") if row is None else float(row["p95"] - row["p5"])

        coloring = self.panel.chosen_coloring
        ends = ("pressure_in_mmhg", "pressure_out_mmhg") if coloring == "pressure" else ("flow_ml_s",) * 2
        start, end = (np.array([width(name, quantity) for name in wall.names]) for quantity in ends)
        label, unit = ("Band of mean pressure", "mmHg") if coloring == "pressure" else ("Band of mean flow", "mL/s")
        both = np.concatenate([start, end, [0.0] if bands else [0.0, _LEAST[coloring]]])
        scale = ColorScale.round(label, unit, both[np.isfinite(both)], "5 to 95 %, width", least=_LEAST[coloring])
        told = {
            name: f"{spelled(name)}: {wide:.2g} {unit} wide"
            for name, wide in zip(wall.names, start, strict=True)
            if np.isfinite(wide)
        }
        captions = []
        if self.vessel in told:
            x, y, z = (float(c) for c in wall.middles[self.vessel])
            captions.append(Caption(told[self.vessel], (x, y, z), theme.POINT))
        return VesselLook(start, end, scale, self.vessel, tuple(captions), told)
