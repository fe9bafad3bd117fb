"""Is the mesh fit for the flow? Its openings and cells, beside the vessel's and the flow's own lengths."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
from numpy.typing import NDArray

from solvers.contract.mesh_file import MeshArrays
from solvers.contract.spec import RunSpec
from solvers.preflight.conditions import ASSUMED, inflow, resistance
from solvers.preflight.finding import Finding, Place
from solvers.preflight.section import section_area
from solvers.preflight.shape import Probes, flow_shares, openings, pieces, probe, shape_quality

FloatArray = NDArray[np.float64]

RADIUS_MM = (0.15, 60.0)
"""Of an opening: from a small coronary branch to an aneurysm (assumption)."""
FEWEST_CELLS, FEW_CELLS = 1.5, 6.0
GOOD_CELLS = "10 to 12 cells across the narrowest place: the project's performance study (docs/theory-flow.md)"
SLIVER = 0.02
FLAT = 0.9
LAYERS_IN_STOKES = 2.0
PEAK_CFL = 4.0


def _place(point: FloatArray) -> Place:
    return (float(point[0]), float(point[1]), float(point[2]))


def _where(point: FloatArray) -> str:
    x, y, z = 1e3 * point
    return f"at {x:.1f}, {y:.1f}, {z:.1f} mm"


def check_openings(spec: RunSpec, mesh: MeshArrays) -> Iterator[Finding]:
    """Sizes and shapes of the caps, and whether every outlet can be reached."""
    caps = openings(mesh, tuple(cap.patch_id for cap in spec.caps))
    low, high = RADIUS_MM
    for cap in spec.caps:
        opening = caps.get(cap.patch_id)
        if opening is None:
            continue
        radius = 1e3 * float(np.sqrt(opening.area / np.pi))
        if not low <= radius <= high:
            unit = "centimeters or millimeters" if radius > high else "another unit, divided by 1000 once too often"
            yield Finding(
                "mesh_units",
                "error",
                f"The opening {cap.name!r} has a radius of {radius:.3g} mm, which no vessel has: the mesh seems to be "
                f"given in {unit}; the run needs meters.",
                *("radius of the opening", radius, "mm", low, high, ASSUMED),
                place=_place(opening.center),
                patch=cap.name,
                about_mesh=True,
            )
        if opening.flatness < FLAT:
            yield Finding(
                "opening_not_flat",
                "warning",
                f"The opening {cap.name!r} is not flat ({100 * opening.flatness:.0f} % of its area faces one way): cut "
                "the vessel straight there.",
                *("projected over whole area", opening.flatness, "1", FLAT, 1.0, ASSUMED),
                place=_place(opening.center),
                patch=cap.name,
                about_mesh=True,
            )
    count, part = pieces(mesh)
    if count > 1:
        first = mesh.facets[mesh.facet_patch == spec.caps[0].patch_id][0, 0]
        for cap in spec.caps:
            mine = mesh.facets[mesh.facet_patch == cap.patch_id]
            if len(mine) and part[mine[0, 0]] != part[first] and cap.patch_id in caps:
                yield Finding(
                    "mesh_in_pieces",
                    "error",
                    f"The mesh has {count} pieces that do not touch, and no way leads from inlet "
                    f"{spec.caps[0].name!r} to {cap.name!r}: mesh the vessel again, in one piece.",
                    place=_place(caps[cap.patch_id].center),
                    patch=cap.name,
                    about_mesh=True,
                )
                return
        yield Finding(
            "mesh_in_pieces",
            "error",
            f"The mesh has {count} pieces that do not touch: mesh the vessel again, in one piece.",
            place=_place(mesh.points[int(np.flatnonzero(part != part[first])[0])]),
            about_mesh=True,
        )


def check_cells(spec: RunSpec, mesh: MeshArrays) -> Iterator[Finding]:
    """Quality of the cells, cells across the lumen, the layer at the wall, and the CFL number to expect."""
    quality = shape_quality(mesh)
    worst = int(np.argmin(quality))
    place = mesh.points[mesh.tets[worst]].mean(axis=0)
    if quality[worst] < SLIVER:
        yield Finding(
            "sliver_cells",
            "warning",
            f"{int((quality < SLIVER).sum())} cells are almost flat, the worst {_where(place)} (quality "
            f"{quality[worst]:.2g} of 1): mesh the vessel again if the run does not converge.",
            *("mean-ratio quality", float(quality[worst]), "1", SLIVER, 1.0, "Liu & Joe (1994), BIT 34:268"),
            place=_place(place),
            about_mesh=True,
        )
    probes = probe(mesh, spec.wall_patch_ids)
    if not len(probes.radius):
        return
    yield from _across(probes)
    yield from _layer(spec, probes)
    yield from _speed(spec, mesh, probes)


def _across(probes: Probes) -> Iterator[Finding]:
    narrow = int(np.argmin(probes.radius))
    coarse = int(np.argmin(probes.cells))
    where = _where(probes.center[narrow])
    yield Finding(
        "narrowest_place",
        "info",
        f"The narrowest place has a radius of {1e3 * probes.radius[narrow]:.2f} mm and {probes.cells[narrow]:.0f} "
        f"cells across, {where}.",
        *("radius", 1e3 * float(probes.radius[narrow]), "mm", None, None, ""),
        place=_place(probes.center[narrow]),
        about_mesh=True,
    )
    fewest = float(probes.cells[coarse])
    if fewest < FEW_CELLS:
        is_absurd = fewest < FEWEST_CELLS
        yield Finding(
            "mesh_too_coarse" if is_absurd else "mesh_coarse",
            "error" if is_absurd else "warning",
            f"Only {fewest:.1f} cells lie across the lumen of radius {1e3 * probes.radius[coarse]:.2f} mm "
            f"{_where(probes.center[coarse])}: pressure drop and wall shear stress there are not to be trusted; refine "
            "the mesh there.",
            *("cells across", fewest, "", FEW_CELLS, None, GOOD_CELLS),
            place=_place(probes.center[coarse]),
            about_mesh=True,
        )


def _layer(spec: RunSpec, probes: Probes) -> Iterator[Finding]:
    """The Stokes layer ``sqrt(2 nu / omega)`` of the first harmonic."""
    if np.ptp(inflow(spec)) == 0.0:
        return
    kinematic = spec.fluid.viscosity / spec.fluid.density
    stokes = float(np.sqrt(2.0 * kinematic * spec.time.period / (2.0 * np.pi)))
    height = float(np.median(probes.layer))
    thickness = f"The oscillating boundary layer is {1e3 * stokes:.2f} mm thick (Stokes), the cells at the wall are "
    is_coarse = height > stokes / LAYERS_IN_STOKES
    yield Finding(
        "boundary_layer_coarse" if is_coarse else "boundary_layer",
        "warning" if is_coarse else "info",
        f"{thickness}{1e3 * height:.2f} mm high"
        + (": wall shear stress will be too low; add boundary layers or refine the mesh." if is_coarse else "."),
        *("height of the cells at the wall", 1e3 * height, "mm", 0.0, 1e3 * stokes / LAYERS_IN_STOKES),
        "sqrt(2 nu / omega), Stokes (1851); two cells in it: assumption",
        about_mesh=True,
    )


def _speed(spec: RunSpec, mesh: MeshArrays, probes: Probes) -> Iterator[Finding]:
    peak = expected_peak_speed(spec, mesh, probes)
    if peak is None:
        return
    speed, at = peak
    cfl = speed * spec.time.dt / float(probes.size[at])
    yield Finding(
        "expected_speed",
        "info",
        f"The blood may reach up to about {speed:.2f} m/s, {_where(probes.center[at])} (twice the mean over the "
        "section, with the outlets' mean shares at the peak).",
        *("expected peak speed", speed, "m/s", None, None, "continuity; profile factor 2: Poiseuille"),
        place=_place(probes.center[at]),
    )
    is_high = cfl > PEAK_CFL
    yield Finding(
        "expected_cfl_high" if is_high else "expected_cfl",
        "warning" if is_high else "info",
        f"In the middle of the lumen the flow will cross up to about {cfl:.1f} cells in a time step of "
        f"{1e3 * spec.time.dt:.3g} ms {_where(probes.center[at])}, at thin cells more"
        + _what_of_cfl(cfl, spec.numerics.max_cfl),
        *("expected peak CFL number", cfl, "", None, PEAK_CFL, ASSUMED),
        place=_place(probes.center[at]),
    )


def _what_of_cfl(cfl: float, largest: float) -> str:
    if cfl > largest:
        return ": take more steps a cycle, or the run will have to halve them itself."
    return ": more steps a cycle would follow it more closely." if cfl > PEAK_CFL else "."


def expected_peak_speed(spec: RunSpec, mesh: MeshArrays, probes: Probes) -> tuple[float, int] | None:
    """Twice the mean speed of continuity [m/s] at the probe where it is largest, and that probe's number.

    The mean is over the lumen's section there, which is at least the circle of the probe's sphere; a flat lumen, or a
    crease of the wall, has much more. Only probes whose circle could give the largest speed are cut.
    """
    caps = openings(mesh, tuple(cap.patch_id for cap in spec.caps))
    flow = float(np.abs(inflow(spec)).max())
    starts = [caps[inlet.patch_id].center for inlet in spec.caps[: spec.n_inlets] if inlet.patch_id in caps]
    outlets = [outlet for outlet in spec.outlets if outlet.patch_id in caps]
    if flow == 0.0 or len(starts) != 1 or not outlets:
        return None
    closed = [resistance(outlet)[0] for outlet in outlets]
    areas = np.array([caps[outlet.patch_id].area for outlet in outlets])
    weight = 1.0 / np.array(closed) if all(closed) else areas
    shares = (weight / weight.sum()).tolist()
    passing, way = flow_shares(mesh, probes, starts[0], [caps[o.patch_id].center for o in outlets], shares)
    bound = 2.0 * flow * passing / (np.pi * probes.radius**2)
    best, at = 0.0, 0
    for number in np.argsort(-bound):
        if bound[number] <= best:
            break
        circle = float(np.pi * probes.radius[number] ** 2)
        area = max(circle, section_area(mesh, probes.center[number], way[number])) if way[number].any() else circle
        speed = 2.0 * flow * float(passing[number]) / area
        if speed > best:
            best, at = speed, int(number)
    return best, at
