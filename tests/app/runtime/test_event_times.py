from datetime import UTC, datetime, timedelta

import pytest

from app.runtime.event_times import EventTimes

NOW = datetime(2026, 11, 24, 3, tzinfo=UTC)
TIMES = EventTimes(max_age=timedelta(days=10))


class TestRefusal:
    @pytest.mark.parametrize("after", [timedelta(minutes=5), timedelta(0), -timedelta(days=10)])
    def test_none_within_the_limits(self, after):
        assert TIMES.refusal(NOW + after, NOW) is None

    def test_names_what_is_in_the_future(self):
        assert TIMES.refusal(NOW + timedelta(minutes=5, seconds=1), NOW) == (
            "timestamp 2026-11-24T03:05:01+00:00 is in the future: more than 5 minutes after 2026-11-24T03:00:00+00:00"
        )

    def test_names_what_is_too_old(self):
        assert TIMES.refusal(NOW - timedelta(days=10, seconds=1), NOW) == (
            "timestamp 2026-11-14T02:59:59+00:00 is too old: more than 10 days ago"
        )
