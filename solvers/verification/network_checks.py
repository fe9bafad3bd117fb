"""Published networks of arteries in one dimension, against other programs' results.

The files are not part of the program: they are looked for in the folder that ``ANGIOTWIN_BENCHMARKS`` names, else in
``shared/data/benchmarks`` beside the checkout. Without them these checks say so and compare nothing.
"""

from __future__ import annotations

import os
from dataclasses import replace
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from solvers.contract.openings import Inlet, RcrOutlet
from solvers.network.one_d.network import Network1D, Terminal, Vessel1D
from solvers.network.one_d.openbf import read_inflow, read_openbf
from solvers.network.one_d.solver import Scheme, Solution1D, solve_network
from solvers.network.one_d.walls import beta_of_wall
from solvers.verification.row import Curve, Progress, Row

FloatArray = NDArray[np.float64]

BOILEAU = "Boileau et al. 2015"
SCHEME = Scheme(spacing=2e-3, samples=1000, periodic_within=1e-4, max_cycles=60)

TABLES: dict[str, tuple[float, float, tuple[tuple[float, ...], ...], tuple[float, float, float]]] = {
    "cca": (10.933e3, 2.0, ((0.126, 7e5, 3e-3, 0.3e-3),), (2.4875e8, 1.7529e-10, 1.8697e9)),
    "uta": (9.4667e3, 9.0, ((0.24137, 4e5, 12e-3, 1.2e-3),), (1.1752e7, 1.0163e-8, 1.1167e8)),
    "ibif": (
        *(9.4667e3, 9.0, ((0.086, 5e5, 8.6e-3, 1.032e-3), (0.085, 7e5, 6e-3, 0.72e-3), (0.085, 7e5, 6e-3, 0.72e-3))),
        (6.8123e7, 3.6664e-10, 3.1013e9),
    ),
}
"""Diastolic pressure [Pa], profile; length [m], E [Pa], radius and thickness [m] at that pressure of each vessel; R1, C
and R2 of the outlets. As in the network files of blood-flow-HDG; the pressures are those that the finite-volume curves
start from. openBF's files give other thicknesses, with which the iliac bifurcation is 12 % stiffer."""


def boileau_network(file: str, inflow: Path) -> Network1D:
    """A case of Boileau et al. 2015 from the numbers of their tables and a file of its inflow."""
    pressure, profile, sizes, (r_proximal, c, r_distal) = TABLES[file]
    nodes = ((0, 1), (1, 2), (1, 3))
    vessels = tuple(
        Vessel1D(
            *(f"vessel {number}", *nodes[number], length, (radius, radius)),
            *((beta_of_wall(young, thickness, radius),) * 2, 0.0, profile, pressure),
        )
        for number, (length, young, radius, thickness) in enumerate(sizes)
    )
    ends = [end for _, end in nodes[: len(sizes)]][-2 if len(sizes) > 1 else -1 :]
    waveform = read_inflow(inflow)
    return Network1D(
        vessels,
        (
            Terminal(0, Inlet(0, "inlet", waveform)),
            *(Terminal(end, RcrOutlet(0, f"outlet {end}", r_proximal, c, r_distal, pressure)) for end in ends),
        ),
        waveform.t[-1],
        interpolation="linear",
        name=file,
    )


def benchmarks() -> Path | None:
    """Where the published files are, if they are."""
    given = os.environ.get("ANGIOTWIN_BENCHMARKS")
    folder = Path(given) if given else Path(__file__).parents[2].parent / "shared" / "data" / "benchmarks"
    return folder if folder.is_dir() else None


def rms_errors(found: Solution1D, vessel: int, place: int, reference: FloatArray, period: float) -> tuple[float, float]:
    """Of pressure, relative point by point, and of flow, relative to its largest, as Boileau et al. define them.

    ``reference`` (n, 3): time from the start of the cycle [s], pressure [kPa], flow [mL/s].
    """
    p = np.interp(reference[:, 0], found.times, 1e-3 * found.pressure[:, vessel, place], period=period)
    q = np.interp(reference[:, 0], found.times, 1e6 * found.flow[:, vessel, place], period=period)
    return (
        float(np.sqrt(np.mean((p / reference[:, 1] - 1.0) ** 2))),
        float(np.sqrt(np.mean(((q - reference[:, 2]) / reference[:, 2].max()) ** 2))),
    )


def last_cycle(path: Path, period: float) -> FloatArray:
    """(n, 3) time, pressure and flow of the last whole cycle in a file of reference curves."""
    table = np.loadtxt(path)[:, :3]
    begin = max(0.0, (np.floor(table[-1, 0] / period + 1e-6) - 1.0) * period)
    table = table[(table[:, 0] >= begin - 1e-9) & (table[:, 0] < begin + period - 1e-9)]
    table[:, 0] = (table[:, 0] - begin) % period
    return np.asarray(table)


def check_boileau(progress: Progress, long: bool) -> list[Row | Curve]:
    """Common carotid, upper thoracic aorta and iliac bifurcation against the finite-volume code and the 3D FSI."""
    folder = benchmarks()
    if folder is None:
        progress(1.0, "skipped: the published files are not there (ANGIOTWIN_BENCHMARKS)")
        return []
    cases = (
        ("cca", "common carotid", 0, 2, "FV_carotid.dat", "B3D_commoncarotid.txt"),
        ("uta", "thoracic aorta", 0, 2, "FV_aortic.dat", "B3D_aortic.txt"),
        ("ibif", "aorta before the iliacs", 0, 2, "FV_aorta-bif.dat", "B3D_AortaMid.txt"),
        ("ibif", "aorta at the bifurcation", 0, 4, "FV_aorta_bif-bif.dat", "B3D_Junction.txt"),
        ("ibif", "iliac", 1, 2, "FV_iliac-bif.dat", "B3D_IliacMid.txt"),
    )
    results: list[Row | Curve] = []
    solved: dict[str, tuple[Network1D, Solution1D]] = {}
    for number, (file, what, v, place, volumes, three_d) in enumerate(cases):
        if file not in solved:
            network = boileau_network(file, folder / "openbf" / f"{file}_inlet.dat")
            solved[file] = network, solve_network(network, SCHEME)
        network, found = solved[file]
        source = f"{BOILEAU}, finite volumes"
        reference = last_cycle(folder / "boileau2015" / volumes, network.period)
        p, q = rms_errors(found, v, place, reference, network.period)
        results.append(Row("boileau", f"{what}, pressure, RMS", "", p, 0.0, 5e-3, source, is_absolute=True))
        results.append(Row("boileau", f"{what}, flow, RMS", "", q, 0.0, 5e-3, source, is_absolute=True))
        results.append(
            Curve(
                *("boileau", f"{what}, pressure", "t [s]", "p [kPa]", tuple(found.times[::5].tolist())),
                *(tuple((1e-3 * found.pressure[::5, v, place]).tolist()), source),
                *(tuple(reference[::25, 0].tolist()), tuple(reference[::25, 1].tolist())),
            )
        )
        reference, source = last_cycle(folder / "boileau2015" / three_d, network.period), f"{BOILEAU}, 3D FSI"
        if file == "cca":
            reference[:, 0] += best_shift(found, v, place, reference, network.period)
            source += ", shifted in time to fit best: its cycle starts elsewhere"
        p, q = rms_errors(found, v, place, reference, network.period)
        results.append(Row("boileau", f"{what}, pressure, RMS to 3D", "", p, 0.0, 0.02, source, is_absolute=True))
        results.append(Row("boileau", f"{what}, flow, RMS to 3D", "", q, 0.0, 0.02, source, is_absolute=True))
        progress((number + 1) / len(cases), what)
    return results


def best_shift(found: Solution1D, vessel: int, place: int, reference: FloatArray, period: float) -> float:
    """The shift [s] of the reference at which pressures agree best."""
    shifts = np.arange(0.0, period, 1e-3)
    moved = [rms_errors(found, vessel, place, reference + np.array([shift, 0.0, 0.0]), period)[0] for shift in shifts]
    return float(shifts[int(np.argmin(moved))])


def check_arterial_trees(progress: Progress, long: bool) -> list[Row | Curve]:
    """ADAN56 and a circle of Willis as openBF reads them, in the cycle that it kept, against its own results."""
    folder = benchmarks()
    if folder is None:
        progress(1.0, "skipped: the published files are not there (ANGIOTWIN_BENCHMARKS)")
        return []
    results: list[Row | Curve] = []
    cases = (("adan56", "ADAN56", 6, 1e4), ("circle_of_willis", "circle of Willis", 9, 0.0))
    for number, (file, what, cycles, pressure) in enumerate(cases):
        network = read_openbf(folder / "openbf" / f"{file}.yaml", "openbf")
        scheme = Scheme(2e-3, samples=1000, max_cycles=cycles, periodic_within=0.0, start_pressure=pressure)
        found = solve_network(network, scheme)
        results += compare_with_openbf(what, found, folder / "openbf" / "results" / file)
        finer = solve_network(network, replace(scheme, spacing=1e-3))
        change = largest_change(found, finer)
        title, source = (
            f"{what}: largest error of an extreme flow on cells of 2 mm",
            "the same network on cells of 1 mm",
        )
        results.append(Row("arterial_trees", title, "", change, 0.0, 0.01, source, is_absolute=True))
        progress(0.5 * (number + 1), what)
    return results


def largest_change(one: Solution1D, other: Solution1D) -> float:
    """Of the extreme flows in the middle of all vessels, relative to the largest flow of the vessel."""
    extremes = [np.stack([found.flow[:, :, 2].max(axis=0), found.flow[:, :, 2].min(axis=0)]) for found in (one, other)]
    return float((np.abs(extremes[0] - extremes[1]) / np.abs(extremes[1]).max(axis=0)).max())


def compare_with_openbf(what: str, found: Solution1D, folder: Path) -> list[Row | Curve]:
    """Worst of all vessels: means within 2 %, extremes within 5 % (of flow: of its largest absolute value).

    Both at the instants that openBF kept, 100 a cycle: peaks of small branches are sharper than that.
    """
    errors: dict[str, list[tuple[float, str]]] = {}
    for v, name in enumerate(found.names):
        paths = [folder / f"{name}_{quantity}.csv" for quantity in "PQ"]
        if not all(path.is_file() for path in paths):
            continue
        (times, p), (_, q) = (np.genfromtxt(path, delimiter=",", skip_header=1, usecols=(0, 3)).T for path in paths)
        times = np.clip(times - times[0], 0.0, found.times[-1])
        mine_p, mine_q = (np.interp(times, found.times, each[:, v, 2]) for each in (found.pressure, found.flow))
        size = np.abs(q).max()
        values = {
            "mean pressure": abs(mine_p.mean() / p.mean() - 1.0),
            "mean flow": abs(mine_q.mean() - q.mean()) / size,
            "extreme pressure": max(abs(mine_p.max() / p.max() - 1.0), abs(mine_p.min() / p.min() - 1.0)),
            "extreme flow": max(abs(mine_q.max() - q.max()), abs(mine_q.min() - q.min())) / size,
        }
        for key, value in values.items():
            errors.setdefault(key, []).append((float(value), name))
    rows: list[Row | Curve] = []
    for key, each in errors.items():
        gate, (value, name) = 0.02 if key.startswith("mean") else 0.05, max(each)
        inside = sum(error <= gate for error, _ in each)
        title = f"{what}, {key}: largest error ({name}; {inside} of {len(each)} vessels are inside)"
        rows.append(Row("arterial_trees", title, "", value, 0.0, gate, "openBF", is_absolute=True))
    return rows
