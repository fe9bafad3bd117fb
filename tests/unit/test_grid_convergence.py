"""Order and grid convergence index on sequences whose answer is known."""

from __future__ import annotations

import numpy as np
import pytest

from solvers.verification.grid_convergence import cell_size, grid_convergence


@pytest.mark.parametrize(("order", "sizes"), [(2.0, (1.0, 2.0, 4.0)), (3.0, (1.0, 1.5, 2.0)), (1.3, (0.7, 1.0, 1.7))])
def test_order_limit_and_index_of_a_made_sequence(order: float, sizes: tuple[float, float, float]) -> None:
    limit, factor = 5.0, 0.01
    fine, medium, coarse = (limit + factor * size**order for size in sizes)
    found = grid_convergence(sizes, (fine, medium, coarse))
    assert found.order == pytest.approx(order, rel=1e-6)
    assert found.extrapolated == pytest.approx(limit, rel=1e-9)
    assert found.index == pytest.approx(1.25 * (fine - limit) / fine, rel=1e-6)
    assert found.is_monotone


def test_the_published_example() -> None:
    """Table 1 of Celik et al. 2008, first column: p 1.53, extrapolated 6.1685, error 1.5 %, index 2.2 %."""
    cells = (18000, 8000, 4500)
    sizes = tuple(float(np.sqrt(76.0 / count)) for count in cells)
    found = grid_convergence((sizes[0], sizes[1], sizes[2]), (6.063, 5.972, 5.863))
    assert found.order == pytest.approx(1.53, abs=0.01)
    assert found.extrapolated == pytest.approx(6.1685, abs=5e-4)
    assert found.error == pytest.approx(0.015, abs=5e-4)
    assert found.index == pytest.approx(0.022, abs=5e-4)


def test_values_that_swing_are_told() -> None:
    assert not grid_convergence((1.0, 2.0, 4.0), (1.0, 1.1, 0.8)).is_monotone


def test_equal_values_have_no_order() -> None:
    found = grid_convergence((1.0, 2.0, 4.0), (1.0, 1.0, 1.0))
    assert np.isnan(found.order) and found.extrapolated == 1.0


def test_sizes_in_the_wrong_order_are_refused() -> None:
    with pytest.raises(ValueError, match="must grow"):
        grid_convergence((4.0, 2.0, 1.0), (1.0, 1.1, 1.2))


def test_cell_size_is_the_edge_of_the_mean_cube() -> None:
    assert cell_size(8.0, 1) == pytest.approx(2.0)
    assert cell_size(1.0, 1000) == pytest.approx(0.1)
