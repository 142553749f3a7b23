"""A change of items that has begun: attributes are in it, features and neighbours of what came are still to come."""

# N items, C items whose content changes, D features, E text embedding, T tags

from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import cached_property, partial

import numpy as np
import polars as pl
from numpy.typing import NDArray

from models.domain.layered_rows import layered
from models.features.content import EmbedsText
from models.recommend.attributes import AttributeTable
from models.recommend.catalogue import Catalogue
from models.recommend.live.columns import differ, with_changes
from models.recommend.live.content import EncodedItems
from models.recommend.live.documents import ItemDocument
from models.recommend.live.facts import facts_after
from models.recommend.live.items import LiveItems
from models.recommend.live.linked import nearest_of_bundle
from models.recommend.live.new_neighbours import FindsNearest
from models.recommend.live.one_each import one_each
from models.recommend.search.text import OwnTexts


@dataclass(eq=False)
class Draft:
    """Steps in their order: embed `texts_to_embed`, find what `to_link` is most alike, `finished`."""

    before: LiveItems
    after: LiveItems
    """With the new attributes, and the rest as it was."""
    rows_C: NDArray[np.int32]
    """New items, and those whose content changes."""
    _encoded_items: EncodedItems | None = None

    @classmethod
    def of(
        cls,
        before: LiveItems,
        documents: Sequence[ItemDocument],
        *,
        revision: int,
        content_revision: int | None = None,
    ) -> "Draft":
        """What these documents change, in their order; the revisions name the new state, one where they are equal.

        The state follows from the bundle and the documents, however they were grouped. Where no feature is made of what
        they change (prices, stock), nothing is left to embed or to link. Raises DocumentRefused.
        """
        after, rows_C = _with_attributes(before, documents)
        content_revision = revision if content_revision is None else content_revision
        return cls(before, replace(after, revision=revision, content_revision=content_revision), rows_C)

    @property
    def item_ids(self) -> Sequence[str]:
        """Of the items whose content changes or comes."""
        return [self.after.catalogue.item_ids[row] for row in self.rows_C]

    @cached_property
    def texts_to_embed(self) -> Sequence[str]:
        """What `finished` asks of its `embed`, in this order: the slow part, which may be done in pieces."""
        return [text for text, old in zip(self._texts.now, self._texts.before, strict=True) if text != old]

    def to_link(self, embed: EmbedsText) -> tuple[NDArray[np.float16], NDArray[np.int32]]:
        """Texts [B, E] and tags [B, T] that `finished` compares with the whole bundle: the other slow part."""
        if not len(self.rows_C):
            return self.before.text_NE[self.rows_C], self.before.tag_rows_NT[self.rows_C]
        encoded = self._encoded(embed)
        linked_C = self._is_linked(encoded)
        return encoded.text_CE[linked_C], encoded.tag_rows_CT[linked_C]

    def finished(self, embed: EmbedsText | None = None, nearest_of: FindsNearest | None = None) -> LiveItems:
        """The items after the change, with features, facts and neighbours of those whose content it changed.

        `embed` may know `texts_to_embed` already, `nearest_of` what `to_link` is most alike; the bundle does else.
        """
        if not len(self.rows_C):
            return self.after
        before, after, rows_C = self.before, self.after, self.rows_C
        origin, frame = before.origin, after.catalogue.attributes.frame
        frame_C, num_rows = frame[rows_C], len(after.catalogue.item_ids)
        encoded = self._encoded(embed or origin.encoder.embed)
        is_own_C, features_CD = self._features(encoded)
        is_own_N = np.concatenate([before.is_own_N, np.zeros(num_rows - len(before.is_own_N), np.bool_)])
        is_own_N[rows_C] = is_own_C
        brands, categories = (_values(frame_C, name) for name in ("brand", "category"))
        numbers = (before.numbers or origin.numbers).with_names(brands, categories)
        text_NE = layered(before.text_NE).changed(rows_C, encoded.text_CE, num_rows)
        tag_rows_NT = layered(before.tag_rows_NT).changed(rows_C, encoded.tag_rows_CT, num_rows)
        return replace(
            after,
            features_ND=layered(before.features_ND).changed(rows_C, features_CD, num_rows),
            text_NE=text_NE,
            tag_rows_NT=tag_rows_NT,
            is_own_N=is_own_N,
            facts=facts_after(before.facts, numbers, rows_C, brands, categories, num_rows),
            numbers=numbers,
            own_texts=OwnTexts(origin.texts, frame, is_own_N),
            critic_terms=before.critic_terms and before.critic_terms.changed(rows_C, features_CD, num_rows),
            linked=before.linked.with_new(
                origin.bundle.neighbours,
                origin.likeness,
                rows_C[self._is_linked(encoded)],
                text_NE,
                tag_rows_NT,
                nearest_of or partial(nearest_of_bundle, origin.likeness, origin.bundle.neighbours),
            ),
        )

    @cached_property
    def _texts(self) -> "_Texts":
        before, rows_C = self.before, self.rows_C
        texts = before.origin.encoder.texts
        is_known_C = rows_C < len(before.is_own_N)
        old: list[str | None] = [None] * len(rows_C)
        known_CE = np.zeros((len(rows_C), before.text_NE.shape[1]), np.float16)
        known = rows_C[is_known_C]
        if len(known):
            known_CE[is_known_C] = before.text_NE[known]
            for place, text in zip(
                np.flatnonzero(is_known_C), texts(before.catalogue.attributes.frame[known]), strict=True
            ):
                old[place] = text
        return _Texts(texts(self.after.catalogue.attributes.frame[rows_C]), old, known_CE)

    def _encoded(self, embed: EmbedsText) -> EncodedItems:
        """Made once: what embeds a text is the bundle's encoder, whoever runs it."""
        if self._encoded_items is None:
            encoder, texts = self.before.origin.encoder, self._texts
            text_CE = encoder.embedded(texts.now, texts.before, texts.known_CE, embed)
            self._encoded_items = encoder.encode(self.after.catalogue.attributes.frame[self.rows_C], text_CE)
        return self._encoded_items

    def _features(self, encoded: EncodedItems) -> tuple[NDArray[np.bool_], NDArray[np.float32]]:
        """Which features [C, D] are made here and not by training, and all of them."""
        origin, rows_C = self.before.origin, self.rows_C
        is_trained_C = rows_C < origin.num_items
        features_CD = encoded.features_CD.copy()
        features_CD[is_trained_C] += origin.encoder.identities(rows_C[is_trained_C])
        is_own_C = np.ones(len(rows_C), np.bool_)
        is_own_C[is_trained_C] = differ(
            origin.bundle.catalogue,
            self.after.catalogue.attributes.frame,
            rows_C[is_trained_C],
            origin.content_columns,
        )
        features_CD[~is_own_C] = origin.bundle.item_features_ND[rows_C[~is_own_C]]
        return is_own_C, features_CD

    def _is_linked(self, encoded: EncodedItems) -> NDArray[np.bool_]:
        """True for new items whose text or tags are not what they were: a new price makes nothing alike."""
        before, rows_C = self.before, self.rows_C
        is_known_C = rows_C < len(before.is_own_N)
        known, changes_C = rows_C[is_known_C], ~is_known_C
        changes_C[is_known_C] = (before.text_NE[known] != encoded.text_CE[is_known_C]).any(axis=1) | (
            before.tag_rows_NT[known] != encoded.tag_rows_CT[is_known_C]
        ).any(axis=1)
        return changes_C & (rows_C >= before.origin.num_items)


@dataclass(frozen=True, slots=True)
class _Texts:
    """The sentences of some items."""

    now: Sequence[str]
    before: Sequence[str | None]
    """None for an item that was not there."""
    known_CE: NDArray[np.float16]
    """Embeddings of the texts before."""


def _values(frame: pl.DataFrame, name: str) -> list[str | None]:
    return frame[name].to_list() if name in frame.columns else [None] * len(frame)


def _with_attributes(items: LiveItems, documents: Sequence[ItemDocument]) -> tuple[LiveItems, NDArray[np.int32]]:
    """With the documents' attributes, and the rows whose content they change or bring."""
    documents = one_each(documents, items.catalogue.row_of)
    item_ids, row_of = items.catalogue.item_ids, items.catalogue.row_of
    new_ids = [document.item_id for document in documents if document.item_id not in row_of]
    if new_ids:
        row_of = {**row_of, **{item_id: len(item_ids) + number for number, item_id in enumerate(new_ids)}}
        item_ids = [*item_ids, *new_ids]
    rows = np.array([row_of[document.item_id] for document in documents], np.int32)
    before = items.catalogue.attributes
    frame, written = with_changes(before.frame, documents, rows.tolist(), new_ids)
    is_deleted_N = np.concatenate([before.is_deleted_N, np.zeros(len(new_ids), np.bool_)])
    is_deleted_N[rows] = np.fromiter((document.is_deleted for document in documents), np.bool_, len(documents))
    catalogue = Catalogue(item_ids, row_of, AttributeTable(frame, is_deleted_N))
    return replace(items, catalogue=catalogue), _content_rows(items, frame, rows, written)


def _content_rows(
    items: LiveItems, frame: pl.DataFrame, rows: NDArray[np.int32], written: set[str]
) -> NDArray[np.int32]:
    """New items, and those whose content these rows change."""
    before, known = items.catalogue.attributes.frame, rows[rows < len(items.is_own_N)]
    changes_C = differ(before, frame, known, items.origin.content_columns & written)
    if "price" in written and items.is_own_N[known].any():
        # content again, where the feature is not the one that training made with its price
        changes_C |= items.is_own_N[known] & differ(before, frame, known, {"price"})
    return np.concatenate([known[changes_C], rows[rows >= len(items.is_own_N)]])
