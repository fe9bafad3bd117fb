"""The sub-commands of `angiotwin`, each a few lines over app/workflow."""

from __future__ import annotations

from app.commands.assess import COMMANDS as ASSESS
from app.commands.cases import COMMANDS as CASES
from app.commands.checks import COMMANDS as CHECKS
from app.commands.command import Command
from app.commands.doctor import COMMANDS as DOCTOR
from app.commands.editing import COMMANDS as EDITING
from app.commands.head_motion import COMMANDS as HEAD_MOTION
from app.commands.landmarks import COMMANDS as LANDMARKS
from app.commands.looking import COMMANDS as LOOKING
from app.commands.networks import COMMANDS as NETWORKS
from app.commands.preflight import COMMANDS as PREFLIGHT
from app.commands.reduced import COMMANDS as REDUCED
from app.commands.runs import COMMANDS as RUNS
from app.commands.steps import COMMANDS as STEPS
from app.commands.tuning import COMMANDS as TUNING
from app.commands.vessels import COMMANDS as VESSELS
from app.commands.walls import COMMANDS as WALLS

_IN_ORDER_OF_THE_PATH = (
    *("sample", "scan", "import", "points", "patient", "segment", "edit", "agree", "model", "lesions"),
    *("cpr", "measure", "landmarks", "names", "assess", "treat", "wall", "meshdoctor", "mesh"),
    *("simulate", "check", "doctor", "run", "sections", "cancel", "results", "report"),
    *("info", "undo", "redo", "open", "demo", "network", "headmotion", "verify", "bench"),
)
_MADE = {
    command.name: command
    for command in (
        *CASES,
        *STEPS,
        *EDITING,
        *PREFLIGHT,
        *DOCTOR,
        *LANDMARKS,
        *LOOKING,
        *RUNS,
        *REDUCED,
        *TUNING,
        *NETWORKS,
        *HEAD_MOTION,
        *VESSELS,
        *WALLS,
        *ASSESS,
        *CHECKS,
    )
}

COMMANDS: dict[str, Command] = {name: _MADE.pop(name) for name in _IN_ORDER_OF_THE_PATH} | _MADE
"""By name, in the order in which ``angiotwin --help`` shows them."""
