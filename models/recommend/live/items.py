"""A bundle's items and what the shop changed since: a value, from which every change makes another one."""

# N items, A of them appended, B appended now, C items whose content changes, D features, E text embedding, T tags

from collections.abc import Collection, Sequence
from dataclasses import dataclass, replace
from functools import cached_property, partial

import numpy as np
import polars as pl
from numpy.typing import NDArray

from models.baselines.item_facts import ItemFacts
from models.baselines.neighbours import Neighbours
from models.bundle.read import Bundle
from models.domain.layered_rows import Rows, layered
from models.features.content import EmbedsText
from models.recommend.attributes import AttributeTable
from models.recommend.candidates import KnowsItems
from models.recommend.catalogue import Catalogue
from models.recommend.live.columns import with_changes
from models.recommend.live.content import ContentEncoder, EncodedItems, content_columns
from models.recommend.live.documents import ItemDocument
from models.recommend.live.facts import Numbers, facts_after
from models.recommend.live.likeness import Likeness
from models.recommend.live.linked import Linked, nearest_of_bundle
from models.recommend.live.new_neighbours import FindsNearest
from models.recommend.live.one_each import one_each
from models.recommend.popular import PopularItems
from models.recommend.ranker import Ranker
from models.recommend.search.text import BundleTexts, OwnTexts
from models.retrieval.layered import LayeredIndex


@dataclass(frozen=True, eq=False)
class Origin:
    """The bundle that the changes stand on, and what is read off it once, when the first change asks for it."""

    bundle: Bundle

    @cached_property
    def encoder(self) -> ContentEncoder:
        """Content to features."""
        return ContentEncoder(self.bundle)

    @cached_property
    def content_ND(self) -> NDArray[np.float32]:
        """Features of its items by content alone, as training saw it: without what it learned of each."""
        return self.encoder.encode(self.bundle.catalogue, self.bundle.text_features_NE).features_CD

    @cached_property
    def likeness(self) -> Likeness:
        """By content, to the bundle's items."""
        return Likeness(self.bundle.text_features_NE, self.bundle.tag_rows_NT)

    @cached_property
    def texts(self) -> BundleTexts:
        """What its items are found by."""
        return BundleTexts(self.bundle, self.encoder)

    @cached_property
    def numbers(self) -> Numbers:
        """Of brands and categories."""
        return Numbers.of(self.bundle.catalogue, self.bundle.item_facts)

    @cached_property
    def content_columns(self) -> frozenset[str]:
        """Attributes whose change makes a new feature."""
        return content_columns(self.bundle)

    @property
    def num_items(self) -> int:
        """Of the bundle."""
        return self.bundle.manifest.num_items


@dataclass(frozen=True, eq=False)
class LiveItems:
    """All that is known of each item: first the rows of the bundle, then new items in the order in which they came."""

    origin: Origin
    catalogue: Catalogue
    revision: int
    """Of the shop's changes: attributes and deletions up to here are in this state."""
    content_revision: int
    """New and changed content up to here is in it."""
    features_ND: Rows
    text_NE: Rows
    tag_rows_NT: Rows
    is_own_N: NDArray[np.bool_]
    """Items whose feature was made here and not by training."""
    facts: ItemFacts
    numbers: Numbers | None
    linked: Linked
    own_texts: OwnTexts
    critic_terms: KnowsItems | None

    @classmethod
    def of(cls, bundle: Bundle, critic_terms: KnowsItems | None = None) -> "LiveItems":
        """The bundle's items, as nothing has changed yet; `critic_terms` are those of its ranker."""
        origin, is_own_N = Origin(bundle), np.zeros(len(bundle.catalogue), np.bool_)
        return cls(
            origin=origin,
            catalogue=Catalogue.of(bundle.catalogue),
            revision=0,
            content_revision=0,
            features_ND=bundle.item_features_ND,
            text_NE=bundle.text_features_NE,
            tag_rows_NT=bundle.tag_rows_NT,
            is_own_N=is_own_N,
            facts=bundle.item_facts,
            numbers=None,
            linked=Linked.of(bundle.neighbours),
            own_texts=OwnTexts(origin.texts, bundle.catalogue, is_own_N),
            critic_terms=critic_terms,
        )

    @property
    def index_version(self) -> str:
        """Names bundle and changes; a second number, where there is one, is the revision that content is behind at."""
        version = self.origin.bundle.manifest.model_version
        if not self.revision:
            return version
        lag = "" if self.content_revision >= self.revision else f".{self.content_revision}"
        return f"{version}+{self.revision}{lag}"

    def changed(
        self,
        documents: Sequence[ItemDocument],
        *,
        revision: int,
        content_revision: int | None = None,
        embed: EmbedsText | None = None,
        nearest_of: FindsNearest | None = None,
    ) -> "LiveItems":
        """The items after these documents, in their order; the revisions name the new state, one where they are equal.

        The state follows from the bundle and the documents, however they were grouped.
        Only prices, stock and other attributes that features are not made of change: milliseconds. `embed` may know
        the texts of `texts_to_embed` already, `nearest_of` what those of `to_link` are most alike. Raises
        DocumentRefused, and then nothing has changed.
        """
        content_revision = revision if content_revision is None else content_revision
        named = replace(self, revision=revision, content_revision=content_revision)
        after, content_rows = named._with_attributes(documents)
        return named._with_content(after, content_rows, embed, nearest_of) if len(content_rows) else after

    def with_other_content(self, documents: Sequence[ItemDocument]) -> list[str]:
        """The items, of these documents, whose content they change or bring. Raises DocumentRefused."""
        after, content_rows = self._with_attributes(documents)
        return [after.catalogue.item_ids[row] for row in content_rows]

    def texts_to_embed(self, documents: Sequence[ItemDocument]) -> list[str]:
        """What `changed` would embed: the slow part, which may be done before and in pieces. Raises DocumentRefused."""
        after, content_rows = self._with_attributes(documents)
        texts = self._texts(after, content_rows)
        return [text for text, old in zip(texts.now, texts.before, strict=True) if text != old]

    def to_link(
        self, documents: Sequence[ItemDocument], embed: EmbedsText
    ) -> tuple[NDArray[np.float16], NDArray[np.int32]]:
        """Texts [B, E] and tags [B, T] that `changed` would compare with the whole bundle: the other slow part."""
        after, content_rows = self._with_attributes(documents)
        if not len(content_rows):
            return self.text_NE[content_rows], self.tag_rows_NT[content_rows]
        encoded = self._encoded(after, content_rows, embed)
        linked_C = self._is_linked(content_rows, encoded)
        return encoded.text_CE[linked_C], encoded.tag_rows_CT[linked_C]

    def ranker(self, trained: Ranker) -> Ranker:
        """The bundle's ranker over these items."""
        is_deleted_N = self.catalogue.attributes.is_deleted_N
        is_gone_N = is_deleted_N if is_deleted_N.any() else None
        if is_gone_N is None and not self.is_own_N.any():
            return trained
        new_rows = np.arange(self.origin.num_items, len(is_deleted_N), dtype=np.int32)
        source = replace(
            trained.source,
            index=LayeredIndex(self.origin.bundle.index, layered(self.features_ND), is_deleted_N),
            item_features_ND=self.features_ND,
            neighbours=replace(self.neighbours, is_gone_N=is_gone_N),
            critic_terms=self.critic_terms,
            is_gone_N=is_gone_N,
        )
        # shares of the most popular item that is left
        most = max(float(self.facts.events_N[~is_deleted_N].max(initial=0.0)), 1.0)
        popular = PopularItems(
            np.asarray(self.facts.events_N / most, np.float32), np.concatenate([trained.popular.rows_N, new_rows])
        )
        return replace(trained, source=source, facts=self.facts, popular=popular)

    @property
    def neighbours(self) -> Neighbours:
        """New items in them, deleted ones too."""
        return self.linked.neighbours

    def _with_attributes(self, documents: Sequence[ItemDocument]) -> tuple["LiveItems", NDArray[np.int32]]:
        """With the documents' attributes, and the rows whose content they change or bring."""
        documents = one_each(documents, self.catalogue.row_of)
        item_ids, row_of = self.catalogue.item_ids, self.catalogue.row_of
        new_ids = [document.item_id for document in documents if document.item_id not in row_of]
        if new_ids:
            row_of = {**row_of, **{item_id: len(item_ids) + number for number, item_id in enumerate(new_ids)}}
            item_ids = [*item_ids, *new_ids]
        rows = np.array([row_of[document.item_id] for document in documents], np.int32)
        before = self.catalogue.attributes
        frame, written = with_changes(before.frame, documents, rows.tolist(), new_ids)
        is_deleted_N = np.concatenate([before.is_deleted_N, np.zeros(len(new_ids), np.bool_)])
        is_deleted_N[rows] = np.fromiter((document.is_deleted for document in documents), np.bool_, len(documents))
        catalogue = Catalogue(item_ids, row_of, AttributeTable(frame, is_deleted_N))
        return replace(self, catalogue=catalogue), self._content_rows(frame, rows, written)

    def _content_rows(self, frame: pl.DataFrame, rows: NDArray[np.int32], written: set[str]) -> NDArray[np.int32]:
        """New items, and those whose content these rows change."""
        before, known = self.catalogue.attributes.frame, rows[rows < len(self.is_own_N)]
        changes_C = _differ(before, frame, known, self.origin.content_columns & written)
        if "price" in written and self.is_own_N[known].any():
            # content again, where the feature is not the one that training made with its price
            changes_C |= self.is_own_N[known] & _differ(before, frame, known, {"price"})
        return np.concatenate([known[changes_C], rows[rows >= len(self.is_own_N)]])

    def _texts(self, after: "LiveItems", rows_C: NDArray[np.int32]) -> "_Texts":
        """The sentences of these items, and those that stood for them before."""
        texts = self.origin.encoder.texts
        is_known_C = rows_C < len(self.is_own_N)
        before: list[str | None] = [None] * len(rows_C)
        known_CE = np.zeros((len(rows_C), self.text_NE.shape[1]), np.float16)
        known = rows_C[is_known_C]
        if len(known):
            known_CE[is_known_C] = self.text_NE[known]
            for place, text in zip(
                np.flatnonzero(is_known_C), texts(self.catalogue.attributes.frame[known]), strict=True
            ):
                before[place] = text
        return _Texts(texts(after.catalogue.attributes.frame[rows_C]), before, known_CE)

    def _encoded(self, after: "LiveItems", rows_C: NDArray[np.int32], embed: EmbedsText | None) -> EncodedItems:
        encoder, texts = self.origin.encoder, self._texts(after, rows_C)
        text_CE = encoder.embedded(texts.now, texts.before, texts.known_CE, embed or encoder.embed)
        return encoder.encode(after.catalogue.attributes.frame[rows_C], text_CE)

    def _with_content(
        self,
        after: "LiveItems",
        rows_C: NDArray[np.int32],
        embed: EmbedsText | None,
        nearest_of: FindsNearest | None,
    ) -> "LiveItems":
        """The items after a change, with features, facts and neighbours of those whose content it changed."""
        origin, encoder = self.origin, self.origin.encoder
        frame_C, num_rows = after.catalogue.attributes.frame[rows_C], len(after.catalogue.item_ids)
        encoded = self._encoded(after, rows_C, embed)
        is_trained_C = rows_C < origin.num_items
        features_CD = encoded.features_CD.copy()
        features_CD[is_trained_C] += encoder.identities(rows_C[is_trained_C])
        is_own_C = np.ones(len(rows_C), np.bool_)
        trained = rows_C[is_trained_C]
        is_own_C[is_trained_C] = _differ(
            origin.bundle.catalogue, after.catalogue.attributes.frame, trained, origin.content_columns
        )
        features_CD[~is_own_C] = origin.bundle.item_features_ND[rows_C[~is_own_C]]
        is_own_N = np.concatenate([self.is_own_N, np.zeros(num_rows - len(self.is_own_N), np.bool_)])
        is_own_N[rows_C] = is_own_C
        brands, categories = (_values(frame_C, name) for name in ("brand", "category"))
        numbers = (self.numbers or origin.numbers).with_names(brands, categories)
        text_NE = layered(self.text_NE).changed(rows_C, encoded.text_CE, num_rows)
        tag_rows_NT = layered(self.tag_rows_NT).changed(rows_C, encoded.tag_rows_CT, num_rows)
        linked_rows = rows_C[self._is_linked(rows_C, encoded)]
        return replace(
            after,
            features_ND=layered(self.features_ND).changed(rows_C, features_CD, num_rows),
            text_NE=text_NE,
            tag_rows_NT=tag_rows_NT,
            is_own_N=is_own_N,
            facts=facts_after(self.facts, numbers, rows_C, brands, categories, num_rows),
            numbers=numbers,
            own_texts=OwnTexts(origin.texts, after.catalogue.attributes.frame, is_own_N),
            critic_terms=self.critic_terms and self.critic_terms.changed(rows_C, features_CD, num_rows),
            linked=self.linked.with_new(
                origin.bundle.neighbours,
                origin.likeness,
                linked_rows,
                text_NE,
                tag_rows_NT,
                nearest_of or partial(nearest_of_bundle, origin.likeness, origin.bundle.neighbours),
            ),
        )

    def _is_linked(self, rows_C: NDArray[np.int32], encoded: EncodedItems) -> NDArray[np.bool_]:
        """True for new items whose text or tags are not what they were: a new price makes nothing alike."""
        is_known_C = rows_C < len(self.is_own_N)
        known, changes_C = rows_C[is_known_C], ~is_known_C
        changes_C[is_known_C] = (self.text_NE[known] != encoded.text_CE[is_known_C]).any(axis=1) | (
            self.tag_rows_NT[known] != encoded.tag_rows_CT[is_known_C]
        ).any(axis=1)
        return changes_C & (rows_C >= self.origin.num_items)


@dataclass(frozen=True, slots=True)
class _Texts:
    now: list[str]
    before: list[str | None]
    """None for an item that was not there."""
    known_CE: NDArray[np.float16]
    """Embeddings of the texts before."""


def _differ(
    before: pl.DataFrame, after: pl.DataFrame, rows: NDArray[np.int32], names: Collection[str]
) -> NDArray[np.bool_]:
    """Which of these rows have another value in one of the columns; a column that is not there has none."""
    differ_C = np.zeros(len(rows), np.bool_)
    for name in names:
        dtype = pl.Float64() if name == "price" else pl.String()
        old, new = (
            frame[name].gather(rows).cast(dtype)
            if name in frame.columns
            else pl.Series([None] * len(rows), dtype=dtype)
            for frame in (before, after)
        )
        differ_C |= new.ne_missing(old).to_numpy()
    return differ_C


def _values(frame: pl.DataFrame, name: str) -> list[str | None]:
    return frame[name].to_list() if name in frame.columns else [None] * len(frame)
