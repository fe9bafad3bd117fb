"""Work in a child process ends in a result or in one plain failure, and Cancel stops it."""

import os
import time

import numpy as np
import pytest

from imaging.isolated import IsolatedError, run_isolated
from imaging.types import silent

ARRAYS = {"x": np.arange(3.0)}
HERE = __name__


@pytest.fixture(autouse=True)
def _child_finds_this_file(monkeypatch):
    folder = os.path.dirname(__file__)
    monkeypatch.setenv("PYTHONPATH", os.pathsep.join([folder, os.environ.get("PYTHONPATH", "")]))


def double(arrays, factor):
    return {"y": factor * arrays["x"]}


def fail(arrays):
    raise ValueError("no such shape")


def crash(arrays):
    os.abort()


def hang(arrays):
    time.sleep(60)


def test_result_comes_back():
    result = run_isolated(f"{HERE}:double", ARRAYS, {"factor": 2}, 60.0, silent, 0.5, "working")
    assert result["y"].tolist() == [0.0, 2.0, 4.0]


def test_complaint_of_the_child_is_told():
    with pytest.raises(IsolatedError, match="no such shape"):
        run_isolated(f"{HERE}:fail", ARRAYS, {}, 60.0, silent, 0.5, "working")


def test_crash_of_the_child_is_an_answer():
    with pytest.raises(IsolatedError):
        run_isolated(f"{HERE}:crash", ARRAYS, {}, 60.0, silent, 0.5, "working")


def test_child_that_hangs_is_stopped():
    start = time.monotonic()
    with pytest.raises(IsolatedError, match="no result after"):
        run_isolated(f"{HERE}:hang", ARRAYS, {}, 1.5, silent, 0.5, "working")
    assert time.monotonic() - start < 20


def test_cancel_stops_the_child_and_comes_through():
    class Cancelled(Exception):
        pass

    calls = []

    def cancel_at_third_call(fraction, text):
        calls.append(text)
        if len(calls) == 3:
            raise Cancelled

    start = time.monotonic()
    with pytest.raises(Cancelled):
        run_isolated(f"{HERE}:hang", ARRAYS, {}, 60.0, cancel_at_third_call, 0.5, "working")
    assert time.monotonic() - start < 20
    assert set(calls) == {"working"}
