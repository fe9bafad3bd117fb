"""Measured inlet velocities: their file, and how they are laid on a cap.

A file holds points [m] of a plane through the vessel with their velocities [m/s] at one time or at four or more times
[s] of a period, positive into the vessel where only the part across the plane is known:

* ``.npz``: ``points`` (n, 3); ``velocity`` (t, n, 3) or ``normal_velocity`` (t, n); ``times`` (t,), left out if steady;
* ``.csv`` with the columns ``x``, ``y``, ``z``, then ``u``, ``v``, ``w`` or ``un``, and ``t`` if not steady: the same
  points in the same order at every time;
* ``.vtp``: the steady point array ``velocity``, or one array ``velocity_<time>`` for every time.

The measured plane may be moved, turned and scaled (in the plane) such that its centroid, normal and area are the cap's.
Between the points velocities are linear, beyond them those of the nearest point; on the rim they are zero.
"""

from __future__ import annotations

import csv
import hashlib
import io
from dataclasses import dataclass
from pathlib import Path
from typing import NoReturn

import numpy as np
from numpy.typing import NDArray
from scipy.interpolate import CubicSpline, LinearNDInterpolator, NearestNDInterpolator
from scipy.spatial import ConvexHull, Delaunay, QhullError, cKDTree

from solvers.contract.errors import ExitCode, RunError
from solvers.contract.mesh_file import MeshArrays
from solvers.contract.openings import Inlet

FloatArray = NDArray[np.float64]

UNCOVERED = 0.05
"""Part of a cap's area that may lie further than two point spacings outside the measured points."""


def _refuse(inlet: Inlet, what: str) -> NoReturn:
    raise RunError("bad_profile", f"The measured profile of inlet {inlet.name!r} {what}.", exit_code=ExitCode.BAD_SPEC)


@dataclass(frozen=True, eq=False)
class MeasuredVelocity:
    """Measured velocities in the place of their cap.

    Attributes
    ----------
    points : (n, 3)
        [m], in the plane of the cap.
    velocity : (t, n, 3)
        [m/s].
    times : (t,)
        [s], from 0 on and within the period; one if steady.
    """

    points: FloatArray
    velocity: FloatArray
    times: FloatArray

    def at(self, places: FloatArray, normal: FloatArray) -> FloatArray:
        """Velocities (t, k, 3) at places (k, 3) on a cap with this normal."""
        axes = _axes(normal)
        flat, wanted = self.points @ axes.T, places @ axes.T
        values = self.velocity.transpose(1, 0, 2).reshape(len(flat), -1)
        found = LinearNDInterpolator(flat, values)(wanted)
        outside = np.isnan(found[:, 0])
        found[outside] = NearestNDInterpolator(flat, values)(wanted[outside])
        return np.asarray(found.reshape(len(places), len(self.times), 3).transpose(1, 0, 2))


class PeriodicField:
    """Velocities (t, k, 3) on nodes, between their times by a periodic cubic spline."""

    def __init__(self, times: FloatArray, values: FloatArray, period: float) -> None:
        self._values, self._period = values, period
        self._spline: CubicSpline | None = None
        if len(times) > 1:
            ends = np.append(times, times[0] + period)
            self._spline = CubicSpline(ends, np.concatenate([values, values[:1]]), bc_type="periodic")
            self._first = float(times[0])

    def __call__(self, time: float) -> FloatArray:
        """(k, 3) or whatever a value is."""
        if self._spline is None:
            return np.asarray(self._values[0])
        return np.asarray(self._spline(self._first + np.mod(time - self._first, self._period)))


def read_measured(folder: Path, inlet: Inlet, mesh: MeshArrays, period: float) -> MeasuredVelocity:
    """The measured velocities of an inlet, laid on its cap.

    Raises
    ------
    RunError
        ``bad_profile``: the file is missing, altered or wrong, or does not cover the cap.
    """
    assert inlet.measured is not None
    try:
        data = (folder / inlet.measured.path).read_bytes()
    except OSError:
        _refuse(inlet, f"is missing: put {inlet.measured.path!r} beside the spec")
    if hashlib.sha256(data).hexdigest() != inlet.measured.sha256:
        _refuse(inlet, "is not the file that the run was prepared with; prepare the run again")
    points, velocity, is_normal, times = _parsed(inlet, Path(inlet.measured.path).suffix.lower(), data)
    _check(inlet, points, velocity, times, period)
    if len(times) > 1 and times[-1] > period * (1.0 - 1e-9):
        velocity, times = velocity[:-1], times[:-1]
    corner = mesh.points[mesh.facets[mesh.facet_patch == inlet.patch_id]]
    vectors = 0.5 * np.cross(corner[:, 1] - corner[:, 0], corner[:, 2] - corner[:, 0])
    area = np.linalg.norm(vectors, axis=1)
    inward = -vectors.sum(axis=0) / np.linalg.norm(vectors.sum(axis=0))
    centers = corner.mean(axis=1)
    center = np.average(centers, axis=0, weights=area)
    turn = np.eye(3)
    if inlet.measured.is_registered:
        points, turn = _registered(inlet, points, velocity, is_normal, center, inward, float(area.sum()))
    in_place = velocity[:, :, None] * inward if is_normal else velocity @ turn.T
    _check_cover(inlet, points, centers, area, center, inward)
    return MeasuredVelocity(points, in_place, times)


def _check(inlet: Inlet, points: FloatArray, velocity: FloatArray, times: FloatArray, period: float) -> None:
    if points.ndim != 2 or points.shape[1] != 3 or len(points) < 6:
        _refuse(inlet, "has fewer than six points with three coordinates")
    if velocity.shape[:2] != (len(times), len(points)):
        _refuse(
            inlet,
            f"has velocities of shape {velocity.shape}, not one for each of {len(times)} times, {len(points)} points",
        )
    if not all(np.isfinite(array).all() for array in (points, velocity, times)):
        _refuse(inlet, "contains a number that is not finite")
    if not velocity.any():
        _refuse(inlet, "is zero everywhere")
    if len(times) > 1:
        is_in_order = bool((np.diff(times) > 0).all()) and times[0] >= 0.0 and times[-1] <= period * (1.0 + 1e-9)
        if len(times) < 4 or not is_in_order:
            _refuse(inlet, f"needs one time, or at least four that increase from 0 to the period of {period:g} s")


def _registered(
    inlet: Inlet,
    points: FloatArray,
    velocity: FloatArray,
    is_normal: bool,
    center: FloatArray,
    inward: FloatArray,
    area: float,
) -> tuple[FloatArray, FloatArray]:
    """The points moved onto the cap, and the rotation (3, 3) that was made."""
    centered = points - points.mean(axis=0)
    normal = np.linalg.svd(centered, full_matrices=False)[2][2]
    along = float(normal @ velocity.mean(axis=(0, 1))) if not is_normal else float(normal @ inward)
    normal = normal if along >= 0.0 else -normal
    turn = _rotation(normal, inward)
    try:
        measured_area = float(ConvexHull(centered @ _axes(normal).T).volume)
    except QhullError:
        _refuse(inlet, "has its points on one line")
    placed = (centered @ turn.T) * np.sqrt(area / measured_area)
    return center + placed - (placed @ inward)[:, None] * inward, turn


def _check_cover(
    inlet: Inlet, points: FloatArray, centers: FloatArray, area: FloatArray, center: FloatArray, inward: FloatArray
) -> None:
    """Refuse points that lie elsewhere than the cap; ``centers`` (f, 3) and ``area`` (f,) are its triangles'."""
    radius = float(np.sqrt(area.sum() / np.pi))
    if np.abs((points - center) @ inward).max() > 0.5 * radius:
        _refuse(inlet, "does not lie in the plane of the inlet: correct its place or let it be registered")
    axes = _axes(inward)
    flat, wanted = points @ axes.T, centers @ axes.T
    spacing = float(np.median(cKDTree(flat).query(flat, k=2)[0][:, 1]))
    try:
        is_beyond = Delaunay(flat).find_simplex(wanted) < 0
    except QhullError:
        _refuse(inlet, "has its points on one line")
    is_far = is_beyond & (cKDTree(flat).query(wanted)[0] > 2.0 * spacing)
    part = float(area[is_far].sum() / area.sum())
    if part > UNCOVERED:
        _refuse(
            inlet,
            f"leaves {100.0 * part:.0f} % of the inlet without a measured point: correct its place and unit (m), or "
            "let it be registered",
        )


def _axes(normal: FloatArray) -> FloatArray:
    """Two unit vectors (2, 3) across a normal."""
    first = np.cross(normal, np.eye(3)[np.argmin(np.abs(normal))])
    first /= np.linalg.norm(first)
    return np.array([first, np.cross(normal, first)])


def _rotation(start: FloatArray, end: FloatArray) -> FloatArray:
    """The smallest rotation (3, 3) that takes one unit vector to another."""
    axis, cosine = np.cross(start, end), float(start @ end)
    if cosine < -1.0 + 1e-12:
        across = _axes(start)[0]
        return np.asarray(2.0 * np.outer(across, across) - np.eye(3))
    skew = np.array([[0.0, -axis[2], axis[1]], [axis[2], 0.0, -axis[0]], [-axis[1], axis[0], 0.0]])
    return np.asarray(np.eye(3) + skew + skew @ skew / (1.0 + cosine))


def _parsed(inlet: Inlet, suffix: str, data: bytes) -> tuple[FloatArray, FloatArray, bool, FloatArray]:
    """Points, velocities (t, n, 3) or normal velocities (t, n), whether they are the latter, and times."""
    try:
        if suffix == ".npz":
            return _from_npz(data)
        if suffix == ".csv":
            return _from_csv(data)
        if suffix == ".vtp":
            return _from_vtp(data)
    except (ValueError, KeyError, OSError, UnicodeDecodeError) as error:
        _refuse(inlet, f"cannot be read ({error}); see the documentation for what it must hold")
    _refuse(inlet, f"is a {suffix or 'nameless'} file; give .npz, .csv or .vtp")


def _from_npz(data: bytes) -> tuple[FloatArray, FloatArray, bool, FloatArray]:
    with np.load(io.BytesIO(data), allow_pickle=False) as archive:
        is_normal = "velocity" not in archive
        values = np.asarray(archive["normal_velocity" if is_normal else "velocity"], dtype=np.float64)
        times = np.asarray(archive["times"], dtype=np.float64) if "times" in archive else np.zeros(1)
        points = np.asarray(archive["points"], dtype=np.float64)
    return points, values if values.ndim == (2 if is_normal else 3) else values[None], is_normal, times


def _from_csv(data: bytes) -> tuple[FloatArray, FloatArray, bool, FloatArray]:
    rows = list(csv.DictReader(io.StringIO(data.decode("utf-8"))))
    if not rows:
        raise ValueError("it has no rows")
    is_normal = "u" not in rows[0]
    columns = ["x", "y", "z", *(["un"] if is_normal else ["u", "v", "w"])]
    table = np.array([[float(row[name]) for name in columns] for row in rows])
    stamps = np.array([float(row["t"]) for row in rows]) if "t" in rows[0] else np.zeros(len(rows))
    times = np.unique(stamps)
    if len(rows) % len(times) or not np.array_equal(stamps, np.repeat(times, len(rows) // len(times))):
        raise ValueError("not every time has the same number of points, or the rows are not in order of time")
    table = table.reshape(len(times), -1, len(columns))
    if np.abs(table[:, :, :3] - table[:1, :, :3]).max() > 0.0:
        raise ValueError("the points are not the same at every time")
    return table[0, :, :3], table[:, :, 3] if is_normal else table[:, :, 3:], is_normal, times


def _from_vtp(data: bytes) -> tuple[FloatArray, FloatArray, bool, FloatArray]:
    from vtkmodules.util.numpy_support import vtk_to_numpy
    from vtkmodules.vtkIOXML import vtkXMLPolyDataReader

    reader = vtkXMLPolyDataReader()
    reader.ReadFromInputStringOn()
    reader.SetInputString(data.decode("latin-1"))
    reader.Update()
    output = reader.GetOutput()
    if output.GetNumberOfPoints() == 0:
        raise ValueError("it has no points")
    arrays = output.GetPointData()
    found = {}
    for index in range(arrays.GetNumberOfArrays()):
        name = arrays.GetArrayName(index) or ""
        if name == "velocity" or name.startswith("velocity_"):
            found[float(name[9:] or 0.0)] = np.asarray(vtk_to_numpy(arrays.GetArray(index)), dtype=np.float64)
    if not found:
        raise ValueError("it has no point array named velocity")
    times = np.array(sorted(found))
    points = np.asarray(vtk_to_numpy(output.GetPoints().GetData()), dtype=np.float64)
    return points, np.array([found[time] for time in times.tolist()]), False, times
