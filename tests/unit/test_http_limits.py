"""How often somebody may ask."""

import attrs
import pytest
from hypothesis import given
from hypothesis import strategies as st

from telecom_crm.entrypoints.http.limits import REMEMBERED, Limit


@attrs.define
class Seconds:
    now: float = 1000.0

    def __call__(self) -> float:
        return self.now


def test_so_many_go_at_once_and_then_one_after_the_other():
    seconds = Seconds()
    limit = Limit(per_second=2.0, burst=3, monotonic=seconds)
    assert [limit.take("ann") for _ in range(3)] == [0.0] * 3
    assert limit.take("ann") == pytest.approx(0.5)
    assert limit.take("bek") == 0.0, "each caller has their own"
    seconds.now += 0.5
    assert limit.take("ann") == 0.0
    assert limit.take("ann") == pytest.approx(0.5)
    seconds.now += 60
    assert [limit.take("ann") > 0 for _ in range(4)] == [False, False, False, True]


@given(st.lists(st.integers(0, 2000), max_size=60))
def test_no_span_of_time_sees_more_than_the_burst_and_what_comes_due(pauses_ms):
    seconds, taken = Seconds(), []
    limit = Limit(per_second=4.0, burst=5, monotonic=seconds)
    for pause in pauses_ms:
        seconds.now += pause / 1000
        if not limit.take("ann"):
            taken.append(seconds.now)
    for first, start in enumerate(taken):
        for last, end in enumerate(taken[first:], first):
            assert last - first + 1 <= 5 + 4.0 * (end - start) + 1e-6


def test_a_refused_request_costs_nothing():
    seconds = Seconds()
    limit = Limit(per_second=1.0, burst=1, monotonic=seconds)
    limit.take("ann")
    waits = [limit.take("ann") for _ in range(10)]
    assert waits == [waits[0]] * 10


def test_without_a_rate_nobody_is_refused():
    limit = Limit(per_second=0.0, burst=0)
    assert all(limit.take("ann") == 0.0 for _ in range(100))


def test_callers_that_have_paid_are_forgotten_first():
    seconds = Seconds()
    limit = Limit(per_second=0.01, burst=1, monotonic=seconds)
    limit.take("spent long ago")
    seconds.now += 1000
    limit.take("busy")
    for n in range(REMEMBERED):
        limit.take(f"passing {n}")
    assert limit.take("spent long ago") == 0.0
    assert len(limit._paid_until) <= REMEMBERED
