"""What a finished 3D run says of a sac beside its parent vessel."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from app.case.errors import CaseError
from app.workflow.flow_fields import FlowFields
from app.workflow.plane_section import PlaneSection
from app.workflow.units import M_PER_MM
from imaging.aneurysm.parent import ParentVessel
from imaging.aneurysm.regions import regions_of
from imaging.aneurysm.sac import NeckPlane, Sac, SacCutter, dome_beyond
from imaging.types import FloatArray, Progress, Surface
from solvers.contract.files import FIELDS, WALL
from solvers.indices import regions
from solvers.indices.regions import RegionStress

REACH_DIAMETERS = 3.0
"""The parent vessel is its anatomy within so many of its diameters of the neck's rim (assumption)."""
_BEYOND_TUBE = 1.25
"""The parent's flow is read on a disk so much larger than its tube: what lies outside of the lumen counts nothing."""


@dataclass(frozen=True, eq=False)
class SacFlow:
    """Figures of a sac and of its parent vessel, in SI; of a steady run OSI is not a number.

    Attributes
    ----------
    low_share
        Share of the sac's area with less than a tenth of the parent's mean wall shear stress.
    concentration
        Share of the sac's shear force on the tenth of its area with the largest stress: 0.1 where it is uniform.
    inflow_m3_s, parent_flow_m3_s, inflow_area_share
        Means over the frames: what enters through the neck, what passes the parent before it, through which share of
        the neck it enters.
    neck_imbalance
        Net flow through the neck by the inflow: 0 but for what mesh and reading lose.
    impact_pa, impact_place_mm
        Largest pressure on the sac's wall over the sac's mean, as means over the frames, and where.
    """

    tawss_sac: RegionStress
    tawss_parent: RegionStress
    osi_sac: RegionStress
    osi_parent: RegionStress
    rrt_sac: RegionStress
    low_share: float
    concentration: float
    energy_sac_j_m3: float
    energy_parent_j_m3: float
    inflow_m3_s: float
    inflow_area_share: float
    neck_imbalance: float
    parent_flow_m3_s: float
    impact_pa: float
    impact_place_mm: FloatArray
    colored: Surface

    @property
    def inflow_share(self) -> float:
        """Of the parent's flow, what enters the sac."""
        return self.inflow_m3_s / self.parent_flow_m3_s

    @property
    def inflow_concentration(self) -> float:
        """Inflow concentration index: the inflow's share of the flow over its share of the neck."""
        return self.inflow_share / self.inflow_area_share


def sac_flow(
    folder: Path, plane: NeckPlane, parent: ParentVessel | None, density: float, is_steady: bool, progress: Progress
) -> SacFlow:
    """Reduce a run's last beat over a sac and its parent vessel.

    Parameters
    ----------
    folder
        Of the finished run.
    plane
        The neck plane, mm LPS.
    parent
        The vessel without its sac; needed for the flow that passes it.
    density
        Of blood, kg/m3.

    Raises
    ------
    CaseError
        ``no_parent``: nothing of the parent vessel lies beside the neck, or it was not reconstructed.
    ImagingError
        Where the plane does not part the sac from the wall of the run.
    """
    if parent is None:
        raise CaseError("no_parent", "The parent vessel could not be reconstructed, so nothing can be set beside it.")
    progress(0.0, "Reading the wall")
    wall, fields = FlowFields(folder / WALL), FlowFields(folder / FIELDS)
    surface = Surface(wall.points / M_PER_MM, wall.cells)
    sac = SacCutter(surface, dome_beyond(surface, plane)).cut(plane)
    beside = parent.beside(sac.neck_center_mm)
    reach = REACH_DIAMETERS * beside.diameter_mm + float(np.linalg.norm(sac.rim - sac.neck_center_mm, axis=1).max())
    extension = wall.array("in_extension", 0) >= 0.5
    near = np.linalg.norm(surface.points - sac.neck_center_mm, axis=1) <= reach
    is_parent = near & ~sac.inside & ~extension
    if not is_parent.any():
        raise CaseError("no_parent", "Nothing of the parent vessel lies beside the neck: model a longer piece of it.")
    area = regions.vertex_areas(wall.points, wall.cells)
    stress = wall.array("tawss_Pa", 0).astype(float)
    osi = np.full(len(stress), np.nan) if is_steady else wall.array("osi", 0).astype(float)
    residence = wall.array("rrt_per_Pa", 0).astype(float)
    tawss_parent = regions.over_region(stress, area, is_parent)
    moving = _Moving(fields, sac, surface, extension, reach, density)
    entering, passing = (
        PlaneSection.within(sac.rim, sac.neck_center_mm, sac.plane.normal),
        PlaneSection.of_disk(beside.upstream_mm, beside.upstream_flow, _BEYOND_TUBE * beside.upstream_radius_mm),
    )
    enter_at, pass_at = (fields.interpolator(section.points_mm * M_PER_MM) for section in (entering, passing))
    n = len(fields.times_s)
    at_wall = fields.vertices_at(wall.points)
    pressure = np.zeros(len(wall.points))
    sums = np.zeros(6)
    for frame in range(n):
        progress((frame + 1) / (n + 1), "Flow in the sac")
        velocity = fields.array("velocity_m_per_s", frame).astype(float)
        sums[:2] += moving.energies(velocity)
        sums[2:5] += entering.exchange(enter_at("velocity_m_per_s", frame))
        sums[5] += passing.flow(pass_at("velocity_m_per_s", frame))
        pressure += fields.array("pressure_Pa", frame)[at_wall]
    means, pressure = sums / n, pressure / n
    top = int(np.where(sac.inside, pressure, -np.inf).argmax())
    mean_pressure = regions.over_region(pressure, area, sac.inside).mean
    part = np.where(sac.inside, 2.0, 0.0)
    arrays = {
        "tawss_by_parent": stress / tawss_parent.mean,
        "tawss_pa": stress,
        "osi": osi,
        "part": part,
    }
    colored = {name: values.astype(np.float32) for name, values in arrays.items() if np.isfinite(values).all()}
    return SacFlow(
        tawss_sac=regions.over_region(stress, area, sac.inside),
        tawss_parent=tawss_parent,
        osi_sac=regions.over_region(osi, area, sac.inside),
        osi_parent=regions.over_region(osi, area, is_parent),
        rrt_sac=regions.over_region(residence, area, sac.inside),
        low_share=regions.low_area_share(stress, area, sac.inside, tawss_parent.mean),
        concentration=regions.stress_concentration(stress, area, sac.inside),
        energy_sac_j_m3=float(means[0]),
        energy_parent_j_m3=float(means[1]),
        inflow_m3_s=float(means[2]),
        inflow_area_share=float(means[3]),
        neck_imbalance=float(abs(means[4]) / means[2]),
        parent_flow_m3_s=float(means[5]),
        impact_pa=float(pressure[top] - mean_pressure),
        impact_place_mm=surface.points[top],
        colored=Surface(surface.points, surface.triangles, colored),
    )


class _Moving:
    """The tetrahedra of the sac and of the parent vessel."""

    def __init__(
        self,
        fields: FlowFields,
        sac: Sac,
        surface: Surface,
        extension: NDArray[np.bool_],
        reach_mm: float,
        density: float,
    ) -> None:
        from scipy.spatial import cKDTree

        points = fields.points / M_PER_MM
        corner = points[fields.cells]
        self._cells, self._density = fields.cells, density
        self._volume: FloatArray = np.abs(np.linalg.det(corner[:, 1:] - corner[:, :1])) / 6.0
        middle = corner.mean(axis=1)
        height = (points - sac.plane.center_mm) @ sac.plane.normal
        faces = np.concatenate([fields.cells[:, list(face)] for face in ((0, 1, 2), (0, 1, 3), (0, 2, 3), (1, 2, 3))])
        region = regions_of(faces, height > 0.0)
        of_sac = fields.vertices_at(surface.points[sac.inside] * M_PER_MM)
        mine = np.isin(region, np.unique(region[of_sac])) & (region >= 0)
        self._in_sac = mine[fields.cells].any(axis=1) & ((middle - sac.plane.center_mm) @ sac.plane.normal > 0.0)
        beside = ~extension[np.asarray(cKDTree(surface.points).query(middle)[1])]
        near = np.linalg.norm(middle - sac.neck_center_mm, axis=1) <= reach_mm
        self._in_parent = ~self._in_sac & near & beside

    def energies(self, velocity: FloatArray) -> tuple[float, float]:
        """Kinetic energy density [J/m3] of the sac and of the parent."""
        one, other = (
            regions.kinetic_energy_density(velocity, self._cells, self._volume, inside, self._density)
            for inside in (self._in_sac, self._in_parent)
        )
        return one, other
