"""The program under test with logs of its own, and a case of the small arch at each stage of the path."""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest
from e2e_phantom import arch_scan, point_words, write_dicom
from e2e_program import Answer, Ask, run_program

from app import cli

SEGMENT = ("--working-voxel-mm", "1.5")
MODEL = ("--edge-radii", "0.5", "--edge-max-mm", "6")
MESH = ("--level", "coarse", "--edge-scale", "1.3")
SIMULATE = ("--steps-per-cycle", "100", "--max-cycles", "3", "--periodicity-limit", "0.2", "--fields-per-cycle", "4")
RESULTS = ("--n-streamlines", "10")


@pytest.fixture(scope="session", autouse=True)
def log_home(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """Where the program keeps its logs during the tests."""
    home = tmp_path_factory.mktemp("logs")
    before = os.environ.get("XDG_STATE_HOME")
    os.environ["XDG_STATE_HOME"] = str(home)
    yield home
    os.environ.pop("XDG_STATE_HOME")
    if before is not None:
        os.environ["XDG_STATE_HOME"] = before


@pytest.fixture
def ask(capfd: pytest.CaptureFixture[str]) -> Ask:
    """The program in this process: what it prints, also from below Python, and its exit code."""

    def program(*words: object) -> Answer:
        capfd.readouterr()
        try:
            code = cli.main([str(word) for word in words])
        except SystemExit as leave:  # argparse
            code = int(leave.code or 0)
        printed = capfd.readouterr()
        return Answer(code, printed.out, printed.err)

    return program


@pytest.fixture(scope="session")
def path_answers(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Answer]:
    """The whole path on the small arch by the command line, each answer as JSON, by the command's name."""
    home = tmp_path_factory.mktemp("path")
    scan = write_dicom(arch_scan().volume, home / "Zwetschkenbaum Adalbert CT")
    case = home / "arch.case"
    answers: dict[str, Answer] = {}
    for name, *words in (
        ("import", scan, case, "--title", "Small arch"),
        ("points", case, "--set", *point_words()),
        ("patient", case, "--set", "heart_rate_bpm=75"),
        ("segment", case, *SEGMENT),
        ("model", case, *MODEL),
        ("mesh", case, *MESH),
        ("simulate", case, "--ranks", 2, *SIMULATE),
        ("run", case),
        ("results", case, *RESULTS),
        ("report", case),
        ("info", case, "--check"),
    ):
        answers[name] = run_program(name, *words, "--json")
        assert answers[name].exit_code == 0, f"{name}: {answers[name].err}"
    answers["folder"] = Answer(0, str(case), "")
    return answers


@pytest.fixture(scope="session")
def finished_case(path_answers: dict[str, Answer]) -> Path:
    """The finished case; not to be changed."""
    return Path(path_answers["folder"].out)


@pytest.fixture
def own_case(finished_case: Path, tmp_path: Path) -> Path:
    """A copy of the finished case."""
    return Path(shutil.copytree(finished_case, tmp_path / "own.case"))


@pytest.fixture(scope="session")
def imported_case(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The arch imported, with its points, nothing else; not to be changed."""
    from app.workflow.import_study import import_study
    from imaging.volume_io import write_volume

    home = tmp_path_factory.mktemp("imported")
    write_volume(arch_scan().volume, home / "scan.nrrd")
    import_study(home / "scan.nrrd", home / "arch.case", "Arch", points=dict(arch_scan().phantom.seeds))
    return home / "arch.case"


@pytest.fixture
def scan_case(imported_case: Path, tmp_path: Path) -> Path:
    """A copy of the imported case."""
    return Path(shutil.copytree(imported_case, tmp_path / "scan.case"))
