"""Runs the program as a user does, and says what a refusal must look like."""

from __future__ import annotations

import hashlib
import json
import os
import re
import shutil
import subprocess
import sys
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

PROGRAM = (sys.executable, "-m", "app.cli")
_PROGRESS = re.compile(r"^[a-z]+: +\d+ %  ")
LONGEST_SENTENCE = 420
"""Characters of a refusal that can still be taken in at a glance."""


@dataclass(frozen=True)
class Answer:
    """What the program said and how it ended."""

    exit_code: int
    out: str
    err: str

    @property
    def value(self) -> Any:
        """What ``--json`` printed."""
        return json.loads(self.out)

    @property
    def complaints(self) -> list[str]:
        """What is on standard error besides the lines of progress."""
        return [line for line in self.err.splitlines() if line.strip() and not _PROGRESS.match(line)]


Ask = Callable[..., Answer]


def run_program(*words: object, prefix: Sequence[str] = (), timeout_s: float = 300.0, **options: Any) -> Answer:
    """The program in a process of its own."""
    command = [*prefix, *PROGRAM, *map(str, words)]
    done = subprocess.run(command, capture_output=True, text=True, check=False, timeout=timeout_s, **options)
    return Answer(done.returncode, done.stdout, done.stderr)


def without_privileges() -> list[str]:
    """What to put before a command so that file permissions count for it, even when the tests run as root."""
    if os.geteuid() != 0:
        return []
    if shutil.which("setpriv") is None:
        pytest.skip("root may read everything, and there is no setpriv to give that up")
    powers = "-dac_override,-dac_read_search"
    return ["setpriv", f"--bounding-set={powers}", f"--inh-caps={powers}", "--"]


def assert_refused(answer: Answer, *words: str) -> str:
    """The program refused with exit code 1 and one sentence that holds the words (in any case); returns it."""
    assert answer.exit_code == 1, f"exit code {answer.exit_code}: {answer.err[-2000:]}"
    assert "Traceback" not in answer.err
    assert len(answer.complaints) == 1, answer.err
    (sentence,) = answer.complaints
    assert sentence.endswith(".") and len(sentence) <= LONGEST_SENTENCE, sentence
    missing = [word for word in words if word.lower() not in sentence.lower()]
    assert not missing, f"{missing} not in: {sentence}"
    return sentence


def assert_refused_in_json(answer: Answer, code: str, *words: str) -> None:
    """As `assert_refused`, and standard output is JSON with the code and the same sentence."""
    sentence = assert_refused(answer, *words)
    assert answer.value["error"]["code"] == code
    assert answer.value["error"]["message"] == sentence


def files_of(folder: Path) -> dict[str, str]:
    """SHA-256 of every file of a case by its path; the lock's own files, which hold nothing, are left out."""
    return {
        path.relative_to(folder).as_posix(): hashlib.sha256(path.read_bytes()).hexdigest()
        for path in sorted(folder.rglob("*"))
        if path.is_file() and path.name not in (".lock", ".holder.json")
    }


def assert_whole(folder: Path, before: dict[str, str], ask: Ask) -> None:
    """The case has the very files that it had, nothing beside them, and opens with all of them sound."""
    assert files_of(folder) == before
    answer = ask("info", folder, "--check", "--json")
    assert answer.exit_code == 0, answer.err
    assert answer.value["damaged_files"] == []


def assert_sound(folder: Path, ask: Ask) -> None:
    """The case opens, every file of its records is what it must be, and no record, folder or file is left over."""
    answer = ask("info", folder, "--check", "--json")
    assert answer.exit_code == 0, answer.err
    assert answer.value["damaged_files"] == []
    known = {record["id"] for record in answer.value["records"]}
    kinds = ("images", "surfaces", "segmentations", "models", "meshes", "runs", "results", "reports")
    found = {path.name for kind in kinds for path in (folder / kind).glob("*")}
    assert found == known
    assert not [path for path in folder.rglob("*") if path.suffix in (".tmp", ".part") or "unfinished" in path.name]
    assert not (folder / ".staging").exists() or not list((folder / ".staging").iterdir())
