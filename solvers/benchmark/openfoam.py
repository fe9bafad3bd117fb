"""The timed tube as a case of OpenFOAM's pimpleFoam: mesh, fields and dictionaries, all written here.

Second order in time (``backward``) and space (limited linear upwind for convection), one outer and two pressure
corrections with one for non-orthogonality, as the project's performance study of 2026-11-22 ran it.
"""

from __future__ import annotations

from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from solvers.benchmark.timed_tube import TimedTube
from solvers.contract.mesh_file import MeshArrays
from solvers.verification.meshes import INLET, OUTLET, WALL

FloatArray = NDArray[np.float64]
IntArray = NDArray[np.int64]

PATCHES = ((WALL, "wall", "wall"), (INLET, "inlet", "patch"), (OUTLET, "outlet", "patch"))
"""Patch id of the mesh, name and type of the patch in OpenFOAM."""


def write_openfoam(folder: Path, tube: TimedTube, n_ranks: int) -> None:
    """Write a case folder."""
    for name in ("constant/polyMesh", "system", "0"):
        (folder / name).mkdir(parents=True, exist_ok=True)
    faces, owner, neighbor, starts = ordered_faces(tube.mesh)
    mesh = folder / "constant" / "polyMesh"
    _write(mesh / "points", "vectorField", _list([f"({x:.17g} {y:.17g} {z:.17g})" for x, y, z in tube.mesh.points]))
    _write(mesh / "faces", "faceList", _list([f"3({a} {b} {c})" for a, b, c in faces.tolist()]))
    _write(mesh / "owner", "labelList", _list([str(cell) for cell in owner.tolist()]))
    _write(mesh / "neighbour", "labelList", _list([str(cell) for cell in neighbor.tolist()]))
    ends = [*starts[1:], len(faces)]
    boundary = [
        f"{name} {{ type {kind}; nFaces {end - start}; startFace {start}; }}"
        for (_, name, kind), start, end in zip(PATCHES, starts, ends, strict=True)
    ]
    _write(mesh / "boundary", "polyBoundaryMesh", _list(boundary))
    inlet = faces[starts[1] : ends[1]]
    center = tube.mesh.points[inlet].mean(axis=1)
    corner = tube.mesh.points[inlet]
    area = 0.5 * np.linalg.norm(np.cross(corner[:, 1] - corner[:, 0], corner[:, 2] - corner[:, 0]), axis=1)
    speed = np.maximum(0.0, 1.0 - (center[:, 0] ** 2 + center[:, 1] ** 2) / tube.radius**2)
    speed *= tube.mean_speed * np.pi * tube.radius**2 / (speed @ area)
    values = _list([f"(0 0 {value:.17g})" for value in speed])
    _write(
        folder / "0" / "U",
        "volVectorField",
        "dimensions [0 1 -1 0 0 0 0]; internalField uniform (0 0 0);\nboundaryField { wall { type noSlip; }\n"
        f"inlet {{ type fixedValue; value nonuniform List<vector> {values}; }}\noutlet {{ type zeroGradient; }} }}",
    )
    _write(
        folder / "0" / "p",
        "volScalarField",
        "dimensions [0 2 -2 0 0 0 0]; internalField uniform 0;\nboundaryField { wall { type zeroGradient; }\n"
        "inlet { type zeroGradient; } outlet { type fixedValue; value uniform 0; } }",
    )
    for path, text in dictionaries(tube, n_ranks).items():
        _write(folder / path, "dictionary", text)


def ordered_faces(mesh: MeshArrays) -> tuple[IntArray, IntArray, IntArray, list[int]]:
    """Faces in OpenFOAM's order: inner ones by owner and neighbor, then patch by patch; normals leave the owner.

    Returns
    -------
    faces : (f, 3), owner : (f,), neighbor : (n_inner,)
    starts
        First face of each of ``PATCHES``.
    """
    tets = mesh.tets
    every = np.concatenate([tets[:, [1, 2, 3]], tets[:, [0, 3, 2]], tets[:, [0, 1, 3]], tets[:, [0, 2, 1]]])
    cell = np.tile(np.arange(len(tets)), 4)
    key = np.sort(every, axis=1)
    order = np.lexsort((cell, key[:, 2], key[:, 1], key[:, 0]))
    every, cell, key = every[order], cell[order], key[order]
    is_second = np.concatenate([[False], (key[1:] == key[:-1]).all(axis=1)])
    first = np.flatnonzero(~is_second)
    is_inner = np.concatenate([is_second[1:], [False]])[first]
    inner, outer = first[is_inner], first[~is_inner]
    inner = inner[np.lexsort((cell[inner + 1], cell[inner]))]
    patch_of = {
        tuple(face): patch for face, patch in zip(np.sort(mesh.facets, axis=1).tolist(), mesh.facet_patch, strict=True)
    }
    patch = np.array([patch_of[tuple(face)] for face in key[outer].tolist()])
    blocks, starts = [inner], []
    count = len(inner)
    for patch_id, _, _ in PATCHES:
        of_patch = outer[patch == patch_id]
        of_patch = of_patch[np.argsort(cell[of_patch], kind="stable")]
        starts.append(count)
        count += len(of_patch)
        blocks.append(of_patch)
    chosen = np.concatenate(blocks)
    return every[chosen], cell[chosen], cell[inner + 1], starts


def dictionaries(tube: TimedTube, n_ranks: int) -> dict[str, str]:
    """Text of each dictionary by its path in the case folder."""
    end = tube.dt * tube.n_steps
    relative = f"tolerance 1e-14; relTol {tube.tolerance:g};"
    pressure = f"solver GAMG; smoother GaussSeidel; {relative}"
    velocity = f"solver smoothSolver; smoother symGaussSeidel; {relative}"
    return {
        "system/controlDict": "application pimpleFoam; startFrom startTime; startTime 0; stopAt endTime;\n"
        f"endTime {end:.9g}; deltaT {tube.dt:.9g}; writeControl timeStep; writeInterval {10 * tube.n_steps};\n"
        "writeFormat binary; timePrecision 9; runTimeModifiable false; adjustTimeStep no;",
        "system/fvSchemes": "ddtSchemes { default backward; }\n"
        "gradSchemes { default Gauss linear; grad(U) cellLimited Gauss linear 1; }\n"
        "divSchemes { default none; div(phi,U) Gauss linearUpwind grad(U);\n"
        "div((nuEff*dev2(T(grad(U))))) Gauss linear; }\n"
        "laplacianSchemes { default Gauss linear limited 0.5; } interpolationSchemes { default linear; }\n"
        "snGradSchemes { default limited 0.5; }",
        "system/fvSolution": f"solvers {{ p {{ {pressure} }} pFinal {{ {pressure} }}\n"
        f"U {{ {velocity} }} UFinal {{ {velocity} }} }}\n"
        "PIMPLE { nOuterCorrectors 1; nCorrectors 2; nNonOrthogonalCorrectors 1; }",
        "system/decomposeParDict": f"numberOfSubdomains {n_ranks}; method simple;\n"
        f"simpleCoeffs {{ n (1 1 {n_ranks}); delta 0.001; }}",
        "constant/transportProperties": f"transportModel Newtonian; nu {tube.viscosity / tube.density:.17g};",
        "constant/turbulenceProperties": "simulationType laminar;",
    }


def _list(rows: list[str]) -> str:
    return f"{len(rows)}\n(\n" + "\n".join(rows) + "\n)"


def _write(path: Path, kind: str, body: str) -> None:
    header = f"FoamFile {{ version 2.0; format ascii; class {kind}; object {path.name}; }}\n"
    path.write_text(header + body + "\n", encoding="utf-8")
