from dataclasses import replace

from hypothesis import assume, given
from hypothesis import strategies as st

from app.store.sliding_window import SlidingWindow


def window(**fields):
    return SlidingWindow(
        **{"limit": 10, "seconds": 60, "taken": True, "previous": 0, "current": 1, "elapsed": 0.0} | fields
    )


def later(found, seconds):
    """The same window after that time, without a hit."""
    passed, elapsed = divmod(found.elapsed + seconds, found.seconds)
    before = {0: (found.previous, found.current), 1: (found.current, 0)}.get(int(passed), (0, 0))
    return replace(found, previous=before[0], current=before[1], elapsed=elapsed)


@st.composite
def full_windows(draw):
    """Of any limit; what does not come from this window comes from the one before."""
    limit = draw(st.integers(1, 50))
    current = draw(st.integers(0, limit))
    missing = limit - current
    previous = draw(st.integers(missing, limit))
    share = 1 - missing / previous if previous else 1.0
    elapsed = min(59.99, draw(st.floats(0, 1)) * 60 * share)
    return window(limit=limit, previous=previous, current=current, elapsed=elapsed)


class TestRemaining:
    def test_is_what_the_limit_leaves(self):
        assert window(current=3).remaining == 7
        assert window(current=12).remaining == 0

    def test_of_the_window_before_counts_what_overlaps(self):
        assert window(previous=8, current=0, elapsed=15.0).remaining == 4
        assert window(previous=8, current=0, elapsed=45.0).remaining == 8


class TestSecondsUntilNext:
    def test_is_zero_where_one_fits(self):
        assert window(current=9).seconds_until_next == 0

    def test_waits_for_the_overlap_to_shrink(self):
        assert window(previous=10, current=5, elapsed=12.0).seconds_until_next == 19  # at 30 s half of the ten count

    def test_waits_for_the_next_window_where_this_one_is_full(self):
        assert window(current=10, elapsed=50.0).seconds_until_next == 11

    @given(full=full_windows())
    def test_then_one_fits_and_a_second_earlier_none(self, full):
        assume(not full.remaining)  # at the very edge the product may be rounded down
        wait = full.seconds_until_next
        assert 1 <= wait <= 120
        assert later(full, wait).remaining
        assert wait == 1 or not later(full, wait - 1.001).remaining


class TestSecondsLeft:
    def test_is_never_zero(self):
        assert window(elapsed=0.0).seconds_left == 60
        assert window(elapsed=0.5).seconds_left == 60
        assert window(elapsed=59.5).seconds_left == 1
