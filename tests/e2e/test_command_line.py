"""The program as a user meets it: help in the order of the path, JSON everywhere, and clear words for a slip."""

from __future__ import annotations

import errno
import json
import re
from pathlib import Path

import pytest
from e2e_phantom import small_ct
from e2e_program import Ask, assert_refused, assert_refused_in_json, files_of, run_program

from app.commands import COMMANDS
from app.workflow.parameters import describe
from app.workflow.steps import STEPS
from imaging.volume_io import write_volume

pytestmark = pytest.mark.e2e
PATH = ("import", "points", "segment", "model", "mesh", "simulate", "run", "results", "report")


def test_help_lists_the_commands_in_the_order_of_the_path(ask: Ask) -> None:
    answer = ask("--help")
    assert answer.exit_code == 0 and "not for diagnostic use" in " ".join(answer.out.split())
    listed = re.findall(r"^    ([a-z-]+) ", answer.out, re.MULTILINE)
    assert sorted(listed) == sorted(COMMANDS)
    places = [listed.index(name) for name in PATH]
    assert places == sorted(places)


@pytest.mark.parametrize("name", COMMANDS)
def test_every_command_explains_itself_and_offers_json(ask: Ask, name: str) -> None:
    answer = ask(name, "--help")
    assert answer.exit_code == 0 and answer.err == ""
    assert answer.out.startswith(f"usage: angiotwin {name}") and "--json" in answer.out
    assert COMMANDS[name].help in " ".join(answer.out.split())


@pytest.mark.parametrize("step", [step for step in STEPS.values() if step.id != "import"], ids=lambda step: step.id)
def test_every_declared_parameter_is_an_option_with_its_default(ask: Ask, step: object) -> None:
    assert hasattr(step, "id") and hasattr(step, "module")
    shown = " ".join(ask(step.id, "--help").out.split())
    for parameter in describe(step.module.Parameters):
        assert f"--{parameter.name.replace('_', '-')} " in shown, parameter.name
        assert f"(default {parameter.default}" in shown


def test_a_slip_on_the_command_line_exits_with_usage(ask: Ask) -> None:
    for words, said in (
        ((), "required: COMMAND"),
        (("segmnt",), "invalid choice: 'segmnt'"),
        (("segment",), "required: case"),
        (("segment", "a.case", "--core-shore", "0.7"), "unrecognized arguments: --core-shore"),
        (("simulate", "a.case", "--ranks", "two"), "invalid int value: 'two'"),
    ):
        answer = ask(*words)
        assert answer.exit_code == 2 and answer.out == ""
        assert answer.err.startswith("usage: angiotwin") and said in answer.err


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (("segment", "--core-share", "7"), ("core_share must be from 0.5 to 0.9, not 7.",)),
        (("segment", "--tissue-hu", "bright"), ("tissue_hu must be a number", "'bright'")),
        (("segment", "--snap-mm", "nan"), ("snap_mm must be a number",)),
        (("segment", "--snap-mm", "99"), ("from 0 to 10 mm, not 99 mm",)),
        (("segment", "--preset", "liver"), ("preset must be one of thoracic-aorta", "'liver'")),
        (("points", "--set", "arch"), ("'arch' is not of the form name=value", "arch=9,22,75")),
        (("points", "--set", "arch=1,2"), ("'1,2' is not a position", "x,y,z in mm")),
        (("points", "--set", "arch=1,2,nan"), ("'1,2,nan' is not a position",)),
        (("points", "--set", "arhc=1,2,3"), ("No anatomy has a point arhc; there are arch", "and others")),
        (("points", "--set", "arch=1,2,3", "--remove", "valve"), ("no point valve", "its points: aortic_valve")),
        (("patient", "--set", "shoe_size=43"), ("no patient value shoe_size", "heart_rate_bpm")),
        (("patient", "--set", "heart_rate_bpm=0"), ("heart_rate_bpm must be from 30 to 220 1/min, not 0",)),
        (("patient", "--unset", "shoe_size"), ("no patient value shoe_size", "heart_rate_bpm")),
        (("simulate", "--ranks", "0"), ("--ranks must be from 1", "not 0")),
    ],
    ids=lambda value: " ".join(value) if value[0] in COMMANDS else "",
)
def test_a_wrong_name_or_value_is_refused_with_what_is_possible(
    scan_case: Path, ask: Ask, words: tuple[str, ...], said: tuple[str, ...]
) -> None:
    before = files_of(scan_case)
    assert_refused(ask(words[0], scan_case, *words[1:]), *said)
    assert files_of(scan_case) == before


def test_wrong_names_of_samples_checks_and_benches_are_refused_with_the_right_ones(tmp_path: Path, ask: Ask) -> None:
    assert_refused(ask("sample", "heart", tmp_path / "a.case"), "no sample case 'heart'", "thoracic_ct")
    assert_refused(ask("sample", "thoracic_ct"), "Name the case folder")
    assert_refused_in_json(ask("verify", "foo", "--json"), "unknown_name", "no foo", "poiseuille")
    assert_refused_in_json(ask("bench", "foo", "--json"), "unknown_name", "no foo")
    assert list(tmp_path.iterdir()) == []


def test_commands_that_only_show_print_json(scan_case: Path, ask: Ask) -> None:
    before = files_of(scan_case)
    for words in (
        ("info", scan_case),
        ("points", scan_case),
        ("patient", scan_case),
        ("sample",),
        ("verify", "--list"),
        ("bench", "--list"),
    ):
        answer = ask(*words, "--json")
        assert answer.exit_code == 0 and answer.err == "" and answer.value
        assert ask(*words).out.strip(), "the same in words"
    assert files_of(scan_case) == before


def test_several_points_at_once_are_one_thing_to_undo(scan_case: Path, ask: Ask) -> None:
    before = ask("points", scan_case, "--json").value
    after = ask("points", scan_case, "--set", "arch=1,2,3", "descending=4,5,6", "--remove", "ascending", "--json").value
    assert after == {
        **{r: p for r, p in before.items() if r != "ascending"},
        "arch": [1, 2, 3],
        "descending": [4, 5, 6],
    }
    ask("undo", scan_case)
    assert ask("points", scan_case, "--json").value == before


def test_a_patients_values_come_and_go(scan_case: Path, ask: Ask) -> None:
    value = ask("patient", scan_case, "--set", "systolic_mmhg=135", "diastolic_mmhg=85", "--json").value
    assert value["entered"] == {"systolic_mmhg": 135.0, "diastolic_mmhg": 85.0}
    assert value["used"]["heart_rate_bpm"] == 70.0
    assumed = {a["name"] for a in ask("info", scan_case, "--json").value["assumptions"]}
    assert "Heart rate" in assumed and "Systolic pressure" not in assumed
    assert ask("patient", scan_case, "--unset", "systolic_mmhg", "--json").value["entered"] == {"diastolic_mmhg": 85.0}


def test_what_nobody_foresaw_is_kept_in_a_log_without_the_paths(
    tmp_path: Path, ask: Ask, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path / "state"))
    scan = tmp_path / "Zwetschkenbaum Adalbert" / "scan.nrrd"
    scan.parent.mkdir()
    write_volume(small_ct(), scan)

    def fall(*_: object, **__: object) -> None:
        raise ZeroDivisionError(f"while reading {scan}")

    monkeypatch.setattr("app.workflow.import_study.import_study", fall)
    answer = ask("import", scan, tmp_path / "new.case", "--json")
    assert answer.exit_code == 70 and "Traceback" not in answer.err and len(answer.complaints) == 1
    assert answer.value["error"]["code"] == "unexpected"
    (log,) = (tmp_path / "state").rglob("error-*.txt")
    assert str(log) in answer.err
    kept = log.read_text()
    assert "ZeroDivisionError" in kept and "Zwetschkenbaum" not in kept
    monkeypatch.setenv("XDG_STATE_HOME", "/dev/null/nowhere")
    answer = ask("import", scan, tmp_path / "new.case")
    assert answer.exit_code == 70 and "could not be written down" in answer.err


def test_a_full_disk_that_nobody_foresaw_is_still_one_sentence(ask: Ask, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(*_: object, **__: object) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr("app.workflow.samples.list_samples", full)
    assert_refused_in_json(ask("sample", "--json"), "disk_full", "disk is full", "free some space")


def test_an_answer_that_nobody_reads_ends_quietly(scan_case: Path) -> None:
    import subprocess
    import sys

    command = [sys.executable, "-m", "app.cli", "info", str(scan_case), "--json"]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) as program:
        assert program.stdout is not None and program.stderr is not None
        program.stdout.close()
        assert "Traceback" not in program.stderr.read()


def test_the_version_is_that_of_the_package(ask: Ask) -> None:
    from importlib.metadata import version

    assert ask("--version").out == f"angiotwin {version('angiotwin')}\n"
    assert json.loads(run_program("sample", "--json").out)[0]["id"] == "thoracic_ct"
