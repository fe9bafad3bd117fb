"""The sub-command that says why a run failed, and does what helps."""

from __future__ import annotations

import argparse

from app.case.bundle import OpenCase
from app.case.errors import CaseError
from app.commands.command import Command, Result, add_case, console_progress


def _arguments(parser: argparse.ArgumentParser) -> None:
    add_case(parser)
    parser.add_argument("--apply", action="store_true", help="do the first thing that helps and can be done")
    parser.add_argument("--fix", help="do this one of the things that help instead, by its name")


def _doctor(arguments: argparse.Namespace) -> Result:
    from app.workflow.doctor import apply_fix, examine, first_fix

    wants_change = arguments.apply or arguments.fix is not None
    with OpenCase.open(arguments.case, writable=wants_change) as opened:
        diagnosis = examine(opened)
        value, lines = diagnosis.as_dict(), [diagnosis.sentence]
        if diagnosis.cause:
            lines.append(f"Cause: {diagnosis.cause}")
        for fix in diagnosis.fixes:
            lines.append(f"- {fix.title}" + (f" (--fix {fix.id})" if fix.is_automatic else ""))
        if wants_change:
            by_name = {fix.id: fix for fix in diagnosis.fixes}
            chosen = first_fix(diagnosis) if arguments.fix is None else by_name.get(arguments.fix)
            if chosen is None:
                raise CaseError("no_such_fix", "There is nothing here that the program can do by itself.")
            value["done"] = apply_fix(opened, chosen, console_progress("doctor"))
            lines.append(value["done"])
    return Result(value, "\n".join(lines))


COMMANDS = (Command("doctor", "say why the run failed, and do what helps", _arguments, _doctor),)
