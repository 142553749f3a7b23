import hashlib
from dataclasses import replace
from datetime import datetime

import pytest

from app.demo.shoppers import LEAST_HISTORY_EVENTS, choose_shoppers
from models.data.read import load_dataset
from models.data.sequences_from_events import build_sequences
from models.data.split import split_sequences
from models.domain.errors import DatasetError


@pytest.fixture(scope="module")
def dataset(tiny_shop):
    return load_dataset(tiny_shop).dataset


class TestChooseShoppers:
    def test_are_the_first_by_hash_among_those_with_enough_history(self, dataset):
        cases = split_sequences(build_sequences(dataset, seed=0), "temporal", time="real", seed=0).test
        assert cases is not None
        able = [
            user
            for user, length in zip(cases.histories.user_ids, cases.histories.lengths_U, strict=True)
            if length >= 5
        ]
        expected = sorted(able, key=lambda user: hashlib.sha256(user.encode()).hexdigest())[:3]
        assert [shopper.user_id for shopper in choose_shoppers(dataset, "temporal", 0)] == expected

    def test_what_they_bought_next_is_not_in_their_history_s_time(self, dataset):
        for shopper in choose_shoppers(dataset, "temporal", 0):
            assert len(shopper.history) >= LEAST_HISTORY_EVENTS
            times = [datetime.fromisoformat(event["timestamp"]) for event in shopper.history]
            assert times == sorted(times)
            bought = dataset.events.filter(
                (dataset.events["user_id"] == shopper.user_id) & (dataset.events["timestamp"] > max(times))
            )
            assert shopper.bought_next
            assert shopper.bought_next <= set(bought["item_id"].to_list())

    def test_positions_are_not_posted_as_times(self, dataset):
        ordered = replace(dataset, info=replace(dataset.info, time="order"))
        for shopper in choose_shoppers(ordered, "leave-one-out", 0):
            assert all(set(event) == {"item_id", "event_type"} for event in shopper.history)
            assert len(shopper.bought_next) == 1

    def test_nobody_to_ask_about_is_an_error(self, dataset):
        few = replace(dataset, events=dataset.events.group_by("user_id", maintain_order=True).head(3))
        with pytest.raises(DatasetError, match="5 events"):
            choose_shoppers(few, "leave-one-out", 0)
