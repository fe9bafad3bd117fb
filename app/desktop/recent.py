"""The cases that were open last, kept in the user's own settings folder."""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass
from pathlib import Path

import platformdirs

SCHEMA_VERSION = 1
_MOST = 12


@dataclass(frozen=True)
class RecentCase:
    """A case folder and the title that the case had."""

    folder: str
    title: str


def recent_cases() -> list[RecentCase]:
    """The cases that are still there, the last one first."""
    try:
        stored = json.loads(_path().read_text(encoding="utf-8"))
        cases = [RecentCase(str(entry["folder"]), str(entry["title"])) for entry in stored["cases"]]
    except (OSError, ValueError, KeyError, TypeError):
        return []
    return [case for case in cases if (Path(case.folder) / "case.json").is_file()]


def remember_case(folder: Path, title: str) -> None:
    """Put a case at the head of the list; a settings folder that cannot be written is no reason to stop."""
    newest = RecentCase(str(folder), title)
    cases = [newest, *(case for case in recent_cases() if case.folder != newest.folder)][:_MOST]
    stored = {"schema_version": SCHEMA_VERSION, "cases": [asdict(case) for case in cases]}
    try:
        _path().parent.mkdir(parents=True, exist_ok=True)
        _path().write_text(json.dumps(stored, indent=1), encoding="utf-8")
    except OSError:
        return


def _path() -> Path:
    return Path(platformdirs.user_config_dir("angiotwin")) / "recent.json"
