"""The 0D model of the open case, kept in memory for questions."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from PySide6.QtCore import QObject

from app.case.records import Case, digest_of
from app.desktop.session.asked_model import AskedModel
from app.desktop.session.case_store import CaseStore
from app.workflow.targets import Target
from app.workflow.what_if import Answer, Change, WhatIf
from imaging.types import Progress


@dataclass(frozen=True, eq=False)
class Made:
    """The model with its means and over whole beats, and how its outlets are tuned."""

    steady: WhatIf
    pulse: WhatIf
    targets: tuple[Target, ...]


@dataclass(frozen=True)
class Question:
    """What is asked: a change, beside another one, in the mean or over whole beats."""

    change: Change
    beside: Change
    has_pulse: bool = False


def make_model(folder: Path, progress: Progress) -> Made:
    """What the child process does: read the vessels, make the model, and solve it once, which compiles what is not."""
    from app.case.bundle import OpenCase
    from app.workflow.flow_setup import reduced_case
    from app.workflow.targets import targets_of

    with OpenCase.open(folder, writable=False) as opened:
        progress(0.1, "Measuring the vessels")
        case = reduced_case(opened)
        progress(0.5, "Making the 0D model")
        steady = WhatIf(case)
        progress(0.7, "Solving a heart beat")
        pulse = WhatIf(case, has_pulse=True)
        progress(0.9, "Reading what the outlets are tuned to")
        return Made(steady, pulse, targets_of(opened, steady))


def _warm(made: Made) -> None:
    for has_pulse in (False, True):
        answered(made, Question(Change(), Change(), has_pulse))


def answered(made: Made, question: Question) -> Answer:
    """The answer to a question."""
    model = made.pulse if question.has_pulse else made.steady
    answer = model.answer(question.change)
    return answer if question.beside == Change() else model.beside(answer, question.beside)


class WhatIfModel(AskedModel):
    """Answers each `Question` by an `Answer`."""

    def __init__(self, store: CaseStore, parent: QObject | None = None) -> None:
        super().__init__(store, make_model, answered, _warm, parent)

    def want_of_run(self, run_status: str | None) -> None:
        """Have a model of the case as it is now."""
        self.want(what_reduced_models_rest_on(self._store.case, run_status))


def what_reduced_models_rest_on(case: Case, run_status: str | None) -> str:
    """Changes when anything changes from which a case's 0D and 1D models are made."""
    run = case.current("run")
    chosen = {step: case.parameters.get(step) for step in ("simulate", "reduced", "calibration", "stenosis_laws")}
    of_run = [run.id, case.stale_inputs(run), run_status == "finished"] if run is not None else []
    return digest_of([case.input_digest("model"), case.patient, chosen, of_run])
