"""The coronary tree of the open case, kept in memory for treatments."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from PySide6.QtCore import QObject

from app.case.bundle import OpenCase
from app.case.records import digest_of
from app.desktop.session.asked_model import AskedModel
from app.desktop.session.case_store import CaseStore
from app.workflow.compare import Comparison, compare_treatments
from app.workflow.coronary_model import CoronaryModel, coronary_model
from app.workflow.coronary_parameters import remembered
from app.workflow.treat import Treatment
from imaging.types import Progress


def make_coronary(folder: Path, progress: Progress) -> CoronaryModel:
    """What the child process does: measure the vessels, make the model, and solve it once."""
    with OpenCase.open(folder, writable=False) as opened:
        model = coronary_model(opened, remembered(opened.case), lambda f, text: progress(0.8 * f, text))
    progress(0.8, "Giving the wall to the vessels")
    model.at_wall(model.hyperemia)
    return model


def compared(model: CoronaryModel, options: Mapping[str, Treatment]) -> Comparison:
    """The answer to a question."""
    return compare_treatments(model, options)


class CoronaryTask(AskedModel):
    """Answers treatments by their names with a `Comparison`."""

    def __init__(self, store: CaseStore, parent: QObject | None = None) -> None:
        super().__init__(store, make_coronary, compared, lambda model: compared(model, {"": Treatment()}), parent)

    def want_now(self) -> None:
        """Have a model of the case as it is now."""
        case = self._store.case
        chosen = {step: case.parameters.get(step) for step in ("assess.coronary", "reduced", "stenosis_laws")}
        self.want(digest_of([case.input_digest("model"), case.patient, chosen]))
