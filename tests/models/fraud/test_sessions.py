from models.domain.events import HistoryEvent
from models.fraud.sessions import _read

EVENTS = [HistoryEvent("b", timestamp_seconds=20.0), HistoryEvent("a", timestamp_seconds=10.0)]
ROW_OF = {"a": 0, "b": 1}


class TestRead:
    def test_times_order_events_and_are_told_where_training_had_them(self) -> None:
        read = _read(EVENTS, ROW_OF, uses_time=True)
        assert (read.rows.tolist(), read.seconds.tolist(), read.positions.tolist()) == ([0, 1], [10, 20], [1, 0])

    def test_where_one_is_missing_none_counts(self) -> None:
        """The newest first, as here, would look like a machine that does all at once."""
        read = _read([*EVENTS, HistoryEvent("b")], ROW_OF, uses_time=True)
        assert (read.rows.tolist(), read.seconds.tolist()) == ([1, 0, 1], [-1, -1, -1])

    def test_where_training_had_none_they_only_order(self) -> None:
        read = _read(EVENTS, ROW_OF, uses_time=False)
        assert (read.rows.tolist(), read.seconds.tolist()) == ([0, 1], [-1, -1])
