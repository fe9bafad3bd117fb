"""What the check before a run finds, on meshes whose sizes are known and with mistakes that are planted."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from run_folders import tube_mesh, tube_spec

from solvers.contract.spec import Fluid, Inlet, PressureOutlet, RcrOutlet, RunSpec, Time, Waveform
from solvers.preflight.check import preflight
from solvers.preflight.finding import Finding, refuse_errors
from solvers.preflight.section import section_area
from solvers.preflight.shape import openings, probe, shape_quality
from solvers.verification.meshes import INLET, OUTLET, WALL, straight_tube, tube

MESH = straight_tube(0.04, 0.005, 7, 20, 0.4)
SPEC = replace(
    tube_spec(),
    outlets=(RcrOutlet(OUTLET, "outlet", 1e8, 1e-9, 1.4e9, p_initial=1e4),),
    time=Time(0.8, 400),
)


def found(spec: RunSpec, level: str, memory: float | None = None) -> dict[str, Finding]:
    return {item.code: item for item in preflight(spec, MESH, 2, memory) if item.level == level}


def test_a_sound_run_has_no_error_and_no_warning_and_its_numbers_are_right() -> None:
    assert found(SPEC, "error") == {} and found(SPEC, "warning") == {}
    info = found(SPEC, "info")
    area, nu = np.pi * 0.005**2, 0.0035 / 1060.0
    assert info["reynolds"].value == pytest.approx(2e-5 / area * 0.01 / nu, rel=0.01)
    assert info["womersley"].value == pytest.approx(0.005 * np.sqrt(2 * np.pi / 0.8 / nu), rel=0.01)
    assert info["narrowest_place"].value == pytest.approx(5.0, rel=0.03)
    assert info["boundary_layer"].high == pytest.approx(0.5e3 * np.sqrt(nu * 0.8 / np.pi), rel=1e-6)
    assert info["expected_speed"].value == pytest.approx(2 * 2e-5 / area, rel=0.06)


def outlet(**changes: float) -> RunSpec:
    assert isinstance(SPEC.outlets[0], RcrOutlet)
    return replace(SPEC, outlets=(replace(SPEC.outlets[0], **changes),))


def inflow(factor: float) -> RunSpec:
    flow = SPEC.inlets[0].flow
    scaled = Waveform(flow.t, tuple(factor * value for value in flow.values))
    return replace(SPEC, inlets=(replace(SPEC.inlets[0], flow=scaled),))


def pressure(*values: float) -> RunSpec:
    curve = Waveform(tuple(0.8 * k / len(values) for k in range(len(values))), values)
    return replace(SPEC, outlets=(PressureOutlet(OUTLET, "outlet", curve),))


PLANTED: tuple[tuple[str, str, RunSpec, str], ...] = (
    ("error", "inflow_sign", inflow(-1.0), "'inlet' is -6"),
    ("error", "no_inflow", inflow(0.0), "No blood flows in"),
    ("error", "inflow_units", inflow(1e6), "given in mL/s"),
    ("error", "inflow_units", inflow(1e3 * 60.0), "given in L/min"),
    ("warning", "inflow_units", inflow(1e-3), "which no artery has"),
    ("error", "viscosity_absurd", replace(SPEC, fluid=Fluid(viscosity=0.035)), "poise"),
    ("error", "viscosity_absurd", replace(SPEC, fluid=Fluid(viscosity=2e-4)), "0.2 mPa s"),
    ("warning", "viscosity_unusual", replace(SPEC, fluid=Fluid(viscosity=0.0012)), "1.2 mPa s"),
    ("error", "resistance_absurd", outlet(r_proximal=1e3, r_distal=1.4e4, c=1e-5), "dyn s/cm5"),
    ("error", "resistance_absurd", outlet(r_distal=1e13, c=1e-13), "mmHg"),
    ("warning", "pressure_unusual", outlet(r_distal=6e9, c=1e-10), "outside 5 to 200"),
    ("error", "compliance_absurd", outlet(c=9e-6), "periodic"),
    ("warning", "compliance_unusual", outlet(c=1e-11), "damps no pulse"),
    ("warning", "proximal_resistance", outlet(r_proximal=1.4e9, r_distal=1e8, c=1e-8), "stiff pipe"),
    ("error", "pressure_absurd", pressure(1.6e6), "1.2e+04 mmHg"),
    ("warning", "pressure_units", pressure(80.0, 110.0, 120.0, 90.0), "given as Pa"),
    (
        "error",
        "time_step_too_large",
        replace(SPEC, time=Time(0.8, 4), output=replace(SPEC.output, fields_per_cycle=1)),
        "200 ms",
    ),
    ("warning", "few_steps", replace(SPEC, time=Time(0.8, 50)), "at least 100"),
)


@pytest.mark.parametrize(
    ("level", "code", "spec", "words"), PLANTED, ids=[f"{c}-{i}" for i, (_, c, *_) in enumerate(PLANTED)]
)
def test_a_planted_mistake_is_named(level: str, code: str, spec: RunSpec, words: str) -> None:
    finding = found(spec, level)[code]
    assert words in finding.sentence and finding.sentence.endswith(".") and "\n" not in finding.sentence
    if level == "error":
        with pytest.raises(Exception) as refusal:
            refuse_errors(preflight(spec, MESH))
        assert refusal.value.code == code  # type: ignore[attr-defined]


def test_a_waveform_that_jumps_back_is_open() -> None:
    t = np.linspace(0.0, 0.78, 40)
    ramp = Waveform(tuple(t.tolist()), tuple((2e-5 * t).tolist()))
    assert (
        "does not close"
        in found(replace(SPEC, inlets=(replace(SPEC.inlets[0], flow=ramp),)), "error")["waveform_open"].sentence
    )


def test_one_flow_on_two_inlets_of_different_size_is_an_error_and_on_twins_a_warning() -> None:
    patch = MESH.facet_patch.copy()
    center = MESH.points[MESH.facets].mean(axis=1)
    patch[(patch == WALL) & (center[:, 2] < 0.004)] = 4
    mesh = replace(MESH, facet_patch=patch)
    spec = replace(SPEC, inlets=(SPEC.inlets[0], Inlet(4, "second", SPEC.inlets[0].flow)))
    errors = [item.code for item in preflight(spec, mesh) if item.level == "error"]
    assert errors == ["two_inlets_one_flow"]
    patch[patch == OUTLET], patch[patch == 4] = 5, OUTLET
    twins = replace(MESH, facet_patch=patch)
    spec = replace(SPEC, inlets=(SPEC.inlets[0], Inlet(5, "second", SPEC.inlets[0].flow)))
    assert [i.level for i in preflight(spec, twins) if i.code == "two_inlets_one_flow"] == ["warning"]


@pytest.mark.parametrize(("scale", "is_refused"), [(100.0, True), (1.0, False), (0.01, True)])
def test_a_mesh_in_another_unit_is_refused(scale: float, is_refused: bool) -> None:
    mesh = replace(MESH, points=scale * MESH.points)
    spec = inflow(scale**2)
    errors = [item for item in preflight(spec, mesh) if item.level == "error"]
    assert [item.code for item in errors[:1]] == (["mesh_units"] if is_refused else [])
    assert not errors or errors[0].about_mesh


def test_an_outlet_that_no_way_leads_to_is_named() -> None:
    first, other = tube_mesh(3, 6), tube_mesh(3, 6)
    n = len(first.points)
    both = replace(
        first,
        points=np.concatenate([first.points, other.points + np.array([0.05, 0.0, 0.0])]),
        tets=np.concatenate([first.tets, other.tets + n]),
        facets=np.concatenate([first.facets, other.facets + n]),
        facet_patch=np.concatenate(
            [
                np.where(first.facet_patch == OUTLET, WALL, first.facet_patch),
                np.where(other.facet_patch == INLET, WALL, other.facet_patch),
            ]
        ),
    )
    finding = preflight(SPEC, both)[0]
    assert (finding.code, finding.level, finding.patch) == ("mesh_in_pieces", "error", "outlet")
    assert finding.place is not None and finding.place[0] == pytest.approx(0.05, abs=1e-3)


def test_too_little_memory_is_refused_and_enough_is_not() -> None:
    assert "not_enough_memory" in found(SPEC, "error", memory=1e8)
    assert "expected_memory" in found(SPEC, "info", memory=1e11)


def test_the_narrowest_place_of_a_stenosis_and_its_speed_are_found() -> None:
    z = np.linspace(0.0, 0.06, 61)
    radius = np.where(np.abs(z - 0.02) < 0.004, 2e-3 - 5e-4 * (1 + np.cos(np.pi * (z - 0.02) / 0.004)), 2e-3)
    mesh = tube(np.column_stack([0 * z, 0 * z, z]), radius, 6)
    spec = replace(inflow(0.1), time=Time(0.8, 4000))
    info = {item.code: item for item in preflight(spec, mesh)}
    assert info["narrowest_place"].value == pytest.approx(1.0, rel=0.08)
    assert info["narrowest_place"].place is not None
    assert info["narrowest_place"].place[2] == pytest.approx(0.02, abs=1e-3)
    assert info["expected_speed"].value == pytest.approx(2 * 2e-6 / (np.pi * 1e-6), rel=0.2)
    assert probe(mesh, (WALL,)).cells.min() == pytest.approx(12.0, rel=0.35)


def test_a_flat_lumen_is_not_taken_for_the_narrow_circle_inside_it() -> None:
    flat = replace(MESH, points=MESH.points * np.array([2.0, 0.3, 1.0]))
    info = {item.code: item for item in preflight(SPEC, flat)}
    assert info["narrowest_place"].value < 2.0
    assert info["expected_speed"].value == pytest.approx(2 * 2e-5 / (np.pi * 0.6 * 0.005**2), rel=0.06)


def test_the_section_is_cut_exactly_and_only_through_the_piece_at_the_place() -> None:
    polygon = openings(MESH, (INLET,))[INLET].area
    beside = replace(
        MESH,
        points=np.concatenate([MESH.points, MESH.points + np.array([0.05, 0.0, 0.0])]),
        tets=np.concatenate([MESH.tets, MESH.tets + len(MESH.points)]),
    )
    center = np.array([0.0, 0.0, 0.0171])
    assert section_area(MESH, center, np.array([0.0, 0.0, 2.0])) == pytest.approx(polygon, rel=1e-9)
    assert section_area(beside, center, np.array([0.0, 0.0, -1.0])) == pytest.approx(polygon, rel=1e-9)
    assert section_area(MESH, center, np.array([0.0, 1.0, 1.0])) == pytest.approx(np.sqrt(2) * polygon, rel=1e-6)
    assert section_area(MESH, np.array([0.0, 0.0, 1.0]), np.array([0.0, 0.0, 1.0])) == 0.0


@pytest.mark.parametrize("turn", [0, 1])
def test_sizes_do_not_depend_on_the_order_of_a_facets_corners(turn: int) -> None:
    facets = MESH.facets.copy()
    facets[::2] = facets[::2][:, [0, 2, 1]] if turn else facets[::2]
    caps = openings(replace(MESH, facets=facets), (INLET, OUTLET))
    assert caps[INLET].area == pytest.approx(np.pi * 0.005**2, rel=1e-6)
    assert caps[OUTLET].flatness == pytest.approx(1.0)


def test_quality_is_one_for_a_regular_cell_and_negative_for_an_inverted_one() -> None:
    points = np.array([[1.0, 1, 1], [1, -1, -1], [-1, 1, -1], [-1, -1, 1]])
    mesh = replace(MESH, points=points, tets=np.array([[0, 1, 2, 3], [0, 2, 1, 3]]))
    assert sorted(shape_quality(mesh).tolist()) == pytest.approx([-1.0, 1.0])
