"""Parts touching structures of equal brightness: at their necks, and along the dark valley between them."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from imaging.segmentation.working_grid import Depth, Hu, Mask


def part_at_necks(mask: Mask, path: Mask, neck_ratio: float) -> Mask:
    """The part of ``mask`` that belongs to the vessel in which ``path`` runs.

    The mask is divided into the catchments of its deepest places. Two of them belong together when the neck between
    them is at least ``neck_ratio`` as deep as the shallower one; necks are judged from the widest to the narrowest, so
    that a shallow catchment goes with the neighbor to which it is open. All that the path crosses is one part, and what
    joins it is judged by its own depth alone, so that a chamber deeper than the vessel stays outside.

    Parameters
    ----------
    mask : (k, j, i)
    path : (k, j, i)
        Voxels of the path; those outside the mask are ignored.
    """
    from scipy import ndimage
    from skimage.segmentation import watershed

    depth: Depth = ndimage.distance_transform_edt(mask)
    peaks, _ = ndimage.label((ndimage.maximum_filter(depth, 5) == depth) & mask, np.ones((3, 3, 3)))
    catchment = watershed(-depth, peaks, mask=mask)
    n = int(catchment.max()) + 1
    peak_depth = np.zeros(n)
    np.maximum.at(peak_depth, catchment[mask], depth[mask])
    group = np.arange(n)
    group[np.unique(catchment[path & mask])] = 0
    group[0] = 0
    peak_depth[0] = np.inf

    def leader(member: int) -> int:
        while group[member] != member:
            group[member] = group[group[member]]
            member = int(group[member])
        return member

    for a, b, neck_depth in zip(*necks_between(catchment, depth, n), strict=True):
        one, other = leader(int(a)), leader(int(b))
        if one != other and neck_depth >= neck_ratio * min(peak_depth[one], peak_depth[other]):
            keeper, joined = min(one, other), max(one, other)
            group[joined] = keeper
            peak_depth[keeper] = max(peak_depth[keeper], peak_depth[joined])
    ours = np.array([leader(member) == 0 for member in range(n)])
    ours[0] = False
    part: Mask = ours[catchment]
    return part


def thick_parts(mask: Mask, radius_mm: float, spacing_mm: float) -> Mask:
    """What of a mask holds a ball of about the given radius: not rims, struts or noise."""
    from scipy import ndimage

    opened: Mask = ndimage.binary_opening(mask, iterations=max(round(radius_mm / spacing_mm), 1))
    return opened


def grown(mask: Mask, by_mm: float, spacing_mm: float) -> Mask:
    """A mask and what lies within ``by_mm`` of it."""
    from scipy import ndimage

    if not mask.any():
        return mask
    larger: Mask = ndimage.distance_transform_edt(~mask, sampling=spacing_mm) <= by_mm
    return larger


def won_by(ours: Mask, foreign: Mask, brightness: Hu, where: Mask) -> Mask:
    """The voxels ``where`` that fall to us rather than to anything foreign: the border runs in the dark valley."""
    from skimage.segmentation import watershed

    markers = np.where(ours, 1, np.where(foreign, 2, 0)).astype(np.int32)
    mine: Mask = watershed(-brightness, markers, mask=where | (markers > 0)) == 1
    return mine


def necks_between(
    catchment: NDArray[np.int32], depth: Depth, n: int
) -> tuple[NDArray[np.int64], NDArray[np.int64], Depth]:
    """Pairs of touching catchments (numbered up to ``n``) and the depth of the neck between them, deepest first."""
    pairs, depths = [], []
    for axis in range(3):
        here = tuple(slice(None, -1) if a == axis else slice(None) for a in range(3))
        there = tuple(slice(1, None) if a == axis else slice(None) for a in range(3))
        one, other = catchment[here], catchment[there]
        touch = (one != other) & (one > 0) & (other > 0)
        low, high = np.minimum(one[touch], other[touch]), np.maximum(one[touch], other[touch])
        pairs.append(low.astype(np.int64) * n + high)
        depths.append(np.minimum(depth[here][touch], depth[there][touch]))
    pair, where = np.unique(np.concatenate(pairs), return_inverse=True)
    deepest = np.zeros(len(pair))
    np.maximum.at(deepest, where, np.concatenate(depths))
    order = np.argsort(-deepest, kind="stable")
    return pair[order] // n, pair[order] % n, deepest[order]
