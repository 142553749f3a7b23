from datetime import UTC, datetime, timedelta

import polars as pl

from models.data.dataset import Dataset, DatasetInfo, TimeMeaning
from models.data.sequences_from_events import build_sequences, sequences_from_events

START = datetime(2026, 1, 1, tzinfo=UTC)


def dataset_of(events: list[tuple[str, str, int, str]], *, time: TimeMeaning = "real") -> Dataset:
    """Events are (user, item, hours after start, type), ordered as the contract says; items a to z exist."""
    return Dataset(
        info=DatasetInfo(name="by hand", time=time),
        catalogue=pl.DataFrame({"item_id": list("abcdefghijklmnopqrstuvwxyz")}),
        events=pl.DataFrame(
            {
                "user_id": [user for user, _, _, _ in events],
                "item_id": [item for _, item, _, _ in events],
                "timestamp": pl.Series([START + timedelta(hours=hours) for _, _, hours, _ in events]).cast(
                    pl.Datetime("us", "UTC")
                ),
                "event_type": [event_type for _, _, _, event_type in events],
            }
        ),
        digest="none",
    )


class TestBuildSequences:
    def test_lays_users_end_to_end(self):
        sequences = build_sequences(
            dataset_of([("u1", "b", 0, "purchase"), ("u1", "a", 1, "view"), ("u2", "c", 0, "purchase")]), seed=0
        )
        assert sequences.user_ids == ["u1", "u2"]
        assert sequences.offsets_U1.tolist() == [0, 2, 3]
        assert sequences.item_rows_E.tolist() == [1, 0, 2]
        assert sequences.event_types_E.tolist() == [3, 0, 3]
        assert sequences.timestamps_E.tolist()[:2] == [1767225600, 1767229200]

    def test_impressions_and_dislikes_are_no_history(self):
        sequences = build_sequences(
            dataset_of([("u1", "a", 0, "impression"), ("u2", "b", 0, "dislike"), ("u2", "c", 1, "click")]), seed=0
        )
        assert sequences.user_ids == ["u2"]
        assert sequences.item_rows_E.tolist() == [2]

    def test_shuffles_a_basket_by_seed_and_nothing_else(self):
        basket = [("u", item, 5, "purchase") for item in "abcdefghijklmnop"]
        dataset = dataset_of([("u", "z", 0, "purchase"), *basket, ("u", "y", 9, "purchase")])
        one, same, other = (build_sequences(dataset, seed=seed).item_rows_E.tolist() for seed in (1, 1, 2))
        assert one == same != other
        assert one[0] == other[0] == 25
        assert one[-1] == other[-1] == 24
        assert sorted(one) == sorted(other)

    def test_keeps_the_order_where_times_are_positions(self):
        dataset = dataset_of([("u", item, 5, "purchase") for item in "qwerty"], time="order")
        sequences = build_sequences(dataset, seed=1)
        assert sequences.item_rows_E.tolist() == [ord(item) - ord("a") for item in "qwerty"]
        assert sequences.timestamps_E.tolist() == [-1] * 6


class TestSequencesFromEvents:
    def test_leaves_out_items_it_does_not_know(self):
        events = dataset_of([("u1", "a", 0, "purchase"), ("u1", "b", 1, "purchase"), ("u2", "c", 1, "view")]).events
        sequences = sequences_from_events(events, ["b", "z"], time="real", seed=0)
        assert sequences.user_ids == ["u1"]
        assert sequences.item_rows_E.tolist() == [0]

    def test_an_empty_table_has_no_users(self):
        sequences = sequences_from_events(dataset_of([]).events, ["a"], time="real", seed=0)
        assert sequences.num_users == 0
        assert sequences.num_events == 0
