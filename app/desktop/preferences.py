"""What a user chose for all cases, kept in the user's own settings folder."""

from __future__ import annotations

import json
from pathlib import Path

import platformdirs

SCHEMA_VERSION = 1


def remembered(name: str, default: str) -> str:
    """What was chosen last, or the default."""
    try:
        stored = json.loads(_path().read_text(encoding="utf-8"))
        return str(stored["chosen"].get(name, default))
    except (OSError, ValueError, KeyError, TypeError, AttributeError):
        return default


def remember(name: str, value: str) -> None:
    """Keep a choice; a settings folder that cannot be written is no reason to stop."""
    try:
        stored = json.loads(_path().read_text(encoding="utf-8"))["chosen"]
    except (OSError, ValueError, KeyError, TypeError):
        stored = {}
    try:
        _path().parent.mkdir(parents=True, exist_ok=True)
        text = json.dumps({"schema_version": SCHEMA_VERSION, "chosen": {**stored, name: value}}, indent=1)
        _path().write_text(text, encoding="utf-8")
    except OSError:
        return


def _path() -> Path:
    return Path(platformdirs.user_config_dir("angiotwin")) / "preferences.json"
