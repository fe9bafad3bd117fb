"""The reduced index of coronary phantoms against steady 3D runs of the same vessels and conditions."""

from __future__ import annotations

import tempfile
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from app.workflow.coronary_3d import Confirmation, confirm
from app.workflow.coronary_model import CoronaryModel, Place, coronary_model
from app.workflow.coronary_parameters import Parameters
from imaging.types import part_of, silent
from sample_data.phantoms.narrowed import Narrowing, Shape, narrowed_artery
from solvers.verification.registry import Check
from solvers.verification.row import Progress, Row

if TYPE_CHECKING:
    from sample_data.phantoms.phantom import Phantom

NAME = "coronary_index"
MEAN_GOAL, WORST_GOAL, SEVERE, REMOVED_GOAL = 0.03, 0.05, 70, 0.02
SEVERE_GATE = 1.0
"""The worst case's goal holds below ``SEVERE`` percent; beyond it a distance counts in the mean alone."""
LEVEL = "coarse"
EDGES_MM = 0.12, 0.3
REMOVED_OF = ("short", "curved", "behind a fork")
SOURCE = "steady 3D run in hyperemia of the same vessel, P2/P1"


@dataclass(frozen=True)
class Stenosed:
    """A phantom with one or two stenoses of the ``kind`` that its title names."""

    kind: str
    shape: Shape
    narrowings: tuple[Narrowing, ...]

    @property
    def title(self) -> str:
        """Kind and percents."""
        return f"{self.kind}, {' and '.join(str(one.percent) for one in self.narrowings)} %"

    @property
    def is_severe(self) -> bool:
        """Whether the goal of the worst case leaves it out."""
        return max(one.percent for one in self.narrowings) >= SEVERE


def phantoms() -> tuple[Stenosed, ...]:
    """Thirty phantoms: short, long, eccentric, curved, serial, and at a fork."""
    found = [Stenosed("short", "straight", (Narrowing(p, 20.0, 3.0),)) for p in (30, 40, 50, 60, 70, 80)]
    found += [Stenosed("long", "straight", (Narrowing(p, 20.0, 10.0),)) for p in (30, 40, 50, 60, 70)]
    found += [Stenosed("eccentric", "eccentric", (Narrowing(p, 20.0, 5.0),)) for p in (40, 50, 60, 70)]
    found += [Stenosed("curved", "curved", (Narrowing(p, 20.0, 5.0),)) for p in (40, 50, 60, 70)]
    found += [
        Stenosed("serial", "straight", (Narrowing(a, 12.0, 4.0), Narrowing(b, 26.0, 4.0)))
        for a, b in ((40, 40), (50, 50), (60, 40), (40, 60), (60, 60))
    ]
    found += [Stenosed("behind a fork", "behind a fork", (Narrowing(p, 9.0, 4.0),)) for p in (40, 50, 60)]
    found += [Stenosed("before a fork", "before a fork", (Narrowing(p, 12.0, 4.0),)) for p in (40, 50, 60)]
    return tuple(found)


def check_index(progress: Progress, long: bool) -> list[Row]:
    """Index behind the last lesion, reduced against 3D; three vessels without their lesions too."""
    chosen = phantoms() if long else phantoms()[1:2]
    opened = [one for one in chosen if one.kind in REMOVED_OF and one.narrowings[0].percent == 50]
    total, rows, away = len(chosen) + len(opened), list[Row](), []
    for number, phantom in enumerate(chosen):
        reduced, in_3d = index_of(phantom, part_of(progress, number / total, (number + 1) / total))
        away.append(abs(reduced - in_3d))
        gate = SEVERE_GATE if phantom.is_severe else WORST_GOAL
        rows.append(Row(NAME, f"{phantom.title}: index behind it", "1", reduced, in_3d, gate, SOURCE, True))
    for number, phantom in enumerate(opened, len(chosen)):
        reduced, in_3d = without_lesion(phantom, part_of(progress, number / total, (number + 1) / total))
        quantity = f"{phantom.title}, taken away: index there"
        rows.append(Row(NAME, quantity, "1", reduced, in_3d, REMOVED_GOAL, SOURCE, True))
    if long:
        rows.append(Row(NAME, "mean distance of the two", "1", float(np.mean(away)), 0.0, MEAN_GOAL, SOURCE, True))
    return rows


def index_of(phantom: Stenosed, progress: Progress = silent) -> tuple[float, float]:
    """Index behind the last lesion of a phantom, by the reduced model and in 3D."""
    with tempfile.TemporaryDirectory() as folder:
        vessel = narrowed_artery(phantom.shape, phantom.narrowings)
        found = confirmed(vessel, Path(folder), _behind_last, progress)
    (place,) = found.places
    return place.reduced, place.in_3d


def without_lesion(phantom: Stenosed, progress: Progress = silent) -> tuple[float, float]:
    """Index where a phantom's lesion was: of the reduced model without it, and in 3D of the vessel made without it."""
    with tempfile.TemporaryDirectory() as folder:
        model = _model_of(narrowed_artery(phantom.shape, phantom.narrowings), Path(folder) / "narrowed", progress)[0]
        place = next(iter(_behind_last(model).values()))
        after, _ = model.after(model.without(range(1, len(model.lesions) + 1)))
        found = confirmed(narrowed_artery(phantom.shape), Path(folder), lambda _: {"there": place}, progress)
    return after.at(place)[0], found.places[0].in_3d


def confirmed(
    phantom: Phantom, folder: Path, places: Callable[[CoronaryModel], Mapping[str, Place]], progress: Progress
) -> Confirmation:
    """A phantom's case, from its exact surface to reduced model and 3D run."""
    from app.workflow.simulate import default_n_ranks
    from imaging.meshing.mesh_io import read_mesh

    model, volume = _model_of(phantom, folder / "case", part_of(progress, 0.0, 0.3))
    mesh = read_mesh(volume.parent)
    run = part_of(progress, 0.3, 1.0)
    return confirm(model, mesh, places(model), folder / "runs", default_n_ranks(), run)


def _model_of(phantom: Phantom, case_folder: Path, progress: Progress) -> tuple[CoronaryModel, Path]:
    """The coronary model of a case made of a phantom's exact surface, and where its mesh lies."""
    from app.case.bundle import OpenCase
    from app.workflow.import_surface import import_surface
    from app.workflow.steps import run_step
    from imaging.surface.surface_io import write_surface
    from sample_data.made import tagged_surface

    progress(0.0, "Making the surface")
    case_folder.parent.mkdir(parents=True, exist_ok=True)
    path = case_folder.parent / f"{case_folder.name}.vtp"
    edge = float(np.clip(0.25 * min(vessel.min_radius_mm for vessel in phantom.vessels), *EDGES_MM))
    surface, names = tagged_surface(phantom, edge)
    write_surface(surface, path)
    inlet = next(end.name for end in phantom.ends if end.kind == "inlet")
    named = ",".join(f"{number}={name}" for number, name in names.items())
    import_surface(path, case_folder, phantom.kind, unit="mm", inlet=inlet, names=named)
    with OpenCase.open(case_folder) as opened:
        run_step(opened, "model", None, part_of(progress, 0.2, 0.6))
        record = run_step(opened, "mesh", {"level": LEVEL}, part_of(progress, 0.6, 1.0))
        return coronary_model(opened, Parameters()), opened.path_of(record.files["volume"])


def _behind_last(model: CoronaryModel) -> dict[str, Place]:
    return {"behind the last lesion": model.reading_place(model.lesions[-1])}


CORONARY_CHECKS = {NAME: Check(NAME, "Index of coronary phantoms, reduced against 3D", check_index)}
