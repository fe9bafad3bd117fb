"""Sub-commands of the steps that run in this process."""

from __future__ import annotations

import argparse
from functools import partial

from app.case.bundle import OpenCase
from app.case.records import Record
from app.commands.command import (
    Command,
    Result,
    add_case,
    add_parameters,
    chosen_parameters,
    console_progress,
    over_remembered,
)
from app.workflow.steps import run_step, ways_of

_HELP = {
    "segment": "find the lumen from a few points",
    "model": "make the smooth, capped vessel model with centerlines",
    "mesh": "fill the model with tetrahedra",
    "results": "compute the indices of the finished run",
    "report": "write the report",
}


def text_of(record: Record) -> str:
    """A record's facts, one a line."""
    lines = [f"{record.title} ({record.recipe.seconds:.1f} s)"]
    for name, value in record.facts.items():
        if isinstance(value, (int, float, str, bool)):
            lines.append(f"  {name}: {value:.6g}" if isinstance(value, float) else f"  {name}: {value}")
    return "\n".join(lines)


def _arguments(step_id: str, parser: argparse.ArgumentParser) -> None:
    add_case(parser)
    add_parameters(parser, *(step.module.Parameters for step in ways_of(step_id)))


def _run(step_id: str, arguments: argparse.Namespace) -> Result:
    with OpenCase.open(arguments.case) as opened:
        values = over_remembered(opened.case, step_id, chosen_parameters(arguments))
        record = run_step(opened, step_id, values, console_progress(step_id))
    return Result(record.model_dump(mode="json"), text_of(record))


COMMANDS = tuple(
    Command(step_id, help_text, partial(_arguments, step_id), partial(_run, step_id))
    for step_id, help_text in _HELP.items()
)
