"""Live changes on a trained bundle: what the shop writes is what answers say."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from models.bundle.read import Bundle, open_bundle
from models.domain.errors import DocumentRefused, ViewRefused
from models.domain.events import HistoryEvent
from models.domain.filter import parse_filter
from models.domain.item_rows import NO_ITEM
from models.domain.layered_rows import layered
from models.domain.recommendation import Recommendation, RecommendationRequest
from models.recommend.live.documents import ItemDocument
from models.recommend.live.draft import Draft
from models.recommend.live.items import LiveItems
from models.recommend.recommender import Recommender
from models.retrieval.faiss_index import build_faiss_index

TEA = [f"tea-{number}" for number in range(20)]
PAINT = [f"paint-{number}" for number in range(20)]
NEW_TEA = {"title": "tea number 77", "category": "tea > kind 1", "brand": "tea house", "price": 6.0}


@pytest.fixture(scope="module")
def bundle(tiny_bundle: Path) -> Bundle:
    return open_bundle(tiny_bundle)


@pytest.fixture(scope="module")
def trained(bundle: Bundle) -> Recommender:
    return Recommender(bundle)


def ask(recommender: Recommender, *item_ids: str, **wishes) -> Recommendation:
    history = [HistoryEvent(item_id) for item_id in item_ids]
    (answer,) = recommender.recommend([RecommendationRequest(history, **wishes)])
    return answer


def ids(answer: Recommendation) -> list[str]:
    return [item.item_id for item in answer.items]


def merge(item_id: str, **fields) -> ItemDocument:
    return ItemDocument(item_id, fields, merges=True)


def feature_of(recommender: Recommender, item_id: str) -> np.ndarray:
    return recommender.items.features_ND[np.array([recommender.row_of[item_id]])][0]


def document_of(recommender: Recommender, item_id: str) -> ItemDocument:
    """The item as the catalogue has it."""
    values = recommender.properties_of([recommender.row_of[item_id]], list(recommender.property_names))[0]
    return ItemDocument(item_id, values)


class TestNewItems:
    def test_are_recommended_to_their_taste(self, trained: Recommender) -> None:
        changed = trained.changed([ItemDocument("tea-77", NEW_TEA)], revision=1)
        changed.verify()
        assert "tea-77" in ids(ask(changed, *TEA[:3], k=30))
        answer = ask(changed, *TEA[:3], k=40)
        place, of_paint = ids(answer).index("tea-77"), [ids(answer).index(item_id) for item_id in PAINT]
        assert place < np.median(of_paint)
        assert changed.num_items == 41
        assert changed.properties_of([changed.row_of["tea-77"]], ["title", "price"]) == [
            {"title": "tea number 77", "price": 6.0}
        ]

    def test_count_in_a_history(self, trained: Recommender) -> None:
        changed = trained.changed([ItemDocument("tea-77", NEW_TEA)], revision=1)
        answer = ask(changed, "tea-77")
        assert (answer.fallback, answer.warnings) == ("none", [])
        assert sum(item_id in TEA for item_id in ids(answer)) >= 8

    def test_leave_the_old_recommender_as_it_was(self, trained: Recommender) -> None:
        before = ask(trained, *TEA[:3], k=40)
        changed = trained.changed([ItemDocument("tea-77", NEW_TEA), merge("tea-3", price=99)], revision=1)
        assert ask(trained, *TEA[:3], k=40) == before
        assert (trained.index_version, changed.index_version) == ("tiny-1", "tiny-1+1")
        assert (before.index_version, ask(changed).index_version) == ("tiny-1", "tiny-1+1")
        assert "tea-77" not in trained.row_of

    def test_have_the_feature_that_content_alone_gives(self, trained: Recommender) -> None:
        """A twin of a trained item differs from it by what training learned of that one."""
        twin = replace(document_of(trained, "tea-4"), item_id="twin")
        changed = trained.changed([twin], revision=1)
        row = np.array([changed.row_of["tea-4"]], np.int32)
        identity = changed.items.origin.encoder.identities(row)[0]
        np.testing.assert_allclose(feature_of(changed, "twin") + identity, feature_of(changed, "tea-4"), atol=2e-3)

    def test_stand_among_the_neighbours_of_what_they_are_like(self, trained: Recommender) -> None:
        changed = trained.changed([replace(document_of(trained, "tea-4"), item_id="twin")], revision=1)
        neighbours, row = changed.ranker.source.neighbours, changed.row_of["twin"]
        own = neighbours.rows_NM[np.array([row])][0]
        named = {changed.item_ids[neighbour] for neighbour in own[own != NO_ITEM]}
        assert "tea-4" in named
        assert row in neighbours.rows_NM[np.array([changed.row_of["tea-4"]])][0]

    def test_one_by_one_and_all_at_once_give_the_same_lists(self, trained: Recommender) -> None:
        documents = [
            ItemDocument(f"new-{number}", {**NEW_TEA, "title": f"tea number {number % 7}", "price": 1.0 + number})
            for number in range(12)
        ]
        together = trained.changed(documents, revision=3)
        apart = trained
        for number in range(0, 12, 5):
            apart = apart.changed(documents[number : number + 5], revision=3)
        for history in ([*TEA[:3]], ["new-3", "tea-5"], []):
            one, other = (ask(recommender, *history, k=50) for recommender in (together, apart))
            assert [item.item_id for item in one.items] == ids(other)
            assert one.index_version == other.index_version

    def test_of_any_number_of_words_and_no_words_at_all(self, trained: Recommender) -> None:
        changed = trained.changed([ItemDocument("bare", {}), ItemDocument("odd", {"title": "🙂" * 300})], revision=1)
        changed.verify()
        assert {"bare", "odd"} <= set(ids(ask(changed, "tea-1", k=50)))


class TestAttributes:
    def test_price_and_stock_are_exact_in_the_next_answer(self, trained: Recommender) -> None:
        first = ids(ask(trained, *TEA[:3]))[0]
        changed = trained.changed([merge(first, in_stock=False), merge("tea-9", price=500)], revision=2)
        assert first not in ids(ask(changed, *TEA[:3], k=40))
        dear = parse_filter({"field": "price", "op": "gt", "value": 400})
        assert ids(ask(changed, *TEA[:3], filter=dear)) == ["tea-9"]
        again = changed.changed([merge(first, in_stock=True)], revision=3)
        assert ids(ask(again, *TEA[:3])) == ids(ask(trained, *TEA[:3]))

    def test_make_no_new_feature(self, trained: Recommender) -> None:
        changed = trained.changed([merge("tea-9", price=500, in_stock=True, colour="red")], revision=2)
        assert changed.ranker is trained.ranker
        red = parse_filter({"field": "colour", "op": "eq", "value": "red"})
        assert ids(ask(changed, *TEA[:3], filter=red)) == ["tea-9"]

    def test_a_refused_document_changes_nothing(self, trained: Recommender) -> None:
        with pytest.raises(DocumentRefused, match="item 'tea-2': 'price' holds finite numbers"):
            trained.changed([merge("tea-1", price=3), merge("tea-2", price="dear")], revision=2)


class TestContent:
    def test_moves_the_feature_and_keeps_what_was_learned(self, trained: Recommender) -> None:
        changed = trained.changed(
            [merge("tea-4", title="paint number 4", category="paint > kind 1", brand="paint house")], revision=2
        )
        encoder, row = changed.items.origin.encoder, np.array([changed.row_of["tea-4"]], np.int32)
        frame = changed.catalogue.attributes.frame[row]
        text = encoder.embed(encoder.texts(frame)).astype(np.float16)
        expected = encoder.encode(frame, text).features_CD[0] + encoder.identities(row)[0]
        np.testing.assert_allclose(feature_of(changed, "tea-4"), expected, atol=1e-5)
        assert not np.allclose(feature_of(changed, "tea-4"), feature_of(trained, "tea-4"), atol=1e-2)

    def test_facts_keep_the_numbers_of_the_bundle(self, trained: Recommender) -> None:
        changed = trained.changed(
            [
                merge("tea-4", brand="paint house"),
                ItemDocument("x", {"brand": "new house"}),
                merge("tea-5", brand=None),
            ],
            revision=2,
        )
        brand, row_of = changed.items.facts.brand_N, changed.row_of
        assert brand[row_of["tea-4"]] == brand[row_of["paint-1"]]
        assert brand[row_of["x"]] not in trained.items.facts.brand_N
        assert brand[row_of["tea-5"]] == -1
        path = changed.items.facts.category_NP
        assert (path[row_of["x"]] == -1).all()
        assert (path[: len(TEA) * 2] == trained.items.facts.category_NP).all()

    def test_as_it_was_is_as_it_was(self, trained: Recommender) -> None:
        there = trained.changed([merge("tea-4", title="something else entirely")], revision=1)
        back = there.changed([document_of(trained, "tea-4")], revision=2)
        np.testing.assert_array_equal(feature_of(back, "tea-4"), feature_of(trained, "tea-4"))
        assert ids(ask(back, *TEA[:3], k=39)) == ids(ask(trained, *TEA[:3], k=39))

    def test_only_new_texts_are_embedded(self, trained: Recommender) -> None:
        documents = [merge("tea-4", brand="other"), merge("tea-5", title="new words"), ItemDocument("x", NEW_TEA)]
        assert Draft.of(trained.items, documents, revision=1).texts_to_embed == ["new words", "tea number 77"]
        asked: list[str] = []

        def embed(texts):
            asked.extend(texts)
            return trained.items.origin.encoder.embed(texts)

        changed = trained.changed(documents, revision=1, embed=embed)
        assert asked == ["new words", "tea number 77"]
        changed.changed([merge("x", price=7), merge("x", in_stock=True)], revision=2, embed=embed)
        assert len(asked) == 2


class TestDeletedItems:
    def test_are_gone_from_every_list_and_still_read_in_histories(self, trained: Recommender) -> None:
        changed = trained.changed([ItemDocument("tea-1", {}, is_deleted=True)], revision=2)
        changed.verify()
        for history in ([], ["tea-1"], ["tea-2", "tea-3"], ["paint-1"]):
            for wishes in ({}, {"include_out_of_stock": True}, {"search_profile": "exact"}, {"exclude_seen": False}):
                assert "tea-1" not in ids(ask(changed, *history, k=50, **wishes))
        assert changed.num_items == 39
        assert ids(ask(changed, "tea-1")) != ids(ask(changed))
        assert ask(changed, "tea-1").warnings == []

    def test_come_back_as_they_were_or_as_they_are_now(self, trained: Recommender) -> None:
        gone = trained.changed([ItemDocument("tea-1", {}, is_deleted=True)], revision=2)
        back = gone.changed([merge("tea-1", price=3.0)], revision=3)
        plain = trained.changed([merge("tea-1", price=3.0)], revision=3)
        assert ids(ask(back, "tea-2", k=39)) == ids(ask(plain, "tea-2", k=39))
        other = gone.changed([ItemDocument("tea-1", {"title": "tea"})], revision=4)
        assert other.properties_of([other.row_of["tea-1"]], ["brand"]) == [{"brand": None}]

    def test_unknown_ones_are_no_error(self, trained: Recommender) -> None:
        changed = trained.changed([ItemDocument("never", {}, is_deleted=True)], revision=2)
        assert "never" not in changed.row_of

    def test_new_ones_too(self, trained: Recommender) -> None:
        there = trained.changed([ItemDocument("tea-77", NEW_TEA)], revision=1)
        gone = there.changed([ItemDocument("tea-77", {}, is_deleted=True)], revision=2)
        gone.verify()
        assert ids(ask(gone, *TEA[:3], k=40)) == ids(ask(trained, *TEA[:3], k=40))


def rebuilt(recommender: Recommender) -> Recommender:
    """One index and one array over everything that is left, as if it had been sealed so."""
    items, bundle = recommender.items, recommender.items.origin.bundle
    left = np.flatnonzero(~items.catalogue.attributes.is_deleted_N)
    place_of = np.full(len(items.catalogue.item_ids) + 1, NO_ITEM, np.int32)
    place_of[left] = np.arange(len(left))
    neighbours = items.neighbours
    rows, voices = layered(neighbours.rows_NM)[left], layered(neighbours.voices_NMV)[left]
    rows = place_of[rows]
    voices = np.where((rows == NO_ITEM)[..., None], np.float32(0), voices)
    features = np.ascontiguousarray(layered(items.features_ND)[left])
    facts = items.facts
    return Recommender(
        replace(
            bundle,
            manifest=bundle.manifest.model_copy(update={"num_items": len(left)}),
            item_features_ND=features,
            text_features_NE=layered(items.text_NE)[left],
            tag_rows_NT=layered(items.tag_rows_NT)[left],
            popularity_N=facts.events_N[left],
            neighbours=replace(neighbours, rows_NM=rows, voices_NMV=voices, is_gone_N=None),
            item_facts=type(facts)(*(getattr(facts, name)[left] for name in facts.__dataclass_fields__)),
            index=build_faiss_index(features),
            catalogue=items.catalogue.attributes.frame[left],
        )
    )


WORDS = st.sampled_from(["tea number 3", "paint number 5", "green tea", "", "a thing", None])
FIELDS = st.fixed_dictionaries(
    {},
    optional={
        "title": WORDS,
        "category": st.sampled_from(["tea > kind 1", "paint > kind 9", "tools", None]),
        "brand": st.sampled_from(["tea house", "other", None]),
        "price": st.sampled_from([1.0, 4, 30, None]),
        "in_stock": st.booleans(),
        "colour": st.sampled_from(["red", None]),
    },
)
DOCUMENTS = st.lists(
    st.builds(
        ItemDocument,
        st.sampled_from(["tea-1", "tea-2", "paint-3", "new-1", "new-2", "new-3"]),
        FIELDS,
        st.booleans(),
        st.sampled_from([False, False, False, True]),
    ),
    max_size=10,
)
SLOW = settings(max_examples=25, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])


class TestAnySequenceOfChanges:
    @SLOW
    @given(DOCUMENTS, st.data())
    def test_the_state_does_not_depend_on_how_it_was_reached(self, trained: Recommender, documents, data) -> None:
        together = trained.changed(documents, revision=9)
        apart, rest = trained, list(documents)
        while rest:
            size = data.draw(st.integers(1, len(rest)))
            apart, rest = apart.changed(rest[:size], revision=9), rest[size:]
        together.verify()
        apart.verify()
        for history in (["tea-1", "new-1", "tea-7"], ["new-2"], []):
            one, other = (ask(each, *history, k=60, include_out_of_stock=True) for each in (together, apart))
            score_of = {item.item_id: item.score for item in one.items}
            assert score_of == pytest.approx({item.item_id: item.score for item in other.items}, abs=1e-4)

    @SLOW
    @given(DOCUMENTS)
    def test_answers_are_those_of_one_index_over_everything(self, trained: Recommender, documents) -> None:
        changed = trained.changed(documents, revision=9)
        whole = rebuilt(changed)
        for history in (["tea-5", "paint-7", "tea-7"], ["tea-9"], []):
            for profile in ("balanced", "fast", "exact"):
                one, other = (ask(each, *history, k=60, search_profile=profile) for each in (changed, whole))
                assert {item.item_id: item.score for item in one.items} == pytest.approx(
                    {item.item_id: item.score for item in other.items}, abs=1e-4
                )


class TestVerify:
    def test_refuses_an_index_that_does_not_find_what_is_there(self, trained: Recommender) -> None:
        changed = trained.changed([ItemDocument("tea-77", NEW_TEA)], revision=1)
        source = changed.ranker.source
        for broken, reason in (
            (replace(source, index=trained.ranker.source.index), "the index finds 40 items, 41 are left"),
            (
                replace(source, index=build_faiss_index(np.ones((41, source.index.base.size), np.float32))),
                "nearest items",
            ),
        ):
            changed.ranker = replace(changed.ranker, source=broken)
            with pytest.raises(ViewRefused, match=rf"index tiny-1\+1: .*{reason}"):
                changed.verify()

    def test_refuses_counts_that_disagree(self, trained: Recommender) -> None:
        changed = trained.changed([ItemDocument("tea-77", NEW_TEA)], revision=1)
        changed.items = replace(changed.items, facts=trained.items.facts)
        with pytest.raises(ViewRefused, match="40 facts for 41 items"):
            changed.verify()

    def test_lets_a_bundle_as_it_was_pass(self, trained: Recommender) -> None:
        trained.verify()
        assert LiveItems.of(trained.items.origin.bundle).index_version == "tiny-1"
