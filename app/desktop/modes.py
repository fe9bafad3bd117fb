"""Views of a case beside the path from scan to report: what a change would do, and three models side by side."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from app.case.records import Case
from app.desktop.session.step_states import StepState


@dataclass(frozen=True)
class Mode:
    """A mode: id, title, what it does. It makes no record, so nothing depends on it."""

    id: str
    title: str
    about: str


MODES: Mapping[str, Mode] = {
    mode.id: mode
    for mode in (
        Mode(
            "what_if",
            "What if",
            "What a change would do, by the 0D model in memory: every vessel's mean pressure and flow in milliseconds. "
            "Less exact than 3D; the case stays as it is.",
        ),
        Mode(
            "cross_check",
            "0D, 1D, 3D",
            "The run beside its 0D and 1D models, from one set of conditions: where they differ, by how much, and what "
            "is the likely cause.",
        ),
    )
}


def mode_states(case: Case, run_status: str | None) -> dict[str, StepState]:
    """How each mode stands; a mode can be entered at any time and says itself what it lacks."""
    if case.current("model") is None:
        return {mode_id: StepState("todo", "Run Model first.") for mode_id in MODES}
    model_sentence = "The case has a vessel tree and conditions."
    states = {"what_if": StepState("ready", model_sentence)}
    if run_status != "finished":
        states["cross_check"] = StepState("todo", "It needs a finished run.")
    else:
        states["cross_check"] = StepState("ready", "The run is finished.")
    return states
