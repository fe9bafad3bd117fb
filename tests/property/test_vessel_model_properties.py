"""Any tube of plausible size on any grid becomes a closed model of the label's volume, cut across its axis."""

import numpy as np
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st

from imaging.meshing.parameters import MeshParameters
from imaging.meshing.quality import assess
from imaging.meshing.tetrahedra import mesh_model
from imaging.surface.model import build_model
from imaging.surface.topology import is_watertight, self_intersections
from imaging.types import VesselEnd
from sample_data.phantoms import RenderSettings, render_ct, straight_tube


@st.composite
def _tubes(draw):
    radius_voxels = draw(st.floats(1.7, 5.0))
    spacing = draw(st.sampled_from([0.4, 0.8, 1.5]))
    stretch = draw(st.floats(0.7, 1.6))
    direction = draw(st.tuples(st.floats(-1, 1), st.floats(-1, 1), st.floats(0.3, 1)))
    angle = draw(st.floats(0, np.pi))
    turn = (np.cos(angle), -np.sin(angle), 0.0, np.sin(angle), np.cos(angle), 0.0, 0.0, 0.0, 1.0)
    radius = radius_voxels * spacing * max(1.0, stretch)
    return (
        straight_tube(max(10.0 * radius, 20 * spacing), radius, direction),
        (spacing, spacing, spacing * stretch),
        turn,
    )


@settings(
    max_examples=5, deadline=None, suppress_health_check=[HealthCheck.too_slow], phases=[Phase.explicit, Phase.generate]
)
@given(_tubes(), st.booleans())
def test_any_tube_becomes_a_closed_model_and_a_mesh(tube, with_scan):
    phantom, spacing, turn = tube
    rendered = render_ct(phantom, spacing, RenderSettings(direction=turn, margin_mm=6 * max(spacing)), rng_seed=2)
    ends = [VesselEnd(e.name, e.kind, e.center_mm) for e in phantom.ends]
    model = build_model(rendered.labels, rendered.volume if with_scan else None, ends)
    surface = model.surface
    assert is_watertight(surface.triangles)
    assert len(self_intersections(surface.points, surface.triangles)) == 0
    assert abs(model.figures["volume_change_relative"]) < 0.02
    for patch, end in zip(model.patches[1:], phantom.ends, strict=True):
        assert np.dot(patch.normal, end.normal) > np.cos(np.deg2rad(12.0))
        # Half a voxel; a thin tube's label itself is off by a good part of that.
        assert abs(patch.radius_mm - end.radius_mm) < 0.5 * max(spacing)
    quality = assess(mesh_model(model, MeshParameters(level="coarse")), model)
    assert quality.min_volume_mm3 > 0
    assert quality.n_boundary_layers == 3
    assert quality.is_watertight
    assert abs(quality.volume_error) < 0.005
