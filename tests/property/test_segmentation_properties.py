"""What holds for any masks and any points."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as nps
from scipy import ndimage

from imaging.errors import ImagingError
from imaging.segmentation.agreement import dice, hd95_mm
from imaging.segmentation.minimal_path import arc_length_mm, smooth_path
from imaging.segmentation.neck_watershed import part_at_necks
from imaging.segmentation.vessel_labels import in_one_piece_each

MASKS = nps.arrays(np.bool_, (6, 7, 8))
SPACINGS = st.tuples(*[st.floats(0.3, 3.0)] * 3)


@given(MASKS, MASKS)
def test_overlap_is_symmetric_bounded_and_one_only_for_equal_masks(a: np.ndarray, b: np.ndarray) -> None:
    if not a.any() and not b.any():
        with pytest.raises(ImagingError):
            dice(a, b)
        return
    assert dice(a, b) == dice(b, a)
    assert 0.0 <= dice(a, b) <= 1.0
    assert (dice(a, b) == 1.0) == bool((a == b).all())


@given(MASKS, MASKS, SPACINGS)
def test_surface_distance_is_symmetric_and_within_the_image(
    a: np.ndarray, b: np.ndarray, spacing: tuple[float, float, float]
) -> None:
    a[2, 3, 4] = b[3, 3, 3] = True
    distance = hd95_mm(a, b, spacing)
    assert distance == hd95_mm(b, a, spacing)
    assert 0.0 <= distance <= np.linalg.norm(np.array([7, 6, 5]) * spacing) + 1e-9
    assert hd95_mm(a, a, spacing) == 0.0


@given(nps.arrays(np.uint8, (6, 7, 8), elements=st.integers(0, 4)))
def test_labels_become_one_piece_each_and_add_nothing(labels: np.ndarray) -> None:
    labels[3, 3, 3] = 1
    tidy = in_one_piece_each(labels)
    assert ((tidy > 0) <= (labels > 0)).all()
    assert ndimage.label(tidy > 0)[1] == 1
    for value in (2, 3, 4):
        assert ndimage.label(tidy == value)[1] <= 1
        assert ((tidy == value) <= ((labels == value) | (labels == 1) | (labels > 1))).all()


@given(nps.arrays(np.bool_, (8, 8, 8)), st.floats(0.4, 0.95))
def test_a_part_lies_in_the_mask_and_holds_the_path(mask: np.ndarray, neck_ratio: float) -> None:
    mask[4, 4, 2:6] = True
    path = np.zeros_like(mask)
    path[4, 4, 1:7] = True
    part = part_at_necks(mask, path, neck_ratio)
    assert (part <= mask).all()
    assert part[path & mask].all()


@settings(deadline=None)
@given(
    st.lists(st.tuples(*[st.integers(-1, 1)] * 3).filter(any), min_size=2, max_size=60),
    st.floats(0.5, 2.0),
)
def test_a_smoothed_path_is_evenly_spaced_and_no_longer(steps: list[tuple[int, int, int]], spacing: float) -> None:
    path = np.cumsum([(0, 0, 0), *steps], axis=0).astype(float)
    smooth = smooth_path(path, spacing)
    length = arc_length_mm(path, spacing)[-1]
    assert np.allclose(smooth[[0, -1]], path[[0, -1]])
    assert arc_length_mm(smooth, spacing)[-1] <= length + 1e-9
