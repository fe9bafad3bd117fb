"""The benchmark of the flow engine: what it writes for its peers, how it finds them, and its arithmetic."""

from __future__ import annotations

import json
import re
import stat
from pathlib import Path

import numpy as np
import pytest

from app.workflow.bench import BENCHES, GROUPS, run_benches
from app.workflow.flow_bench import ACCURATE, memory_per_unknown, row, skipped
from solvers.benchmark import shapes, stenosis
from solvers.benchmark.oasis import write_oasis
from solvers.benchmark.openfoam import PATCHES, dictionaries, ordered_faces, write_openfoam
from solvers.benchmark.peers import PeerFailure, find_oasis, find_openfoam, parallel, run_openfoam, second_half
from solvers.benchmark.sizing import Sizing, lengths, sections
from solvers.benchmark.timed_tube import TimedTube, timed_tube, tube_spec


@pytest.fixture(scope="module")
def tube() -> TimedTube:
    return timed_tube(Sizing(n_rings=2, along=1.5), 2.5e-4, 8)


def test_absent_peers_are_named_with_what_to_set(tmp_path: Path) -> None:
    nothing = {"PATH": str(tmp_path)}
    assert find_oasis(nothing) == "Oasis is not installed: set ANGIOTWIN_OASIS to its folder"
    assert "is not in" in str(find_oasis(nothing | {"ANGIOTWIN_OASIS": str(tmp_path)}))
    (tmp_path / "oasis").mkdir()
    (tmp_path / "oasis" / "NSfracStep.py").touch()
    no_python = {"ANGIOTWIN_OASIS": str(tmp_path), "ANGIOTWIN_DOLFIN_PYTHON": str(tmp_path / "python")}
    assert "cannot be started" in str(find_oasis(nothing | no_python))
    assert find_openfoam(nothing) == "OpenFOAM is not installed: pimpleFoam is not on the PATH"


def test_a_peer_is_timed_by_the_times_it_prints(tmp_path: Path, tube: TimedTube) -> None:
    program = tmp_path / "pimpleFoam"
    program.write_text(
        "#!/bin/sh\nfor i in 1 2 3 4; do echo Time = $i; echo ExecutionTime = 0.$i s; sleep 0.05; done; echo End\n"
    )
    program.chmod(program.stat().st_mode | stat.S_IXUSR)
    peer = find_openfoam({"PATH": f"{tmp_path}:/usr/bin:/bin", "WM_PROJECT_DIR": str(tmp_path), "PYTHONPATH": "x"})
    assert not isinstance(peer, str)
    assert peer.environment["OMP_NUM_THREADS"] == "1"
    assert "PYTHONPATH" not in peer.environment
    timing = run_openfoam(peer, tmp_path, 1)
    assert timing.n_steps == 4
    assert 0.04 < timing.step_s < 1.0
    assert timing.busy_s == pytest.approx(0.1)
    program.write_text("#!/bin/sh\nexit 3\n")
    with pytest.raises(PeerFailure, match="code 3"):
        run_openfoam(peer, tmp_path, 1)


def test_command_lines() -> None:
    assert parallel(("a", "b"), 1, True) == ("a", "b")
    assert parallel(("a",), 2, False) == ("mpirun.openmpi", "-n", "2", "a")
    assert parallel(("a",), 2, True) == ("mpirun.openmpi", "--allow-run-as-root", "-n", "2", "a")


def test_openfoam_mesh_is_ordered_and_closed(tube: TimedTube) -> None:
    faces, owner, neighbor, starts = ordered_faces(tube.mesh)
    n_inner = len(neighbor)
    assert starts[0] == n_inner
    assert len(faces) - n_inner == len(tube.mesh.facets)
    pairs = list(zip(owner[:n_inner].tolist(), neighbor.tolist(), strict=True))
    assert pairs == sorted(pairs)
    assert (owner[:n_inner] < neighbor).all()
    corner = tube.mesh.points[faces]
    vector = 0.5 * np.cross(corner[:, 1] - corner[:, 0], corner[:, 2] - corner[:, 0])
    closure = np.zeros((len(tube.mesh.tets), 3))
    np.add.at(closure, owner, vector)
    np.add.at(closure, neighbor, -vector[:n_inner])
    assert np.abs(closure).max() < 1e-6 * np.abs(vector).max()
    outward = corner.mean(axis=1) - tube.mesh.points[tube.mesh.tets[owner]].mean(axis=1)
    assert (np.einsum("fd,fd->f", outward, vector) > 0).all()


def test_openfoam_gets_the_same_flow_step_and_tolerance(tmp_path: Path, tube: TimedTube) -> None:
    write_openfoam(tmp_path, tube, 2)
    text = dictionaries(tube, 2)
    assert "deltaT 0.00025;" in text["system/controlDict"]
    assert "endTime 0.002;" in text["system/controlDict"]
    assert text["system/fvSolution"].count("relTol 1e-05;") == 4
    assert "numberOfSubdomains 2;" in text["system/decomposeParDict"]
    speed = [float(z) for z in re.findall(r"^\(0 0 (\S+)\)$", (tmp_path / "0" / "U").read_text(), re.MULTILINE)]
    faces, _, _, starts = ordered_faces(tube.mesh)
    corner = tube.mesh.points[faces[starts[1] : starts[2]]]
    area = 0.5 * np.linalg.norm(np.cross(corner[:, 1] - corner[:, 0], corner[:, 2] - corner[:, 0]), axis=1)
    assert speed @ area == pytest.approx(tube.mean_speed * np.pi * tube.radius**2)
    boundary = (tmp_path / "constant" / "polyMesh" / "boundary").read_text()
    assert all(name in boundary for _, name, _ in PATCHES)


def test_oasis_gets_the_same_tetrahedra_in_millimeters(tmp_path: Path, tube: TimedTube) -> None:
    write_oasis(tmp_path, tube, 2)
    mesh = (tmp_path / "mesh.xml").read_text()
    assert mesh.count("<tetrahedron ") == len(tube.mesh.tets)
    assert mesh.count("<vertex ") == len(tube.mesh.points)
    case = json.loads((tmp_path / "case.json").read_text())
    assert case["length"] == pytest.approx(60.0)
    assert case["nu"] == pytest.approx(3.5e-3 / 1060.0 * 1e6)
    assert (case["dt"], case["tolerance"], case["degree"], case["n_steps"]) == (2.5e-4, 1e-5, 2, 8)
    compile((tmp_path / "timed_tube.py").read_text(), "timed_tube.py", "exec")


def test_own_case_is_the_same_case(tube: TimedTube) -> None:
    spec = tube_spec(tube, "0" * 64, "P2/P1")
    spec.check()
    assert spec.time.dt == pytest.approx(tube.dt)
    assert spec.numerics.velocity_tolerance == tube.tolerance


def test_rows_say_whether_the_goal_is_met() -> None:
    assert row("a", 8.0, "1", 8.0, False, "")["met"]
    assert not row("a", 7.9, "1", 8.0, False, "")["met"]
    assert row("a", 1.1, "1", 1.15, True, "")["met"]
    assert not row("a", float("nan"), "1", 1.15, True, "")["met"]
    absent = skipped("a", "Oasis is not installed")
    assert absent["met"] is None
    assert absent["how"] == "skipped: Oasis is not installed"


def test_arithmetic_of_time_and_memory() -> None:
    assert second_half([9.0, 9.0, 1.0, 3.0], [5.0, 1.0]).step_s == 2.0
    assert second_half([9.0, 9.0, 1.0, 3.0], [5.0, 1.0]).busy_s == 1.0
    with pytest.raises(PeerFailure):
        second_half([1.0], [1.0])
    with pytest.raises(PeerFailure):
        second_half([1.0, float("nan")], [1.0])
    timing = {"peak_mb": [250.0, 250.0], "shared_mb": [0.0, 0.0], "n_unknowns": 102_400}
    assert memory_per_unknown(timing) == pytest.approx(2.0)
    assert memory_per_unknown({**timing, "shared_mb": [90.0, 100.0]}) == pytest.approx(1.1)


def test_the_group_holds_every_bench_of_the_flow() -> None:
    assert set(GROUPS["flow"]) == {
        "flow-peers",
        "flow-cost",
        "flow-scaling",
        "flow-sizing",
        "flow-clinical",
        "flow-coronary",
    }
    assert set(GROUPS["flow"]) < set(BENCHES)


def test_accuracy_is_judged_over_the_beat_only() -> None:
    time = np.linspace(0.0, 1.2, 481)
    drop = np.interp(time, stenosis.REFERENCE_TIMES, stenosis.REFERENCE_DROP)
    stress = np.where(time < 0.19, 1e6, stenosis.REFERENCE_PEAK_STRESS)
    drop[time < 0.19] = 1e6
    exact = stenosis.judge(time, drop, stress)
    assert exact.is_enough
    assert abs(exact.mean_drop) < 1e-12
    off = stenosis.judge(time, 1.019 * drop, 0.96 * stress)
    assert off.is_enough
    assert (off.mean_drop, off.worst_drop, off.peak_stress) == pytest.approx((0.019, 0.019, -0.04))
    drop[300] *= 1.05
    assert not stenosis.judge(time, drop, stress).is_enough
    assert np.mean(stenosis.REFERENCE_DROP[4:]) == pytest.approx(574.58, abs=2.0)


def test_cells_follow_the_local_radius_and_the_jet() -> None:
    z = np.linspace(0.0, stenosis.LENGTH, 601)
    radius = stenosis.radius(z)
    size = lengths(z, radius, ACCURATE)
    assert (size <= ACCURATE.along * radius + 1e-12).all()
    assert (np.abs(np.diff(size)) <= ACCURATE.growth * np.diff(z) + 1e-12).all()
    throat = size[np.argmin(radius)]
    assert throat == pytest.approx(ACCURATE.along * stenosis.THROAT_RADIUS)
    in_jet = (z > stenosis.THROAT) & (z < stenosis.THROAT + 10.0 * stenosis.THROAT_RADIUS)
    assert size[in_jet].max() == pytest.approx(throat)
    straight = lengths(z, np.full(601, 2e-3), ACCURATE)
    assert np.ptp(straight) == 0.0
    places = sections(stenosis.LENGTH, stenosis.radius, ACCURATE)
    assert places[0] == 0.0
    assert places[-1] == pytest.approx(stenosis.LENGTH)


def test_curves_of_different_steps_are_not_held_against_each_other_across_the_jump() -> None:
    coarse, fine = np.arange(0.002, 0.26, 0.002), np.arange(0.001, 0.26, 0.001)

    def jumping(times: np.ndarray) -> np.ndarray:
        return np.where(times > stenosis.RAMP + 1e-9, 210.0, 170.0)

    assert shapes.worst_difference(coarse, jumping(coarse), fine, jumping(fine)) == pytest.approx(0.0)
    assert shapes.worst_difference(coarse, 1.03 * jumping(coarse), fine, jumping(fine)) == pytest.approx(0.03)


def test_a_bench_that_fails_loses_no_other_row(monkeypatch: pytest.MonkeyPatch) -> None:
    def broken(progress: object) -> list[dict[str, object]]:
        raise ZeroDivisionError("no cells")

    monkeypatch.setitem(BENCHES, "flow-cost", broken)
    monkeypatch.setitem(BENCHES, "flow-peers", lambda progress: row("other", 1.0, "s", 2.0, True, "how"))
    failed, other = run_benches(["flow-cost", "flow-peers"])
    assert failed["met"] is False and "no cells" in failed["how"]
    assert other["met"] is True
