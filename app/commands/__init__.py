"""The sub-commands of `angiotwin`, each a few lines over app/workflow."""

from __future__ import annotations

from app.commands import cases, checks, runs, steps
from app.commands.command import Command

COMMANDS: dict[str, Command] = {
    command.name: command for command in (*cases.COMMANDS, *steps.COMMANDS, *runs.COMMANDS, *checks.COMMANDS)
}
