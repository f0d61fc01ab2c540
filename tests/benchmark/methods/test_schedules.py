import pytest

from benchmark.methods.schedules import cosine, dann_schedule, ramp


def test_cosine_falls_from_one_to_the_floor():
    assert cosine(0) == 1
    assert cosine(0.5, floor=0.0) == pytest.approx(0.5)
    assert cosine(1, floor=0.02) == pytest.approx(0.02)


def test_ramp_waits_then_rises_then_stays():
    assert [ramp(p, 0.2, 0.4) for p in (0, 0.19, 0.4, 0.6, 0.9)] == pytest.approx([0, 0, 0.5, 1, 1])
    assert ramp(0.5, 0.5, 0) == 1


def test_ganin_is_the_papers_logistic():
    assert dann_schedule(0) == 0
    assert dann_schedule(0.1) == pytest.approx(0.46212, abs=1e-5)  # 2 / (1 + e^-1) - 1
    assert dann_schedule(1) > 0.999
