"""Views of a case beside the path from scan to report: what a change would do, and three models side by side."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from app.case.records import Case
from app.desktop.session.step_states import StepState


@dataclass(frozen=True)
class Mode:
    """A mode: id, title, what it does, its key. It makes no record, so nothing depends on it."""

    id: str
    title: str
    about: str
    key: str


MODES: Mapping[str, Mode] = {
    mode.id: mode
    for mode in (
        Mode(
            "what_if",
            "What if",
            "What a change would do, by the 0D model in memory: every vessel's mean pressure and flow in milliseconds. "
            "Less exact than 3D; the case stays as it is.",
            "Ctrl+8",
        ),
        Mode(
            "cross_check",
            "0D, 1D, 3D",
            "The run beside its 0D and 1D models, from one set of conditions: where they differ, by how much, and what "
            "is the likely cause.",
            "Ctrl+9",
        ),
        Mode(
            "tune",
            "Tuning",
            "Windkessels that meet the patient's pressures and the split of the flow, in 0D, in 1D, or after a 3D run. "
            "The case stays as it is: save the outlets, and choose the file at Simulate.",
            "Ctrl+0",
        ),
        Mode(
            "ensemble",
            "Spread",
            "How much every vessel's pressure and flow vary with what is uncertain, by many samples of the 0D or 1D "
            "model.",
            "Ctrl+Shift+0",
        ),
        Mode(
            "assess",
            "Assess",
            "Questions that can be asked of this case: what each needs, and its answer with band, published rule and "
            "reasons why it might be wrong.",
            "Ctrl+Shift+9",
        ),
        Mode(
            "compare",
            "Compare",
            "The case as it is beside one or two options that it keeps, what-ifs or treatments: the same view and one "
            "range of colors, and what differs.",
            "Ctrl+Shift+8",
        ),
    )
}


NOTHING_KEPT = "Keep a what-if (What if), or a treatment (Assess, coronary stenosis), first."


def mode_states(case: Case, run_status: str | None) -> dict[str, StepState]:
    """How each mode stands; a mode can be entered at any time and says itself what it lacks."""
    asked = StepState("ready", "Lists what is missing for each assessment.")
    if case.current("model") is None:
        waiting = {mode_id: StepState("todo", "Run Model first.") for mode_id in MODES}
        return waiting | {"assess": asked}
    model_sentence = "The case has a vessel tree and conditions."
    states = {name: StepState("ready", model_sentence) for name in ("what_if", "tune", "ensemble")}
    states["assess"] = asked
    kept = any(case.parameters.get(step, {}).get("plans") for step in ("what_if", "treat"))
    states["compare"] = StepState("ready", model_sentence) if kept else StepState("todo", NOTHING_KEPT)
    if run_status != "finished":
        states["cross_check"] = StepState("todo", "It needs a finished run.")
    else:
        states["cross_check"] = StepState("ready", "The run is finished.")
    return states
