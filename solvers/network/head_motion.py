"""How the pulse shakes a head: the force of its blood, from a one-dimensional result, and the head on its neck.

A reconstruction: Chakshu, Carson, Sazonov & Nithiarasu (2019), Int. J. Numer. Method. Biomed. Eng. 35:e3180, couple a
one-dimensional network with the vibration of the head; their equations were not at hand. What stands here follows from
the balance of momentum.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

from solvers.network.one_d.head_arteries import Geometry
from solvers.network.one_d.solver import Solution1D

FloatArray = NDArray[np.float64]
ComplexArray = NDArray[np.complex128]

BOOLE = np.array([7.0, 32.0, 12.0, 32.0, 7.0]) / 90.0
"""Weights of the five places of a vessel for a mean over its length."""


def force_on_head(found: Solution1D, geometry: Geometry, density: float) -> FloatArray:
    """Force (k, 3) [N] of the blood on the head over the beat.

    ``F = sum over cuts of (p A + rho Q^2 / A) n - d/dt sum over vessels of integral rho Q t ds``, p over the pressure
    around, n into the head. Blood that leaves the vessels' ends stays in the head: veins do not count (assumption).
    The momentum of a vessel is that of its mean flow along the straight line from start to end. The derivative is that
    of the Fourier series.
    """
    force = np.zeros((len(found.times), 3))
    for name, direction in zip(geometry.cuts, geometry.directions, strict=True):
        v = found.of(name)
        p, q, a = (each[:, v, 0] for each in (found.pressure, found.flow, found.area))
        force += (p * a + density * q**2 / a)[:, None] * direction
    momentum = np.zeros_like(force)
    for name, way in zip(geometry.names, geometry.ways, strict=True):
        momentum += density * (found.flow[:, found.of(name)] @ BOOLE)[:, None] * way
    return force - periodic_derivative(momentum, period_of(found))


def period_of(found: Solution1D) -> float:
    """Of the beat [s]."""
    return float(found.times[1] * len(found.times))


def periodic_derivative(values: FloatArray, period: float) -> FloatArray:
    """Of samples (k, ...) over a period [s], by their Fourier series."""
    n = len(values)
    order = np.arange(n // 2 + 1)
    rates = 2j * np.pi / period * np.where(2 * order == n, 0.0, order)
    return np.asarray(
        np.fft.irfft(rates.reshape(-1, *[1] * (values.ndim - 1)) * np.fft.rfft(values, axis=0), n, axis=0)
    )


def force_harmonics(force: FloatArray, n_harmonics: int) -> ComplexArray:
    """Amplitudes (3, n) of the first harmonics: force = mean + Re sum c_k exp(2 pi i k t / T), k from 1."""
    return np.asarray(2.0 * np.fft.rfft(force, axis=0)[1 : n_harmonics + 1].T / len(force))


@dataclass(frozen=True)
class Head:
    """A head on its neck: along each axis a mass on a spring with a damper, ``m x'' + c x' + k x = F``.

    Attributes
    ----------
    mass
        [kg].
    frequency, damping : (3,)
        Of its own swing without damping [Hz], and over the critical damping, along x, y and z.
    """

    mass: float = 5.0
    frequency: tuple[float, float, float] = (5.0, 5.0, 5.0)
    damping: tuple[float, float, float] = (0.3, 0.3, 0.3)


def compliance(frequency: ArrayLike, mass: ArrayLike, own_frequency: ArrayLike, damping: ArrayLike) -> ComplexArray:
    """Displacement over force [m/N] at frequencies [Hz]: 1 / (m (w0^2 - w^2 + 2 i zeta w0 w)); any shapes."""
    w, own = 2.0 * np.pi * np.asarray(frequency), 2.0 * np.pi * np.asarray(own_frequency)
    return np.asarray(1.0 / (np.asarray(mass) * (own**2 - w**2 + 2j * np.asarray(damping) * own * w)))


def displacement(force: FloatArray, period: float, head: Head) -> FloatArray:
    """Displacement (k, 3) [m] of the head about its mean, from the force (k, 3) [N] of one beat, which repeats."""
    order = np.arange(len(force) // 2 + 1)[:, None]
    answer = compliance(order / period, head.mass, np.array(head.frequency), np.array(head.damping))
    spectrum = np.fft.rfft(force, axis=0) * answer
    spectrum[0] = 0.0
    return np.asarray(np.fft.irfft(spectrum, len(force), axis=0))


def at_times(beat: FloatArray, period: float, times: FloatArray) -> FloatArray:
    """A beat (k, 3) that repeats, at times (n,) [s]: its Fourier series, so (n, 3)."""
    order = np.arange(len(beat) // 2 + 1)
    weights = np.fft.rfft(beat, axis=0) / len(beat)
    weights[1 : (len(beat) + 1) // 2] *= 2.0
    return np.asarray((np.exp(2j * np.pi / period * np.outer(times, order)) @ weights).real)
