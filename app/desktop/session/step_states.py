"""How each step of a case stands, and why, in words."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal

from app.case.records import Case
from app.workflow.segment import chosen_preset, points_of
from app.workflow.steps import Step, path_of

State = Literal["todo", "ready", "running", "done", "stale", "failed"]

STATE_WORDS: Mapping[State, str] = {
    "todo": "Not ready",
    "ready": "Ready to run",
    "running": "Running",
    "done": "Done",
    "stale": "Out of date",
    "failed": "Failed",
}
_INPUT_WORDS = {
    "image": "the scan",
    "surface": "the surface",
    "points": "the points",
    "hinges": "the hinge points",
    "segmentation": "the segmentation",
    "model": "the model",
    "mesh": "the mesh",
    "patient": "the patient's values",
    "run": "the run",
    "result": "the result",
}


@dataclass(frozen=True)
class StepState:
    """A step's state and one sentence about it."""

    state: State
    reason: str


def states_of(
    case: Case, *, running: str | None, failures: Mapping[str, str], run_status: str | None
) -> dict[str, StepState]:
    """The state of every step of the case's path.

    Parameters
    ----------
    running
        The step that is being computed, or None.
    failures
        Why a step failed when it was last tried in this window, by step.
    run_status
        What the current run's folder says: ``created``, ``running``, ``finished``, ``failed``, ``cancelled``,
        ``killed``, or None if there is no run.
    """
    return {step.id: _state(case, step, running, failures, run_status) for step in path_of(case).values()}


def _state(
    case: Case, step: Step, running: str | None, failures: Mapping[str, str], run_status: str | None
) -> StepState:
    if step.id == running:
        return StepState("running", "Being computed.")
    if step.id in failures:
        return StepState("failed", failures[step.id])
    missing = _missing(case, step, run_status)
    record = case.current(step.makes)
    if record is None:
        if missing:
            return StepState("todo", f"Run {missing.title} first.")
        if step.id == "segment" and (wanted := missing_points(case)):
            return StepState("todo", wanted)
        return StepState("ready", "All it needs is there.")
    stale = case.stale_inputs(record)
    if stale and not (step.id == "simulate" and run_status in ("queued", "running")):
        return StepState("stale", stale_sentence(stale))
    if step.id == "simulate":
        return _run_state(run_status)
    return StepState("done", f"Made in {record.recipe.seconds:.1f} s.")


def missing_points(case: Case) -> str:
    """What a user has yet to choose or place before the lumen can be found, as a sentence; empty when nothing."""
    preset = chosen_preset(case)
    if preset is None:
        return "Check the anatomy, and place its points first."
    placed = points_of(case, preset)
    titles = [role.title for role in preset.roles if not role.is_optional and role.id not in placed]
    if not titles:
        return ""
    more = f" and {len(titles) - 1} more points" if len(titles) > 1 else ""
    return f"Place the point \u201c{titles[0]}\u201d{more} first.".replace("1 more points", "1 more point")


def _missing(case: Case, step: Step, run_status: str | None) -> Step | None:
    """The first earlier step whose result is not there yet."""
    for name in step.inputs:
        maker = next((maker for maker in path_of(case).values() if maker.makes == name), None)
        if maker is None:
            continue
        is_there = case.current(maker.makes) is not None
        if maker.id == "simulate":
            is_there = is_there and run_status == "finished"
        if not is_there:
            return maker
    return None


def _run_state(run_status: str | None) -> StepState:
    if run_status == "queued":
        return StepState("running", "The run waits in the queue; the window can be closed meanwhile.")
    if run_status == "running":
        return StepState("running", "The solver is running; the window can be closed meanwhile.")
    if run_status == "finished":
        return StepState("done", "The run is finished.")
    if run_status in ("failed", "killed"):
        return StepState("failed", "The run ended without a result; its message is in the panel.")
    if run_status == "cancelled":
        return StepState("ready", "The run was cancelled; it can be started again.")
    return StepState("ready", "The run is prepared and can be started.")


def stale_sentence(inputs: tuple[str, ...]) -> str:
    """Which inputs changed since, as a sentence."""
    words = [_INPUT_WORDS.get(name, name) for name in inputs]
    listed = words[0] if len(words) == 1 else f"{', '.join(words[:-1])} and {words[-1]}"
    return f"{listed[0].upper()}{listed[1:]} changed since this was made: run the step again."
