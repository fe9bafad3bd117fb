"""Ways through a centerline tree from its root to an opening."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from imaging.centerline.curves import way_to
from imaging.types import CenterlineTree, FloatArray, IntArray, Patch


@dataclass(frozen=True, eq=False)
class VesselPath:
    """The way from the root to an opening.

    Attributes
    ----------
    indices : (n,)
        Points of the tree, from the root on.
    abscissa_mm : (n,)
        Arc length from the root.
    own_start
        Index into ``indices`` of the first point that no other opening's path passes.
    branch_name
        The branch on which the opening lies.
    is_main
        Whether that is the branch that begins at the root.
    """

    indices: IntArray
    abscissa_mm: FloatArray
    own_start: int
    branch_name: str
    is_main: bool


def paths_to(tree: CenterlineTree, openings: tuple[Patch, ...]) -> tuple[VesselPath, ...]:
    """The path to each opening, which lies at the end of the branch that ends nearest to it."""
    ends = np.array([tree.points[branch.indices[-1]] for branch in tree.branches])
    chains = []
    for opening in openings:
        distance = np.linalg.norm(ends - np.asarray(opening.center_mm), axis=1)
        branch = tree.branches[int(distance.argmin())]
        chains.append((branch, way_to(tree, branch.name)))
    paths = []
    for number, (branch, indices) in enumerate(chains):
        others = {index for other, (_, chain) in enumerate(chains) if other != number for index in chain}
        own = next((at for at, index in enumerate(indices) if index not in others), len(indices) - 1)
        step = np.linalg.norm(np.diff(tree.points[indices], axis=0), axis=1)
        abscissa = np.concatenate([[0.0], np.cumsum(step)])
        paths.append(VesselPath(np.array(indices), abscissa, own, branch.name, branch.parent is None))
    return tuple(paths)
