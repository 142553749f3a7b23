"""What imagining stands on, of a bundle that was really trained and a shop that goes on changing."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import numpy as np
import polars as pl
import pytest

from models.concepts.imagine import imagine
from models.concepts.table import as_documents, render_concepts
from models.data.write_table import write_batches
from models.domain.errors import NothingListed
from models.domain.events import HistoryEvent
from models.domain.progress import NoProgress
from models.recommend.catalogue import Catalogue
from models.recommend.live.documents import ItemDocument
from models.recommend.recommender import Recommender
from models.synthesis import items, walk
from models.synthesis.segment import encoded_histories
from models.synthesis.workshop import Workshop, directions

TEA = [[HistoryEvent(f"tea-{number}"), HistoryEvent(f"tea-{number + 1}")] for number in range(8)]


@pytest.fixture(scope="module")
def recommender(tiny_bundle):
    return Recommender.open(tiny_bundle)


@pytest.fixture(scope="module")
def workshop(recommender):
    return Workshop(recommender)


def encoded_anew(recommender, rows):
    items = recommender.items
    frame = recommender.catalogue.attributes.frame[rows]
    return directions(items.origin.encoder.encode(frame, np.asarray(items.text_NE[rows], np.float16)).features_CD)


class TestContent:
    def test_is_that_of_the_encoder(self, recommender, workshop):
        assert workshop.content_AD == pytest.approx(encoded_anew(recommender, workshop.listed_rows_A), abs=1e-5)

    def test_follows_new_changed_and_deleted_items(self, recommender):
        changed = recommender.changed(
            [
                ItemDocument("tea-3", {"title": "paint number 300", "category": "paint > kind 1"}, merges=True),
                ItemDocument("tea-5", {}, is_deleted=True),
                ItemDocument("new-1", {"title": "tea number 77", "category": "tea > kind 0", "price": 4.0}),
            ],
            revision=1,
        )
        after = Workshop(changed)
        assert after.content_AD == pytest.approx(encoded_anew(changed, after.listed_rows_A), abs=1e-5)
        assert changed.row_of["tea-5"] not in after.listed_rows_A
        before = directions(recommender.items.origin.content_ND)
        row = changed.row_of["tea-3"]
        assert not np.allclose(after.content_AD[after.listed_rows_A.tolist().index(row)], before[row], atol=1e-3)

    def test_a_shop_without_items_is_told(self, recommender):
        gone = recommender.changed(
            [ItemDocument(item, {}, is_deleted=True) for item in recommender.item_ids], revision=1
        )
        with pytest.raises(NothingListed, match="no item left"):
            walk.beginning(Workshop(gone))


class TestBlocks:
    """What is made does not depend on how much of it lies in memory at once."""

    def test_sessions(self, workshop, monkeypatch):
        begin = walk.beginning(workshop)
        whole = walk.walk(workshop, begin, 20, seed=1)
        monkeypatch.setattr(walk, "SHARES_PER_BLOCK", 3 * len(workshop.listed_rows_A))
        assert walk.walk(workshop, begin, 20, seed=1).item_rows_E.tolist() == whole.item_rows_E.tolist()

    def test_sessions_that_are_written_some_at_a_time_are_the_same(self, workshop, monkeypatch, tmp_path):
        monkeypatch.setattr(walk, "SHOPPERS_PER_BLOCK", 8)
        begin = walk.beginning(workshop)
        whole = walk.walk(workshop, begin, 20, seed=1).frame(workshop.recommender.item_ids, seed=1)
        frames = walk.walked_frames(workshop, begin, 20, 1, NoProgress())
        assert write_batches(frames, tmp_path / "made.parquet") == len(whole)
        assert pl.read_parquet(tmp_path / "made.parquet").equals(whole)

    def test_concepts(self, workshop, monkeypatch):
        histories = encoded_histories(workshop, TEA)
        whole = imagine(workshop, histories, n=3, novelty=0.5, seed=1)
        for module in ("gap", "imagine"):
            monkeypatch.setattr(f"models.concepts.{module}.ENTRIES_PER_BLOCK", 3 * len(workshop.listed_rows_A))
        pieces = imagine(workshop, histories, n=3, novelty=0.5, seed=1)
        assert [each.concept_id for each in pieces.concepts] == [each.concept_id for each in whole.concepts]
        assert [each.demand for each in pieces.concepts] == pytest.approx(
            [each.demand for each in whole.concepts], rel=1e-4
        )


class TestCriticThatLikesNothing:
    def test_leaves_no_concept(self, recommender, monkeypatch):
        source = replace(recommender.ranker.source, critic=lambda inputs: np.zeros(inputs["candidates"].shape[:2]))
        monkeypatch.setattr(recommender, "ranker", replace(recommender.ranker, source=source))
        workshop = Workshop(recommender)
        found = imagine(workshop, encoded_histories(workshop, TEA), n=3, novelty=0.5, seed=1)
        assert (list(found.concepts), found.num_shoppers) == ([], len(TEA))
        assert as_documents(workshop, found, seed=1)["concepts"] == []
        assert render_concepts(workshop, found) == "The segment's wishes hold no concept."


class TestItems:
    def test_the_first_blocks_of_many_are_those_of_fewer(self, workshop, monkeypatch):
        monkeypatch.setattr(items, "ITEMS_PER_BLOCK", 8)
        begin = walk.beginning(workshop)
        many, few = (items.make_items(workshop, begin, num, seed=1) for num in (21, 16))
        assert many["item_id"].n_unique() == len(many) == 21
        assert many[:16].equals(few)

    @pytest.mark.parametrize("empty", [[], [pl.lit(None, pl.String).alias("title")]])
    def test_have_no_title_where_the_catalogue_has_none(self, recommender, workshop, monkeypatch, empty):
        titled = items.make_items(workshop, walk.beginning(workshop), 8, seed=1)
        assert "title" in titled.columns
        frame = recommender.catalogue.attributes.frame.drop("title").with_columns(*empty)
        monkeypatch.setattr(recommender, "catalogue", Catalogue.of(frame))
        made = items.make_items(workshop, walk.beginning(workshop), 8, seed=1)
        assert made.equals(titled.drop("title"))


class TestLengths:
    def test_are_on_average_what_is_expected(self, workshop):
        made = walk.walk(workshop, walk.beginning(workshop), 500, seed=1)
        assert len(made.item_rows_E) / 500 == pytest.approx(walk.mean_length(workshop.habits), rel=0.1)


class TestTimes:
    """Of sessions that go on from a history."""

    def walked(self, recommender, workshop, *seconds):
        history = [HistoryEvent("tea-1", timestamp_seconds=each) for each in seconds]
        begin = walk.beginning(workshop, histories=encoded_histories(workshop, [history]))
        made = walk.walk(workshop, begin, 20, seed=1)
        return made.frame(recommender.item_ids, 1)["timestamp"].to_list()

    def test_are_after_its_last_known_one(self, recommender, workshop):
        made_at = recommender.manifest.created_at
        last = (made_at + timedelta(days=300)).timestamp()
        for history in ((None, last), (last, None), (last - 5, last)):
            assert min(self.walked(recommender, workshop, *history)).timestamp() > last
        earlier = self.walked(recommender, workshop, 1.0, None)
        assert timedelta() < min(earlier) - made_at < timedelta(days=30)

    def test_end_where_no_date_is_later(self, recommender, workshop):
        latest = datetime.max.replace(microsecond=0, tzinfo=UTC)
        assert set(self.walked(recommender, workshop, latest.timestamp())) == {latest}


class TestWhoHadEverything:
    def test_begins_again(self, recommender, workshop):
        everything = [HistoryEvent(item_id) for item_id in recommender.item_ids]
        begin = walk.beginning(workshop, histories=encoded_histories(workshop, [everything]))
        made = walk.walk(workshop, begin, 30, seed=1)
        assert len(np.unique(made.item_rows_E)) > 5
