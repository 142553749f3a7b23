"""Against a Milvus behind a port, as a cluster is (`tests/milvus.py` says which)."""

import time

import numpy as np
import pytest
from pymilvus import MilvusClient

from models.domain.errors import IndexUnavailable
from models.domain.item_rows import NO_ITEM
from models.domain.layered_rows import LayeredRows
from models.retrieval.exact import ExactIndex
from models.retrieval.faiss_index import build_faiss_index
from models.retrieval.layered import LayeredIndex
from models.retrieval.milvus import ROWS_PER_WRITE, MilvusServer
from tests.milvus import OwnMilvus

NUM_ITEMS = 2000
SECONDS = 60
RNG = np.random.default_rng(0)
BUNCHES = RNG.normal(size=(20, 16))


def shop_like(count):
    return (BUNCHES[RNG.integers(20, size=count)] + RNG.normal(size=(count, 16))).astype(np.float32)


FEATURES = shop_like(NUM_ITEMS)
QUERIES = shop_like(32)


@pytest.fixture(scope="module")
def milvus(tmp_path_factory):
    own = OwnMilvus(tmp_path_factory.mktemp("milvus"))
    own.start()
    yield own
    own.kill()


@pytest.fixture(scope="module")
def index(milvus):
    return MilvusServer(milvus.url).index_of("figment_items", FEATURES)


def recall(found, true):
    hits = sum(len(np.intersect1d(a[a != NO_ITEM], b)) for a, b in zip(found, true, strict=True))
    return hits / max(1, (true != NO_ITEM).sum())


def found_in_time(index, queries, k):
    """Nearest rows; a server that was started again may take a while to have its collections in memory."""
    give_up = time.monotonic() + SECONDS
    while True:
        try:
            return index.search(queries, k)[0]
        except IndexUnavailable:
            assert time.monotonic() < give_up


class TestMilvusIndex:
    def test_finds_what_faiss_finds(self, index):
        rows, scores = index.search(QUERIES, 100)
        true, true_scores = build_faiss_index(FEATURES).search(QUERIES, 100)
        assert index.num_items == NUM_ITEMS
        assert recall(rows, true) >= 0.9
        np.testing.assert_allclose(scores[:, :5], true_scores[:, :5], atol=1e-3)
        assert (np.diff(scores, axis=1) <= 1e-6).all()
        assert (rows.dtype, scores.dtype) == (np.dtype(np.int32), np.dtype(np.float32))

    @pytest.mark.parametrize("share", [0.9, 0.5, 0.1, 0.01, 0.001])
    def test_a_filter_is_applied_before_the_search(self, index, share):
        allowed = RNG.random(NUM_ITEMS) < share
        rows, _ = index.search(QUERIES, 20, allowed)
        true, _ = ExactIndex(FEATURES).search(QUERIES, 20, allowed)
        assert allowed[rows[rows != NO_ITEM]].all()
        assert ((rows != NO_ITEM).sum(axis=1) == min(20, allowed.sum())).all()
        assert recall(rows, true) >= 0.9

    def test_nothing_allowed_finds_nothing(self, index):
        rows, scores = index.search(QUERIES, 3, np.zeros(NUM_ITEMS, np.bool_))
        assert (rows == NO_ITEM).all()
        assert np.isneginf(scores).all()

    def test_pads_where_there_are_fewer_items_than_asked(self, index):
        rows, scores = index.search(QUERIES[:1], NUM_ITEMS + 5)
        assert (rows[0, -5:] == NO_ITEM).all()
        assert np.isneginf(scores[0, -5:]).all()

    def test_no_query_no_answer(self, index):
        assert index.search(QUERIES[:0], 3)[0].shape == (0, 3)

    def test_what_was_written_since_is_found_beside_it(self, index):
        rows = np.array([7, NUM_ITEMS], np.int32)
        features = LayeredRows.over(FEATURES).changed(rows, np.stack([9 * QUERIES[0], 8 * QUERIES[0]]), NUM_ITEMS + 1)
        is_gone = np.zeros(NUM_ITEMS + 1, np.bool_)
        gone = int(index.search(QUERIES[:1], 1)[0][0, 0])
        is_gone[gone] = True
        found, _ = LayeredIndex(index, features, is_gone).search(QUERIES[:1], 50)
        true, _ = ExactIndex(features).search(QUERIES[:1], 50, ~is_gone)
        assert found[0, :2].tolist() == [7, NUM_ITEMS]
        assert gone not in found
        assert recall(found, true) >= 0.9


class TestMilvusServer:
    def test_a_full_collection_is_taken_as_it_is(self, milvus, index, monkeypatch):
        def refuse(*_, **__):
            raise AssertionError

        monkeypatch.setattr(MilvusClient, "upsert", refuse)
        again = MilvusServer(milvus.url).index_of("figment_items", FEATURES)
        assert again.num_items == index.num_items == NUM_ITEMS
        np.testing.assert_array_equal(again.search(QUERIES, 5)[0], index.search(QUERIES, 5)[0])

    def test_a_half_filled_one_is_filled(self, milvus):
        server = MilvusServer(milvus.url)
        server.index_of("figment_half", FEATURES[:700])
        whole = server.index_of("figment_half", FEATURES[:1500])
        assert recall(whole.search(QUERIES, 10)[0], ExactIndex(FEATURES[:1500]).search(QUERIES, 10)[0]) >= 0.9

    def test_more_than_one_write_which_it_tells_of(self, milvus, monkeypatch):
        many = np.random.default_rng(1).normal(size=(ROWS_PER_WRITE + 1, 2)).astype(np.float32)
        told = []
        monkeypatch.setattr("models.retrieval.milvus.TELL_SECONDS", 0.0)
        server = MilvusServer(milvus.url, lambda task, so_far: told.append((task, so_far)))
        index = server.index_of("figment_many", many)
        assert index.search(many[-1:] * 100, 1)[1][0, 0] > 0
        assert index.num_items == ROWS_PER_WRITE + 1
        written = [so_far for task, so_far in told if task == "writing items to Milvus"]
        assert [each["written"] for each in written] == [0, ROWS_PER_WRITE]
        assert written[0]["of"] == ROWS_PER_WRITE + 1

    def test_a_collection_of_other_items_is_refused(self, milvus):
        server = MilvusServer(milvus.url)
        server.index_of("figment_other", FEATURES[:50])
        with pytest.raises(IndexUnavailable, match="figment_other has 50 items instead of 40"):
            server.index_of("figment_other", FEATURES[:40])

    def test_away_is_told_without_the_password(self):
        server = MilvusServer("http://reader:secret@127.0.0.1:9")
        with pytest.raises(IndexUnavailable, match=r"the index at 127\.0\.0\.1:9 cannot be used now") as told:
            server.check()
        assert "secret" not in str(told.value)

    def test_a_collection_that_is_not_there_is_told(self, milvus):
        MilvusServer(milvus.url).check()
        with pytest.raises(IndexUnavailable, match="figment_nowhere"):
            MilvusServer(milvus.url).check("figment_nowhere")

    def test_a_folder_that_is_not_there_is_told(self, tmp_path):
        with pytest.raises(IndexUnavailable, match="not exist"):
            MilvusServer(str(tmp_path / "nowhere" / "index.db")).check()


class TestLoss:
    def test_finds_again_what_it_found_before_once_the_server_is_back(self, milvus):
        index = MilvusServer(milvus.url).index_of("figment_lost", FEATURES)
        before, _ = index.search(QUERIES, 10)
        milvus.kill()
        began = time.monotonic()
        with pytest.raises(IndexUnavailable):
            index.search(QUERIES, 10)
        assert time.monotonic() - began < 20
        milvus.start()
        np.testing.assert_array_equal(found_in_time(index, QUERIES, 10), before)

    def test_a_server_that_hangs_keeps_nobody_waiting(self, milvus):
        server = MilvusServer(milvus.url)
        index = server.index_of("figment_hanging", FEATURES[:50])
        with milvus.hanging():
            began = time.monotonic()
            with pytest.raises(IndexUnavailable, match="no answer in time"):
                server.check("figment_hanging")
            assert time.monotonic() - began < 2
            with pytest.raises(IndexUnavailable):
                index.search(QUERIES, 10)
            assert time.monotonic() - began < 5
