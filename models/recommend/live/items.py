"""A bundle's items with what the shop changed since: a value, from which a `Draft` makes the next one."""

# N items, D features, E text embedding, T tags

from dataclasses import dataclass, replace
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from models.baselines.item_facts import ItemFacts
from models.baselines.neighbours import Neighbours
from models.bundle.read import Bundle
from models.domain.layered_rows import Rows, layered
from models.recommend.candidates import KnowsItems
from models.recommend.catalogue import Catalogue
from models.recommend.live.content import ContentEncoder, content_columns
from models.recommend.live.facts import Numbers
from models.recommend.live.likeness import Likeness
from models.recommend.live.linked import Linked
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
