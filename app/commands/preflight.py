"""The sub-command that judges a prepared run before it is started."""

from __future__ import annotations

import argparse

from app.case.bundle import OpenCase
from app.commands.command import Command, Result, add_case


def _arguments(parser: argparse.ArgumentParser) -> None:
    add_case(parser)
    parser.add_argument("--ranks", type=int, help="processes that it shall have (default: up to two)")


def _check(arguments: argparse.Namespace) -> Result:
    from app.workflow.preflight import check_run

    with OpenCase.open(arguments.case, writable=False) as opened:
        findings = check_run(opened, arguments.ranks)
    n_errors = sum(finding.level == "error" for finding in findings)
    text = "\n".join(f"{finding.level:7}  {finding.sentence}" for finding in findings)
    return Result(
        {"is_runnable": n_errors == 0, "findings": [finding.as_dict() for finding in findings]},
        text,
        1 if n_errors else 0,
    )


COMMANDS = (Command("check", "judge the prepared run before it is started", _arguments, _check),)
