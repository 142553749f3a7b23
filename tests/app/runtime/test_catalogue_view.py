import gc
import weakref
from dataclasses import replace
from datetime import UTC, datetime

import numpy as np
import pytest

from app.runtime.catalogue_view import CatalogueView
from app.store.item_rows import Item
from models.bundle.read import open_bundle
from models.domain.events import HistoryEvent
from models.domain.recommendation import RecommendationRequest, SearchRequest, SimilarRequest
from models.recommend.recommender import Recommender

NOW = datetime(2026, 11, 24, 3, tzinfo=UTC)
SOURCE = "tiny-1@digest"
OLD_TEA = {"title": "tea number 5", "category": "tea > kind 2", "brand": "tea house", "price": 6.0}
NEW_TEA = {"title": "tea number 77", "category": "tea > kind 1", "brand": "tea house", "price": 6.0}


@pytest.fixture(scope="module")
def trained(tiny_bundle):
    return CatalogueView.of(Recommender(open_bundle(tiny_bundle)), SOURCE)


def item(item_id, fields, revision, content_revision=None, *, seeded_from=None, offer_written=True):
    content_revision = revision if content_revision is None else content_revision
    return Item(item_id, fields, revision, content_revision, False, seeded_from, offer_written, NOW)


def gone(item_id, revision, *, seeded_from=None):
    return Item(item_id, {}, revision, revision, True, seeded_from, False, NOW)


def embed(texts):
    """Any will do where the text does not matter."""
    return np.ones((len(texts), 384), np.float32) / np.sqrt(np.float32(384))


def told(view, item_id, name):
    return view.model.properties_of([view.model.row_of[item_id]], [name])[0][name]


class TestAfter:
    def test_what_needs_no_feature_is_in_it_and_the_rest_waits(self, trained):
        changed = {**OLD_TEA, "price": 9.5, "shelf": "left", "title": "oolong"}
        view = trained.after([item("tea-5", changed, 7), item("tea-77", NEW_TEA, 8), gone("tea-6", 9)], 9)
        assert (told(view, "tea-5", "price"), told(view, "tea-5", "shelf")) == (9.5, "left")
        assert told(view, "tea-5", "title") == "tea number 5"
        assert list(view.waiting) == ["tea-5", "tea-77"]
        assert (view.revision, view.content_revision, view.model.num_items) == (9, 6, 39)
        assert view.model.index_version == "tiny-1+9.6"
        assert trained.model.num_items == 40

    def test_what_the_bundle_says_itself_changes_nothing(self, trained):
        view = trained.after([item("tea-5", OLD_TEA, 7, seeded_from=SOURCE, offer_written=False)], 7)
        assert not view.waiting
        assert view.changed_at == trained.changed_at

    def test_another_bundle_s_content_comes_with_that_bundle(self, trained):
        laid = {**OLD_TEA, "title": "oolong", "price": 1.5}
        others = [
            item("tea-5", laid, 7, seeded_from="other@digest"),
            item("new", NEW_TEA, 8, seeded_from="other@digest"),
        ]
        view = trained.after(others, 8)
        assert not view.waiting
        assert (told(view, "tea-5", "title"), told(view, "tea-5", "price")) == ("tea number 5", 1.5)

    def test_what_another_bundle_does_not_know_goes_with_that_bundle(self, trained):
        """Its catalogue is laid while this one still answers."""
        offer = {"price": 1.5, "in_stock": False}
        taken_away = [
            gone("tea-5", 7, seeded_from="other@digest"),
            replace(gone("tea-6", 8, seeded_from="other@digest"), fields=offer, offer_written=True),
            gone("tea-7", 9),
        ]
        view = trained.after(taken_away, 9)
        assert view.model.num_items == 39
        assert told(view, "tea-5", "price") == 6.0
        assert (told(view, "tea-6", "price"), told(view, "tea-6", "in_stock")) == (1.5, False)

    def test_content_that_is_taken_back_waits_no_more(self, trained):
        view = trained.after([item("tea-5", {**OLD_TEA, "title": "oolong"}, 7)], 7)
        assert list(view.waiting) == ["tea-5"]
        assert not view.after([item("tea-5", OLD_TEA, 8)], 8).waiting

    def test_a_new_item_that_is_deleted_waits_no_more(self, trained):
        view = trained.after([item("tea-77", NEW_TEA, 7)], 7).after([gone("tea-77", 8)], 8)
        assert not view.waiting
        assert view.content_revision == 8

    def test_new_fields_hold_what_the_first_item_says(self, trained):
        view = trained.after([item("tea-77", {**NEW_TEA, "grams": 250}, 7)], 7)
        assert view.field_check().kinds["grams"] == "number"

    def test_a_replaced_view_goes_without_a_search_for_garbage(self, trained):
        """Else each change would leave the catalogue before it in memory, as the service hardly ever makes one."""
        gc.disable()
        try:
            view = trained.after([item("tea-77", NEW_TEA, 7)], 7)
            view = view.begin(list(view.waiting.values())).finished(embed)
            request = RecommendationRequest([HistoryEvent("tea-77"), HistoryEvent("tea-5")], num_samples=2)
            view.model.recommend([request, replace(request, search_profile="exact"), RecommendationRequest(())])
            view.model.explain(request, full=True)
            view.model.search(SearchRequest(request, "tea"))
            view.model.similar(SimilarRequest("tea-77"))
            model = view.model
            held = [model, model.items, model.catalogue, model.catalogue.attributes, model._texts, model._similar]
            replaced = [weakref.ref(each) for each in held]
            view = view.after([gone("tea-6", 8)], 8)
            del model, held
            assert [each() for each in replaced] == [None] * len(replaced)
        finally:
            gc.enable()


class TestContentDraft:
    def test_nothing_waits_and_no_value_is_left_out(self, trained, capsys):
        view = trained.after([item("tea-77", {**NEW_TEA, "grams": 250}, 7), item("tea-5", NEW_TEA, 8)], 8)
        assert (
            view.begin(list(view.waiting.values())).draft.texts_to_embed
            == [view.sentence_of(item("tea-77", NEW_TEA, 7))] * 2
        )
        built = view.begin(list(view.waiting.values())).finished(embed)
        built.model.verify()
        assert not built.waiting
        assert (built.model.index_version, built.model.num_items) == ("tiny-1+8", 41)
        assert (told(built, "tea-77", "grams"), told(built, "tea-5", "title")) == (250, "tea number 77")
        assert "left out" not in capsys.readouterr().out

    def test_a_value_that_came_with_two_kinds_is_left_out_and_told(self, trained, capsys):
        view = trained.after([item("tea-77", {**NEW_TEA, "grams": 250}, 7), item("b", {**NEW_TEA, "grams": "x"}, 8)], 8)
        built = view.begin(list(view.waiting.values())).finished(embed)
        assert (told(built, "tea-77", "grams"), told(built, "b", "grams")) == (250, None)
        assert "a value is left out" in capsys.readouterr().out

    def test_in_pieces_it_is_the_same(self, trained):
        items = [item(f"tea-{number}", {**NEW_TEA, "title": f"tea {number}"}, number) for number in range(70, 76)]
        view = trained.after(items, 75)
        at_once, piecewise = view.begin(items).finished(embed), view
        for one in items:
            piecewise = piecewise.begin([one]).finished(embed)
        assert piecewise.model.index_version == at_once.model.index_version
        np.testing.assert_allclose(
            *(each.model.items.features_ND[np.arange(40, 46)] for each in (at_once, piecewise)), atol=1e-5
        )
