"""Thirty and more ways in which a run can fail, planted: each ends soon with its code, one sentence, a known cause."""

from __future__ import annotations

import json
import os
import resource
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import psutil
import pytest
from tube_runs import PERIOD, change, solve_by_hand, tube_spec, write_tube_run

from solvers.contract.errors import ExitCode, RunError
from solvers.contract.events import read_events
from solvers.contract.files import MESH, SPEC
from solvers.contract.mesh_file import MeshArrays, read_mesh, write_mesh
from solvers.contract.scalars import read_scalars
from solvers.contract.spec import MeshFile, Numerics, PressureOutlet, RunSpec, Time, Waveform, read_spec, write_spec
from solvers.doctor.causes import CAUSES
from solvers.doctor.diagnosis import diagnose, diagnosis_of
from solvers.launch import local, runs
from solvers.preflight.check import preflight_folder
from solvers.preflight.finding import refuse_errors
from solvers.verification.meshes import INLET, OUTLET, WALL

pytestmark = pytest.mark.mpi
Plant = Callable[[Path], None]
SECONDS = 30.0


def edit(**parts: Any) -> Plant:
    """Values of spec.json by their dotted name, ``__`` for the dot, numbers for places in a list."""

    def plant(folder: Path) -> None:
        raw = json.loads((folder / SPEC).read_text())
        for name, value in parts.items():
            *way, last = [int(word) if word.isdigit() else word for word in name.split("__")]
            holder = raw
            for word in way:
                holder = holder[word]
            holder[last] = value
        (folder / SPEC).write_text(json.dumps(raw))

    return plant


def flow(make: Callable[[np.ndarray], np.ndarray]) -> Plant:
    def plant(folder: Path) -> None:
        values = json.loads((folder / SPEC).read_text())["inlets"][0]["flow"]["values"]
        edit(inlets__0__flow__values=make(np.array(values)).tolist())(folder)

    return plant


def mesh(make: Callable[[MeshArrays], MeshArrays]) -> Plant:
    def plant(folder: Path) -> None:
        spec = read_spec(folder)
        write_spec(folder, replace(spec, mesh=MeshFile(write_mesh(folder, make(read_mesh(folder, spec))))))

    return plant


def inverted(arrays: MeshArrays) -> MeshArrays:
    tets = arrays.tets.copy()
    tets[100] = tets[100][[1, 0, 2, 3]]
    return replace(arrays, tets=tets)


def second_inlet(folder: Path) -> None:
    def belt(arrays: MeshArrays) -> MeshArrays:
        z = arrays.points[arrays.facets].mean(axis=1)[:, 2]
        patch = np.where((arrays.facet_patch == WALL) & (z < 0.006), 7, arrays.facet_patch)
        return replace(arrays, facet_patch=patch)

    spec = read_spec(folder)
    sha = write_mesh(folder, belt(read_mesh(folder, spec)))
    second = replace(spec.inlets[0], patch_id=7, name="second")
    write_spec(folder, replace(spec, mesh=MeshFile(sha), inlets=(spec.inlets[0], second)))


def in_two_pieces(arrays: MeshArrays) -> MeshArrays:
    n, shift = len(arrays.points), np.array([0.05, 0.0, 0.0])
    first = np.where(arrays.facet_patch == OUTLET, WALL, arrays.facet_patch)
    second = np.where(arrays.facet_patch == INLET, WALL, arrays.facet_patch)
    return MeshArrays(
        np.concatenate([arrays.points, arrays.points + shift]),
        np.concatenate([arrays.tets, arrays.tets + n]),
        np.concatenate([arrays.facets, arrays.facets + n]),
        np.concatenate([first, second]),
    )


def patches(old: int, new: int) -> Plant:
    return mesh(lambda a: replace(a, facet_patch=np.where(a.facet_patch == old, new, a.facet_patch)))


def scaled(factor: float) -> Plant:
    return mesh(lambda arrays: replace(arrays, points=factor * arrays.points))


def text(name: str, content: str | bytes | None) -> Plant:
    def plant(folder: Path) -> None:
        if content is None:
            (folder / name).unlink()
        else:
            (folder / name).write_bytes(content if isinstance(content, bytes) else content.encode())

    return plant


def cut_mesh(folder: Path) -> None:
    (folder / MESH).write_bytes((folder / MESH).read_bytes()[:-2000])


REFUSED: tuple[tuple[str, Plant, str, str], ...] = (
    ("outlet without condition", edit(outlets=[]), "no_outlet", "no outlet"),
    ("no inlet", edit(inlets=[]), "no_inlet", "no inlet"),
    ("an opening that nothing closes", patches(OUTLET, 9), "patch_missing", "patch 3 (outlet)"),
    (
        "a patch that the spec does not name",
        mesh(lambda a: replace(a, facet_patch=np.where(np.arange(len(a.facets)) == 5, 9, a.facet_patch))),
        "patch_unnamed",
        "patch 9 is neither wall, inlet nor outlet",
    ),
    ("a patch used twice", edit(outlets__0__patch_id=INLET), "patch_used_twice", "used twice"),
    ("two openings of one name", edit(outlets__0__name="inlet"), "name_used_twice", "'inlet'"),
    ("two inlets with one flow", second_inlet, "two_inlets_one_flow", "all of it enters twice"),
    ("wrong sign of the flow", flow(lambda q: -q), "inflow_sign", "turn the sign"),
    ("no flow at all", flow(lambda q: 0.0 * q), "no_inflow", "No blood flows in"),
    ("flow in mL/s", flow(lambda q: 1e6 * q), "inflow_units", "given in mL/s"),
    ("mesh in mm", scaled(1000.0), "mesh_units", "given in meters"),
    ("mesh in cm", scaled(100.0), "mesh_units", "centimeters"),
    ("mesh too small", scaled(0.01), "mesh_units", "no vessel has"),
    ("zero viscosity", edit(fluid__viscosity=0.0), "out_of_bounds", "viscosity of blood"),
    ("viscosity in poise", edit(fluid__viscosity=0.035), "viscosity_absurd", "poise"),
    ("density in g/cm3", edit(fluid__density=1.06), "out_of_bounds", "density of blood"),
    ("resistances in cgs", edit(outlets__0__r_proximal=1.4e3, outlets__0__r_distal=1.3e4), "resistance_absurd", "dyn"),
    ("compliance in cgs", edit(outlets__0__c=1e-5), "compliance_absurd", "time constant"),
    ("negative resistance", edit(outlets__0__r_distal=-1e9), "out_of_bounds", "distal resistance"),
    ("inverted cells", mesh(inverted), "mesh_inverted", "1 tetrahedra of the mesh are inverted"),
    (
        "open mesh",
        mesh(lambda a: replace(a, facets=a.facets[9:], facet_patch=a.facet_patch[9:])),
        "mesh_open",
        "do not enclose",
    ),
    ("mesh in two pieces", mesh(in_two_pieces), "mesh_in_pieces", "'outlet'"),
    ("vertex without a place", mesh(lambda a: replace(a, points=a.points + np.nan)), "bad_mesh", "without a position"),
    ("mesh file cut short", cut_mesh, "mesh_altered", "not the one"),
    ("no mesh file", text(MESH, None), "mesh_missing", "no readable mesh"),
    ("no spec", text(SPEC, None), "bad_spec", "no readable spec.json"),
    ("spec that is no JSON", text(SPEC, '{"mesh": '), "bad_spec", "not valid JSON"),
    ("spec from a newer version", edit(schema_version=99), "spec_newer", "newer version"),
    ("a word for a number", edit(fluid__viscosity="thin"), "bad_spec", "must be a number"),
    ("unknown entry", edit(turbulence=True), "bad_spec", "'turbulence'"),
    ("NaN in a waveform", flow(lambda q: np.where(np.arange(len(q)) == 3, np.nan, q)), "bad_waveform", "not finite"),
    ("waveform that does not close", flow(lambda q: 3e-5 * np.arange(len(q)) / len(q)), "waveform_open", "not close"),
    ("times that go back", edit(inlets__0__flow__t__3=0.0), "bad_waveform", "do not increase"),
    ("times beyond the period", edit(time__period=0.4), "bad_waveform", "outside 0 to 0.4 s"),
    ("time step 100 times too large", edit(time__steps_per_cycle=6), "time_step_too_large", "cannot follow the pulse"),
)


@pytest.mark.parametrize(("plant", "code", "words"), [row[1:] for row in REFUSED], ids=[row[0] for row in REFUSED])
def test_what_cannot_be_solved_is_refused_before(tmp_path: Path, plant: Plant, code: str, words: str) -> None:
    write_tube_run(tmp_path)
    plant(tmp_path)
    began = time.monotonic()
    with pytest.raises(RunError) as refusal:
        refuse_errors(preflight_folder(tmp_path))
    assert time.monotonic() - began < SECONDS
    assert refusal.value.code == code
    assert words in refusal.value.message
    assert refusal.value.message.endswith(".") and "\n" not in refusal.value.message
    diagnosis = diagnosis_of(refusal.value)
    assert diagnosis.code in CAUSES and diagnosis.fixes


def told(folder: Path, code: str, *words: str) -> str:
    """What a run's end says; its cause is in the Doctor's table."""
    final = read_events(folder)[-1]
    assert final["type"] == "failed" and final["code"] == code, final
    sentence = str(final["text"])
    assert sentence.endswith(".") and "\n" not in sentence and "Error" not in sentence and "Traceback" not in sentence
    for word in words:
        assert word in sentence
    assert diagnose(folder).fixes
    return sentence


def test_the_run_itself_refuses_before_it_solves_and_warns_of_the_rest(tmp_path: Path) -> None:
    write_tube_run(tmp_path)
    flow(lambda q: -q)(tmp_path)
    assert solve_by_hand(tmp_path, 2) == ExitCode.BAD_SPEC
    told(tmp_path, "inflow_sign", "'inlet'")
    assert not read_scalars(tmp_path)
    findings = [event for event in read_events(tmp_path) if event["type"] == "warning"]
    assert not findings


def test_a_step_100_times_too_large_without_halving_is_named(tmp_path: Path) -> None:
    spec = write_tube_run(tmp_path)
    jet = replace(spec.inlets[0], flow=Waveform.constant(3e-4))  # 3.8 m/s in a tube of 10 mm
    once = Numerics(max_halvings=0, max_cfl=5.0)
    still = PressureOutlet(OUTLET, "outlet", Waveform.constant(0.0))
    time = Time(PERIOD, 20, 2, 2, None, 0.0)
    change(tmp_path, spec, inlets=(jet,), outlets=(still,), time=time, numerics=once)
    assert solve_by_hand(tmp_path, 2) == ExitCode.DIVERGED
    told(tmp_path, "diverged", "take a time step below 40 ms")
    diagnosis = diagnose(tmp_path)
    assert diagnosis.code == "time_step_too_large" and diagnosis.place is not None
    fixed = diagnosis.fixes[0].change
    assert fixed is not None and fixed(read_spec(tmp_path)).time.steps_per_cycle == 400


SPIKE = """
from solvers.flow.solver import FlowSolver
import numpy as np
_step = FlowSolver.step
def step(self):
    report = _step(self)
    if self.step_number > 25:
        self.velocity[:] = {value}
        import dataclasses
        report = dataclasses.replace(report, max_speed={value}, {more})
    return report
FlowSolver.step = step
"""


@pytest.mark.parametrize(
    ("value", "more", "words", "code"),
    [
        ("float('nan')", "cfl=float('nan')", "became infinite", "time_step_too_large"),
        ("99.0", "cfl=9.0", "99.0 m/s", "too_fast"),
    ],
    ids=["NaN", "absurd speed"],
)
def test_a_run_that_goes_wrong_and_cannot_be_mended_ends_with_no_number(
    tmp_path: Path, value: str, more: str, words: str, code: str
) -> None:
    spec = write_tube_run(tmp_path)
    change(tmp_path, spec, numerics=Numerics(max_halvings=1))
    assert solve_by_hand(tmp_path, 1, patch=SPIKE.format(value=value, more=more)) == ExitCode.DIVERGED
    told(tmp_path, "diverged", words)
    assert diagnose(tmp_path).code == code
    assert np.isfinite(np.column_stack(list(read_scalars(tmp_path).values()))).all()


def test_reversed_flow_at_an_outlet_near_the_place_is_blamed(tmp_path: Path) -> None:
    spec = write_tube_run(tmp_path, 60, 1)
    flow(lambda q: q - 4e-6)(tmp_path)
    spec = read_spec(tmp_path)
    change(tmp_path, spec, numerics=Numerics(max_halvings=0, backflow_beta=0.0))
    end = "fastest_point=(0.0, 0.0, 0.039), cfl=200.0"
    patch = SPIKE.format(value="1.0", more=end).replace("> 25", "> 40")
    assert solve_by_hand(tmp_path, 1, patch=patch) == ExitCode.DIVERGED
    diagnosis = diagnose(tmp_path)
    assert diagnosis.code == "backflow" and "outlet 'outlet'" in diagnosis.sentence
    assert diagnosis.fixes[0].change is not None
    assert diagnosis.fixes[0].change(spec).numerics.backflow_beta == 1.0


def test_a_flow_that_does_not_settle_says_so_and_may_go_on(tmp_path: Path) -> None:
    write_tube_run(tmp_path, 30, 2, 1e-9)
    assert solve_by_hand(tmp_path, 1) == ExitCode.NOT_PERIODIC
    told(tmp_path, "not_periodic", "go on with more cycles")
    fix = diagnose(tmp_path).fixes[0]
    assert fix.goes_on and fix.change is not None
    spec = read_spec(tmp_path)
    assert fix.change(spec).time.max_cycles == 8 and fix.change(spec).fingerprint == spec.fingerprint


MEMORY = """
from solvers.flow.solver import FlowSolver
_step = FlowSolver.step
def step(self):
    if MPI.COMM_WORLD.rank == 1 and self.step_number == 5:
        raise MemoryError
    return _step(self)
FlowSolver.step = step
"""


def test_a_process_that_gets_no_more_memory_takes_all_down_and_says_so(tmp_path: Path) -> None:
    write_tube_run(tmp_path)
    assert solve_by_hand(tmp_path, 2, patch=MEMORY) == ExitCode.INTERNAL
    told(tmp_path, "out_of_memory", "more memory")


def test_a_memory_limit_is_seen_before_anything_is_solved(tmp_path: Path) -> None:
    write_tube_run(tmp_path)
    program = (
        "import sys\nfrom pathlib import Path\nfrom solvers.preflight.check import preflight_folder\n"
        "found = preflight_folder(Path(sys.argv[1]), 2)[0]\nprint(found.level, found.code, found.sentence)\n"
    )
    limit = 1_500_000_000

    def limited() -> None:
        resource.setrlimit(resource.RLIMIT_AS, (limit, limit))

    # no mesh of half a million cells is needed: each of these is made as dear as five hundred
    patch = "import solvers.preflight.cost as cost\ncost.BYTES_PER_CELL = 4e6\n"
    done = subprocess.run(
        [sys.executable, "-c", patch + program, str(tmp_path)],
        capture_output=True, text=True, check=False, preexec_fn=limited, timeout=SECONDS,
    )  # fmt: skip
    assert done.stdout.startswith("error not_enough_memory The run needs about 5.7 GB"), done.stdout + done.stderr


def test_a_killed_rank_ends_the_run_and_is_named(tmp_path: Path) -> None:
    write_tube_run(tmp_path, 4000, 2)
    handle = local.start(tmp_path, 2)
    for event in runs.watch(tmp_path, 0.01):
        if event["type"] == "step":
            break
    began = time.monotonic()
    family = psutil.Process(handle.pid).children(recursive=True)
    ranks = [p for p in family if "solvers.run" in " ".join(p.cmdline()) and "mpiexec" not in p.name()]
    os.kill(ranks[-1].pid, signal.SIGKILL)
    state = handle.wait(SECONDS)
    assert time.monotonic() - began < SECONDS
    assert state.status in ("killed", "failed")
    diagnosis = diagnose(tmp_path)
    assert diagnosis.code == "killed" and "ended without a word" in diagnosis.sentence
    assert diagnosis.fixes[0].goes_on


def test_a_checkpoint_cut_short_or_of_other_settings_is_not_taken(tmp_path: Path) -> None:
    spec = write_tube_run(tmp_path, 40, 1)
    assert solve_by_hand(tmp_path, 1) == 0
    change(tmp_path, spec, fluid=replace(spec.fluid, viscosity=0.004))
    assert solve_by_hand(tmp_path, 1, "--restart") == ExitCode.BAD_SPEC
    told(tmp_path, "other_checkpoint", "other settings")
    change(tmp_path, spec)
    older, newest = sorted((tmp_path / "checkpoint").glob("*.npz"))
    newest.write_bytes(newest.read_bytes()[:-500])
    assert solve_by_hand(tmp_path, 1, "--restart") == 0, "the one before serves"
    for path in (older, newest):
        path.write_bytes(path.read_bytes()[:500])
    assert solve_by_hand(tmp_path, 1, "--restart") == ExitCode.BAD_SPEC
    told(tmp_path, "no_checkpoint", "start it from the beginning")


def test_the_planted_are_at_least_thirty_and_the_spec_they_start_from_is_sound(tmp_path: Path) -> None:
    assert len(REFUSED) >= 30
    write_tube_run(tmp_path)
    refuse_errors(preflight_folder(tmp_path))
    assert isinstance(tube_spec("0" * 64), RunSpec)
