"""Pictures of the report: what is drawn lies where it is in the patient, and no label is clipped or covers another."""

import dataclasses
import itertools
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from report_cases import EXTENSION_MM, LENGTH_MM, WAIST_MM, WAIST_RADIUS_MM, Tree, make_case, result_data, scan

from app.reports import style
from app.reports.anatomy import main_vessel, vessels_of
from app.reports.columns import balanced
from app.reports.ct_pictures import Window, slice_picture
from app.reports.rendering import Scale, render, streamlines_at_peak
from app.reports.tags import stacked
from app.reports.views import AXIAL, plane_of, view_at, widest_view
from app.workflow.steps import run_step
from imaging.types import silent

TREE = Tree(("descending", "left_subclavian"))
NAMES = tuple(f"{word}_artery_of_the_{side}_side" for word in ("upper", "middle", "lower", "last") for side in "LR")


@pytest.mark.parametrize(("n_outlets", "is_upright"), [(1, True), (3, False), (8, True)])
def test_labels_of_pictures_are_whole_and_apart(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, n_outlets: int, is_upright: bool
) -> None:
    drawn: list[Any] = []
    image_of = style.image_of
    monkeypatch.setattr(style, "image_of", lambda figure: drawn.append(figure) or image_of(figure))
    with make_case(tmp_path / "l.case", NAMES[:n_outlets], is_upright=is_upright) as opened:
        run_step(opened, "report")
    assert len(drawn) == 9
    n_tags = 0
    for figure in drawn:
        reach = figure.get_tightbbox()
        width, height = figure.get_size_inches()
        assert reach.x0 >= -0.01 and reach.x1 <= width + 0.01
        assert reach.y0 >= -0.01 and reach.y1 <= height + 0.01
        shown = shown_texts(figure)
        n_tags += sum("artery" in text.get_text() for text in shown)
        assert all(text.get_fontsize() >= style.SMALLEST_PT for text in shown)
        for a, b in itertools.combinations([text.get_window_extent() for text in shown], 2):
            assert min(a.x1, b.x1) - max(a.x0, b.x0) < 1.0 or min(a.y1, b.y1) - max(a.y0, b.y0) < 2.0
    assert n_tags == n_outlets


def shown_texts(figure: Any) -> list[Any]:
    """The texts of a figure that are drawn: labels of ticks beyond the axes' limits are not."""
    texts = []
    for axes in figure.axes:
        texts += axes.texts
        if axes.get_legend() is not None:
            texts += axes.get_legend().get_texts()
        for axis in (axes.xaxis, axes.yaxis) if axes.axison else ():
            low, high = sorted(axis.get_view_interval())
            slack = 1e-6 * (high - low)
            texts.append(axis.label)
            for tick in axis.get_major_ticks():
                if low - slack <= tick.get_loc() <= high + slack:
                    texts += [tick.label1, tick.label2]
    return [text for text in texts if text.get_visible() and text.get_text().strip()]


def test_the_child_draws_the_wall_where_the_view_projects_it() -> None:
    result = result_data(TREE)
    half = dataclasses.replace(result, wall_is_anatomy=result.wall_points_mm[:, 0] > 0.0)
    made = render(half, 3.0, view_at(0.0), silent, 0.0)
    assert made.problem == ""
    assert len(made.images) == 4
    image = made.images[0].astype(int)
    left, right, _, top = made.extent_mm
    rows, columns = np.nonzero((image < 245).any(axis=2))
    mm = (right - left) / image.shape[1]
    x, z = left + (columns + 0.5) * mm, top - (rows + 0.5) * mm
    assert x.min() == pytest.approx(result.wall_points_mm[:, 0].min(), abs=2.0 * mm)
    assert x.max() == pytest.approx(result.wall_points_mm[:, 0].max(), abs=2.0 * mm)
    assert z.min() == pytest.approx(0.0, abs=2.0 * mm)
    assert z.max() == pytest.approx(LENGTH_MM, abs=2.0 * mm)
    is_red = image[rows, columns, 0] - image[rows, columns, 2] > 20
    assert is_red[x > 1.0].mean() > 0.97  # the patient's left, in the color of the lumen, is at the right
    assert is_red[x < -4.0].mean() < 0.03  # a triangle is up to 4 mm wide; the rest are blended edges


def test_a_slice_shows_the_patients_left_at_the_right_and_outlines_the_lumen() -> None:
    volume, labels = scan(TREE)
    shown = np.array([[-95.0, 0.0, 100.0], [95.0, 0.0, 100.0]])
    figure = slice_picture(volume, labels, AXIAL, shown, Window(600.0, 200.0), (200.0, 100.0))
    axes = figure.axes[0]
    picture = axes.images[0]
    values = np.asarray(picture.get_array())
    left, right, *_ = picture.get_extent()
    x = left + (np.arange(values.shape[1]) + 0.5) * (right - left) / values.shape[1]
    row = values[values.shape[0] // 2]
    edge = x[np.flatnonzero(row > 600.0)[0]]
    assert edge == pytest.approx(91.5, abs=1.5)  # voxels from 93 mm on are bright: half a voxel of interpolation
    assert row[np.abs(x).argmin()] == pytest.approx(400.0)
    (outline,) = (line for line in axes.collections if len(line.get_paths()))
    reach = np.concatenate([path.vertices for path in outline.get_paths()])
    assert np.abs(reach[:, 0]).max() == pytest.approx(10.0, abs=1.5)  # half a voxel
    assert {text.get_text() for text in axes.texts} >= {"A", "P", "R", "L", "50 mm"}
    assert picture.get_clim() == (-100.0, 500.0)


def test_views_turn_to_the_side_that_they_are_named_after() -> None:
    left, front, head = np.eye(3) * np.array([1.0, -1.0, 1.0])
    assert view_at(0.0).project(left) == pytest.approx((1.0, 0.0))
    assert view_at(0.0).project(head) == pytest.approx((0.0, 1.0))
    assert view_at(90.0).project(front) == pytest.approx((-1.0, 0.0))
    assert view_at(45.0).name == "left anterior oblique 45°"
    assert view_at(45.0).toward_viewer @ (left + front) > 1.4
    assert view_at(-45.0).name == "right anterior oblique 45°"
    assert AXIAL.project(left) == pytest.approx((1.0, 0.0))
    assert AXIAL.project(front) == pytest.approx((0.0, 1.0))


@pytest.mark.parametrize("angle_deg", [0.0, 30.0, 60.0])
def test_an_arch_is_seen_from_where_it_opens(angle_deg: float) -> None:
    turn = np.linspace(0.0, np.pi, 60)
    view = view_at(angle_deg)
    ring = np.stack([np.cos(turn), np.sin(turn)], axis=1) * 40.0
    arch = ring[:, :1] * view.right + ring[:, 1:] * view.up
    rng = np.random.default_rng(1)
    wall = np.repeat(arch, 20, axis=0) + rng.normal(0.0, 3.0, (1200, 3))
    assert widest_view(wall).toward_viewer @ view.toward_viewer > np.cos(np.radians(16.0))
    assert plane_of(arch).toward_viewer == pytest.approx(view.toward_viewer, abs=0.02)


def test_a_straight_vessel_is_seen_from_the_front() -> None:
    line = np.stack([np.zeros(50), np.zeros(50), np.linspace(0.0, 200.0, 50)], axis=1)
    assert plane_of(line).toward_viewer == pytest.approx((0.0, -1.0, 0.0))
    assert widest_view(result_data(Tree(("end",))).wall_points_mm.astype(float)).name == "anterior view"


def test_the_narrowest_place_is_sought_in_the_anatomy_only() -> None:
    vessels = vessels_of(TREE.model)
    narrowest = main_vessel(vessels).narrowest
    assert narrowest.vessel == "trunk"
    assert narrowest.radius_mm == pytest.approx(WAIST_RADIUS_MM)  # the extensions have 5 mm
    assert narrowest.at_mm == pytest.approx(WAIST_MM - EXTENSION_MM)
    assert narrowest.position_mm == pytest.approx((0.0, 0.0, LENGTH_MM - WAIST_MM))
    assert [vessel.is_main for vessel in vessels] == [True, False]
    assert main_vessel(vessels).distance_mm[-1] == pytest.approx(LENGTH_MM - 2.0 * EXTENSION_MM)


def test_streamlines_end_where_the_flow_extensions_begin() -> None:
    points, offsets, speed = streamlines_at_peak(result_data(TREE))
    assert len(offsets) == 2 and offsets[-1] == len(points) == len(speed)
    assert points[:, 2].min() >= EXTENSION_MM - 2.0 and points[:, 2].max() <= LENGTH_MM - EXTENSION_MM + 2.0


def test_colors_run_from_one_end_of_the_scale_to_the_other() -> None:
    from matplotlib import colormaps

    scale = Scale.of(2.0, 4.0, "viridis")
    ends = 255.0 * np.array([colormaps["viridis"](0.0)[:3], colormaps["viridis"](1.0)[:3]])
    assert np.abs(scale.rgb(np.array([2.0, 4.0])) - ends).max() < 1.0
    assert (scale.rgb(np.array([-9.0, 9.0])) == scale.rgb(np.array([2.0, 4.0]))).all()
    assert Scale.of(3.0, 3.0, "viridis").high > 3.0


@given(st.integers(1, 3), st.integers(3, 7), st.integers(1, 3), st.randoms(use_true_random=False))
def test_stacked_names_are_apart_and_nowhere_better(n: int, m: int, height: int, random: Any) -> None:
    costs = [np.array([random.choice([1.0, 2.0, 5.0, np.inf]) for _ in range(m)]) for _ in range(n)]
    ways = [
        way
        for way in itertools.product(range(m), repeat=n)
        if all(b - a >= height for a, b in itertools.pairwise(way))
        and np.isfinite(sum(cost[at] for cost, at in zip(costs, way, strict=True)))
    ]
    found = stacked(costs, [float(height)] * n)
    if not ways:
        assert found is None
        return
    assert found is not None and tuple(found) in ways
    best = min(sum(cost[at] for cost, at in zip(costs, way, strict=True)) for way in ways)
    assert sum(cost[at] for cost, at in zip(costs, found, strict=True)) == best


def test_columns_keep_every_word_in_order_and_no_heading_at_their_foot(tmp_path: Path) -> None:
    pdfium = pytest.importorskip("pypdfium2", reason="pypdfium2 reads the PDF back")
    from reportlab.lib.styles import ParagraphStyle
    from reportlab.pdfgen.canvas import Canvas
    from reportlab.platypus import Paragraph

    body = ParagraphStyle("body", fontSize=7.0, leading=8.0)
    heading = ParagraphStyle("heading", parent=body, keepWithNext=True)
    texts = [" ".join(f"w{n}x{k}" for k in range(30 + 7 * n % 40)) for n in range(9)]

    def paragraphs() -> list[Any]:
        return [p for n, text in enumerate(texts) for p in (Paragraph(f"head{n}", heading), Paragraph(text, body))]

    columns, height = balanced(paragraphs, 3, 120.0)
    canvas = Canvas(str(tmp_path / "columns.pdf"), pagesize=(400.0, height))
    for number, column in enumerate(columns):
        for text, lower in column:
            text.drawOn(canvas, 130.0 * number, height - lower)
    canvas.save()
    written = pdfium.PdfDocument(tmp_path / "columns.pdf")[0].get_textpage().get_text_bounded()
    assert written.split() == " ".join(f"head{n} {text}" for n, text in enumerate(texts)).split()
    assert all(not column[-1][0].getKeepWithNext() for column in columns)
    assert all(lower <= height + 1e-6 for column in columns for _, lower in column)
    assert height < sum(text.wrap(120.0, 900.0)[1] for text in paragraphs()) / 3.0 + 30.0


def test_the_color_map_of_the_report_grows_lighter_all_along() -> None:
    """What tells values apart for a color-blind reader, and on a black-and-white print."""
    rgb = Scale.of(0.0, 255.0, "cividis").rgb(np.arange(256.0)).astype(float)
    luminance = rgb @ (0.2126, 0.7152, 0.0722)
    assert (np.diff(luminance) > -0.8).all() and luminance[-1] - luminance[0] > 100
