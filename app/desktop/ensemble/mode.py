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
from app.desktop.model_mode import ModelMode
from app.desktop.scene.color_scale import ColorScale
from app.desktop.scene.vessel_look import VesselLook, VesselWall
from app.desktop.session.session import Session
from app.desktop.views.scene_view import Caption
from app.workflow.ensemble import Ensemble
from app.workflow.ensemble_plan import Parameters
from app.workflow.parameters import build
from imaging.anatomy.vessel_names import spelled
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


class EnsembleMode(ModelMode):
    """``refused`` carries each `Refusal` that a user must see."""

    def __init__(self, session: Session, parent: QObject | None = None) -> None:
        self.table = BandTable()
        super().__init__(session, EnsemblePanel(), self.table, parent)
        self.panel.start_asked.connect(self._start)
        self.panel.shown_changed.connect(self._color)
        self.table.chosen.connect(self.choose)

    def show_found(self, found: Ensemble | None) -> None:
        """Show the bands that were found."""
        self.panel.set_ensemble(found)
        if found is not None:
            self.table.show_ensemble(found)
            self.choose(self.vessel if self.vessel in found.names else found.names[0])

    def choose(self, vessel: str) -> None:
        """Choose a vessel."""
        self.vessel = vessel
        self.table.choose(vessel)
        self._color()

    def _start(self, values: dict[str, Any]) -> None:
        self.task.begin(make_ensemble, values, Path(platformdirs.user_cache_dir("angiotwin")) / "ensembles")

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
