"""The laws of docs/architecture.md that a machine can check."""

import ast
import re
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
ROOMS = ("app", "imaging", "solvers", "sample_data")
HEAVY = {
    "PySide6",
    "SimpleITK",
    "dolfinx",
    "h5py",
    "matplotlib",
    "mpi4py",
    "numba",
    "petsc4py",
    "pyvista",
    "reportlab",
    "scipy",
    "skimage",
    "vmtk",
    "vtk",
    "vtkmodules",
}


def sources() -> list[Path]:
    folders = (*ROOMS, "tests")
    return sorted(path for folder in folders for path in (ROOT / folder).rglob("*.py"))


def test_the_import_contracts_hold() -> None:
    command = Path(sys.executable).with_name("lint-imports")
    done = subprocess.run([command, "--no-cache"], cwd=ROOT, capture_output=True, encoding="utf-8", check=False)
    assert done.returncode == 0, done.stdout


def test_no_file_is_over_800_lines() -> None:
    assert {
        str(p.relative_to(ROOT)): n for p in sources() if (n := len(p.read_text(encoding="utf-8").splitlines())) > 800
    } == {}


def test_no_file_is_a_drawer_for_everything() -> None:
    assert [p for p in sources() if p.stem in {"utils", "helpers", "common", "misc"}] == []


@pytest.mark.parametrize("module", ["app.cli", "app.case.bundle", "app.workflow.steps", "solvers.contract.spec"])
def test_the_program_starts_without_heavy_libraries(module: str) -> None:
    code = f"import sys, {module}; print(*sorted({{name.split('.')[0] for name in sys.modules}}))"
    done = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=True)
    assert HEAVY & set(done.stdout.split()) == set()


def test_qt_is_imported_in_one_room_only() -> None:
    allowed = ROOT / "app" / "desktop"
    for path in (p for room in ROOMS for p in (ROOT / room).rglob("*.py") if allowed not in p.parents):
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            names = [a.name for a in node.names] if isinstance(node, ast.Import) else []
            names += [node.module or ""] if isinstance(node, ast.ImportFrom) else []
            assert not [n for n in names if n.split(".")[0] in {"PySide6", "pyqtgraph", "pyvistaqt"}], path


def test_nothing_committed_names_this_machine_or_a_registry() -> None:
    listed = subprocess.run(
        ["git", "ls-files"], cwd=ROOT, capture_output=True, encoding="utf-8", check=False
    ).stdout.split()
    if not listed:
        pytest.skip("not a git checkout")
    host = re.compile(r"(index-url|find-links)[ =]\S|https?://\S*/(simple|packages)/|/home/\w+/|/root/|/work/")
    texts = [
        ROOT / name for name in listed if (ROOT / name).suffix in {".py", ".md", ".txt", ".toml", ".json", ".sh", ".in"}
    ]
    found = [
        p.name for p in texts if p != Path(__file__) and p.is_file() and host.search(p.read_text(encoding="utf-8"))
    ]
    assert found == []
