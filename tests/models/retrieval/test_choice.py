from dataclasses import replace

import numpy as np
import pytest

from models.retrieval.choice import FEW_ITEMS, MARGIN, MIN_RECALL, IndexFigures, choose_index, is_better
from models.retrieval.exact import ExactIndex
from models.retrieval.faiss_index import FaissIndex

EXACT = IndexFigures(
    kind="exact",
    num_items=100_000,
    recall=1.0,
    p50_microseconds=1000.0,
    p95_microseconds=1500.0,
    build_seconds=0.1,
    megabytes=25.6,
)


def shop_like(num_items, size=32):
    """Items in many bunches, as a shop's are."""
    rng = np.random.default_rng(0)
    bunches = rng.normal(size=(300, size))
    return (bunches[rng.integers(300, size=num_items)] + 0.4 * rng.normal(size=(num_items, size))).astype(np.float32)


class TestIsBetter:
    """The rule, on figures whose right answer is plain."""

    @pytest.mark.parametrize(
        ("changed", "expected"),
        [
            ({"recall": MIN_RECALL, "p50_microseconds": 200.0, "p95_microseconds": 300.0}, True),
            ({"recall": MIN_RECALL - 0.001, "p50_microseconds": 20.0, "p95_microseconds": 30.0}, False),
            ({"p50_microseconds": 1000 * MARGIN + 1}, False),
            ({"p50_microseconds": 200.0, "p95_microseconds": 1501.0}, False),
        ],
    )
    def test_finds_enough_and_is_clearly_faster_than_exact(self, changed, expected):
        assert is_better(replace(EXACT, **changed), EXACT, EXACT) is expected

    def test_the_fastest_of_those_that_find_enough(self):
        fast = replace(EXACT, recall=0.96, p50_microseconds=200.0, p95_microseconds=300.0)
        faster = replace(fast, p50_microseconds=150.0)
        assert is_better(faster, fast, EXACT)
        assert not is_better(fast, faster, EXACT)


class TestChooseIndex:
    def test_few_items_are_searched_exactly(self):
        items = shop_like(1000)
        chosen = choose_index(items)
        assert (chosen.figures.kind, chosen.figures.recall, len(chosen.measured)) == ("exact", 1.0, 1)
        rows, _ = chosen.index.search(items[:20], 10)
        np.testing.assert_array_equal(rows, ExactIndex(items).search(items[:20], 10)[0])

    def test_what_serves_finds_enough_of_items_it_was_not_measured_with_and_is_saved_so(self, tmp_path):
        items = shop_like(FEW_ITEMS + 1)
        chosen = choose_index(items)
        assert [each.kind for each in chosen.measured] == ["exact", "exact, half precision", "inverted lists"]
        queries = shop_like(FEW_ITEMS + 101)[-100:]
        true, _ = ExactIndex(items).search(queries, 100)
        chosen.index.save(tmp_path / "index.faiss")
        found, scores = FaissIndex.load(tmp_path / "index.faiss").search(queries, 100)
        recall = np.mean([len(np.intersect1d(a, b)) / 100 for a, b in zip(found, true, strict=True)])
        assert recall >= MIN_RECALL - 0.03
        np.testing.assert_allclose(scores[:, 0], (queries * items[found[:, 0]]).sum(axis=1), rtol=1e-2)

    def test_all_that_was_measured_is_kept(self):
        chosen = choose_index(shop_like(2000), few_items=1000)
        told = chosen.as_dict()
        assert told["kind"] == chosen.figures.kind
        kinds = {told["kind"], *(other["kind"] for other in told["others"])}
        assert kinds == {"exact", "exact, half precision", "inverted lists"}
        assert all(each.recall > 0.9 and each.p50_microseconds <= each.p95_microseconds for each in chosen.measured)
        # half of the memory, and a row number of 8 bytes in the lists
        assert [each.megabytes for each in chosen.measured] == [0.3, 0.1, 0.1]
