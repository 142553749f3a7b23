"""Ids are no information, and neither are row numbers nor the order of users to what is counted.

Rivals are held to all of it, neighbours to other rows. Networks that are trained here are held to items' ids alone:
users or rows in another order would let them begin and go on with other random numbers, as under another seed. That
what serves lists the same items whatever their rows is for `tests/models/recommend/test_permuted_rows.py`.
"""

from dataclasses import replace
from pathlib import Path

import numpy as np
import polars as pl
import pytest

from models.baselines.co_occurrence import CoOccurrence
from models.baselines.content_neighbours import content_neighbours
from models.baselines.tuned_neighbours import Mixture, MixtureConfig
from models.data.read import load_dataset
from models.data.sequences import Sequences
from models.data.shuffle import shuffle_items
from models.domain.events import HistoryEvent
from models.domain.recommendation import RecommendationRequest
from models.evaluation.evaluate import EvaluateOptions, evaluate
from models.features.content import ItemContent
from models.pipeline import train as pipeline
from models.pipeline.train import TrainOptions, train
from models.recommend.recommender import Recommender
from models.training.config import training_config
from tests.models.baselines.tiny_neighbours import scores_of
from tests.models.data.histories import sequences_of


def renamed(name: str) -> str:
    """Another id, in the opposite alphabetical order."""
    return "".join(chr(0x17E - ord(letter)) for letter in name)


def write_renamed(folder: Path, shop: Path, *, users: bool, reverse_rows: bool) -> Path:
    """The same shop with other item ids and, if wished, other user ids and the catalogue the other way round."""
    folder.mkdir()
    catalogue = pl.read_parquet(shop / "catalogue.parquet")
    events = pl.read_parquet(shop / "events.parquet")
    as_other = pl.col("item_id").map_elements(renamed, return_dtype=pl.String)
    catalogue = catalogue.with_columns(as_other)
    events = events.with_columns(as_other)
    if users:
        events = events.with_columns(pl.col("user_id").map_elements(renamed, return_dtype=pl.String))
    (catalogue.reverse() if reverse_rows else catalogue).write_parquet(folder / "catalogue.parquet")
    events.write_parquet(folder / "events.parquet")
    (folder / "dataset.json").write_bytes((shop / "dataset.json").read_bytes())
    return folder


class TestRivals:
    def test_find_the_same_for_each_shopper(self, tiny_shop: Path, tmp_path: Path) -> None:
        other = write_renamed(tmp_path / "other", tiny_shop, users=True, reverse_rows=True)
        systems = ["popularity", "item-knn", "buy-again", "ease", "content-knn"]
        plain, permuted = (
            evaluate(EvaluateOptions(dataset=folder, systems=systems)).scores for folder in (tiny_shop, other)
        )
        for name in systems:
            for metric in ("hr@5", "hr@10", "hr@20", "ndcg@10", "mrr@20"):
                of_shoppers = permuted[name].per_case[metric][::-1]  # whose ids are in the opposite order
                np.testing.assert_allclose(of_shoppers, plain[name].per_case[metric], atol=1e-9)
                assert permuted[name].metrics[metric] == pytest.approx(plain[name].metrics[metric], abs=1e-9)


class TestNeighbours:
    def test_name_the_same_items(self) -> None:
        rng = np.random.default_rng(5)
        num_items = 30
        train = sequences_of(
            {
                f"u{user}": [(int(row), step) for step, row in enumerate(rng.permutation(num_items)[:9])]
                for user in range(40)
            }
        )
        content = ItemContent(
            text_NE=rng.normal(size=(num_items, 8)).astype(np.float32),
            tag_rows_NT=rng.integers(0, 12, (num_items, 3)),
            tag_weights_NT=np.ones((num_items, 3), np.float32),
            price_NP=np.zeros((num_items, 2), np.float32),
        )
        new_row_N = rng.permutation(num_items)
        old_row_N = np.argsort(new_row_N)
        moved = ItemContent(*(getattr(content, name)[old_row_N] for name in ItemContent.__slots__))
        others = Sequences(
            train.user_ids,
            train.offsets_U1,
            new_row_N[train.item_rows_E].astype(np.int32),
            train.event_types_E,
            train.timestamps_E,
        )
        histories = train.item_rows_E.reshape(40, 9)

        def lists(sequences: Sequences, of: ItemContent, asked: np.ndarray) -> np.ndarray:
            mixture = Mixture.fit(CoOccurrence.fit(sequences, num_items), content_neighbours(of), MixtureConfig(), 30)
            return scores_of(mixture.neighbours, asked, 10)[0]

        plain = lists(train, content, histories)
        assert old_row_N[lists(others, moved, new_row_N[histories])].tolist() == plain.tolist()


class TestShuffleItems:
    def test_events_follow_their_items(self, tiny_shop: Path) -> None:
        dataset = load_dataset(tiny_shop).dataset
        shuffled = shuffle_items(dataset, seed=3)
        assert shuffled.catalogue["item_id"].to_list() != dataset.catalogue["item_id"].to_list()
        assert sorted(shuffled.catalogue["item_id"]) == sorted(dataset.catalogue["item_id"])
        ids = pl.col("item_id").cast(pl.String)
        assert shuffled.events.with_columns(ids).equals(dataset.events.with_columns(ids))
        rows = shuffled.events["item_id"].to_physical()
        assert shuffled.catalogue["item_id"][rows].equals(dataset.events["item_id"].cast(pl.String))

    def test_the_seed_decides(self, tiny_shop: Path) -> None:
        dataset = load_dataset(tiny_shop).dataset
        first, again, other = (shuffle_items(dataset, seed).catalogue["item_id"].to_list() for seed in (1, 1, 2))
        assert first == again != other


@pytest.mark.long
class TestFigment:
    def test_lists_the_same_items_by_their_other_ids(
        self, tiny_shop: Path, tmp_path: Path, warm_cache: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        short = lambda profile, seed: replace(training_config(profile, seed), epochs=2, min_steps=2)  # noqa: E731
        monkeypatch.setattr(pipeline, "training_config", short)
        (tmp_path / "cache").symlink_to(warm_cache)
        other = write_renamed(tmp_path / "other", tiny_shop, users=False, reverse_rows=False)
        plain, permuted = (
            Recommender.open(
                train(TrainOptions(folder, tmp_path / "bundles" / name, profile="quick", var=tmp_path)).bundle,
                wish="figment",
            )
            for folder, name in ((tiny_shop, "plain"), (other, "permuted"))
        )
        histories = [["tea-1", "tea-4"], ["paint-2"], ["tea-9", "paint-3", "paint-5"]]
        for items in histories:
            (as_plain,) = plain.recommend([RecommendationRequest([HistoryEvent(each) for each in items], k=20)])
            (as_other,) = permuted.recommend(
                [RecommendationRequest([HistoryEvent(renamed(each)) for each in items], k=20)]
            )
            assert [item.item_id for item in as_other.items] == [renamed(item.item_id) for item in as_plain.items]
