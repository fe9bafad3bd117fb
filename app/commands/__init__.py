"""The sub-commands of `angiotwin`, each a few lines over app/workflow."""

from __future__ import annotations

from app.commands.cases import COMMANDS as CASES
from app.commands.checks import COMMANDS as CHECKS
from app.commands.command import Command
from app.commands.runs import COMMANDS as RUNS
from app.commands.steps import COMMANDS as STEPS

COMMANDS: dict[str, Command] = {command.name: command for command in (*CASES, *STEPS, *RUNS, *CHECKS)}
