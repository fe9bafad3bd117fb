"""Hundreds of damaged, absurd and malicious files go through import: taken as they say, or refused in a sentence."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections import Counter
from pathlib import Path
from typing import Any

import bad_files
import pytest

LONGEST_S = 10.0
_RUN_S = 600.0
"""A process that waits for something that never comes ends here; the seconds above are of processor time, because other
work may hold up a test."""


@pytest.fixture(scope="module")
def answers(tmp_path_factory: pytest.TempPathFactory) -> dict[str, dict[str, Any]]:
    """What came of every bad input; a process that dies is started again behind the input that killed it."""
    corpus = tmp_path_factory.mktemp("corpus")
    names = []
    for name, make in bad_files.makers().items():
        folder = corpus / name
        (folder / "in").mkdir(parents=True)
        (folder / "source.txt").write_text(str(make(folder / "in")))
        names.append(name)
    root = Path(__file__).parents[2]
    environment = {**os.environ, "PYTHONPATH": f"{root}{os.pathsep}{Path(__file__).parent}"}
    told: dict[str, dict[str, Any]] = {}
    left = names
    while left:
        command = [sys.executable, str(Path(bad_files.__file__)), str(corpus), *left]
        done = subprocess.run(command, capture_output=True, text=True, env=environment, timeout=_RUN_S, check=False)
        begun = ""
        for line in done.stdout.splitlines():
            answer = json.loads(line)
            begun = answer["name"] if "begun" in answer else ""
            if not begun:
                told[answer["name"]] = answer
        if done.returncode == 0:
            break
        assert begun, done.stderr[-2000:]
        told[begun] = {"name": begun, "outcome": "killed the process", "seconds": 0.0, "trace": done.stderr[-500:]}
        left = left[left.index(begun) + 1 :]
    assert set(told) == set(names)
    return told


def test_there_are_at_least_300_and_of_every_kind() -> None:
    kinds = Counter(name.split("-")[0] for name in bad_files.makers())
    assert sum(kinds.values()) >= 300 and min(kinds["dicom"], kinds["volume"], kinds["surface"]) >= 50


def test_none_crashes_the_import(answers: dict[str, dict[str, Any]]) -> None:
    bad = {n: a.get("trace", "") for n, a in answers.items() if a["outcome"] not in ("accepted", "refused")}
    assert not bad, json.dumps(bad, indent=1)[:4000]


def test_none_holds_it_up(answers: dict[str, dict[str, Any]]) -> None:
    assert not {name: answer["seconds"] for name, answer in answers.items() if answer["seconds"] > LONGEST_S}


def test_no_geometry_is_silently_wrong(answers: dict[str, dict[str, Any]]) -> None:
    assert not {name: answer["wrong"] for name, answer in answers.items() if answer.get("wrong")}


def test_every_refusal_is_one_sentence_without_a_path(answers: dict[str, dict[str, Any]]) -> None:
    for name, answer in answers.items():
        for text in (answer.get("message"), answer.get("scan_message")):
            if text is not None:
                assert text.endswith(".") and "\n" not in text and len(text) <= 420, (name, text)
                assert "/tmp" not in text and "DOE" not in text.replace("DOES", ""), (name, text)


def test_sound_files_of_the_same_making_are_accepted(tmp_path: Path) -> None:
    """Else the refusals would say nothing."""
    sound: dict[str, Any] = {
        "dicom-a": lambda folder: bad_files.series(folder / "s"),
        "volume-a": bad_files._file("v.nrrd", bad_files.nrrd),
        "volume-b": bad_files._file("v.nrrd", lambda: bad_files.nrrd("gzip")),
        "volume-c": bad_files._file("v.mha", bad_files.mha),
        "volume-d": bad_files._file("v.nii", bad_files.nifti),
        "surface-a": bad_files._file("m.stl", bad_files.stl),
        "surface-b": bad_files._file("m.stl", bad_files.ascii_stl),
        "surface-c": bad_files._file("m.vtp", bad_files.vtp),
    }
    for name, make in sound.items():
        (tmp_path / name / "in").mkdir(parents=True)
        (tmp_path / name / "source.txt").write_text(str(make(tmp_path / name / "in")))
    root = Path(__file__).parents[2]
    environment = {**os.environ, "PYTHONPATH": f"{root}{os.pathsep}{Path(__file__).parent}"}
    command = [sys.executable, str(Path(bad_files.__file__)), str(tmp_path), *sound]
    lines = subprocess.run(command, capture_output=True, text=True, env=environment, check=True).stdout.splitlines()
    told = [json.loads(line) for line in lines if "outcome" in line]
    assert [(a["outcome"], a.get("wrong")) for a in told] == [("accepted", "")] * len(sound), told
