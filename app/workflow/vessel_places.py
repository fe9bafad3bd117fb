"""Which vessel of a case's tree each place on its wall belongs to, and how far along it."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from app.workflow.patient_tree import PatientTree
from imaging.types import CenterlineTree, FloatArray, IntArray


@dataclass(frozen=True, eq=False)
class VesselPlaces:
    """Of places: the vessel, and where along it.

    Attributes
    ----------
    names
        Of the vessels, as in the tree.
    vessel : (n,)
        Index into ``names``.
    fraction : (n,)
        0 at the vessel's start, 1 at its end, along its centerline.
    """

    names: tuple[str, ...]
    vessel: IntArray
    fraction: FloatArray

    def between(self, at_start: FloatArray, at_end: FloatArray) -> FloatArray:
        """Values (n,) on straight lines between those at both ends of each vessel."""
        start = np.asarray(at_start, dtype=float)[self.vessel]
        end = np.asarray(at_end, dtype=float)[self.vessel]
        return np.asarray(start + self.fraction * (end - start))


def vessel_places(points_mm: FloatArray, lines: CenterlineTree, patient: PatientTree) -> VesselPlaces:
    """The vessel of each place (n, 3; LPS, mm): that of the centerline's ball nearest to it by its power distance.

    The power distance to a ball is the squared distance to its center less its squared radius (Aurenhammer 1987, SIAM
    J. Comput. 16:78), so that the wall of a wide vessel is not given to a narrow one whose centerline begins inside it.
    """
    from scipy.spatial import cKDTree

    names = patient.tree.names
    owner = np.concatenate([np.full(len(patient.indices[name]), k) for k, name in enumerate(names)])
    fraction = np.concatenate([_fractions(lines.points[patient.indices[name]]) for name in names])
    indices = np.concatenate([patient.indices[name] for name in names])
    # A fourth coordinate turns the power distance into an ordinary one.
    radius = lines.radius_mm[indices]
    height = np.sqrt(np.maximum(float(radius.max()) ** 2 - radius**2, 0.0))
    places = np.asarray(points_mm, dtype=float)
    _, nearest = cKDTree(np.column_stack([lines.points[indices], height])).query(
        np.column_stack([places, np.zeros(len(places))])
    )
    return VesselPlaces(names, owner[nearest], fraction[nearest])


def middle_mm(lines: CenterlineTree, patient: PatientTree, vessel: str, fraction: float = 0.5) -> FloatArray:
    """The point (3,) of a vessel's centerline at a part of its length."""
    points = lines.points[patient.indices[vessel]]
    along = _fractions(points)
    return np.array([np.interp(fraction, along, points[:, axis]) for axis in range(3)])


def _fractions(points: FloatArray) -> FloatArray:
    along = np.concatenate([[0.0], np.cumsum(np.linalg.norm(np.diff(points, axis=0), axis=1))])
    return np.asarray(along / max(float(along[-1]), 1e-12))
