"""What answers: a bundle with the shop's changes up to a revision, and what is still to come into it.

Prices, stock, other attributes and deletions are in it at once. New items, and content that makes another feature,
wait until somebody has built them; meanwhile a changed item is served with its old content.
"""

from collections.abc import Collection, Iterable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import Any

from app.runtime.field_check import FieldCheck, served_kinds
from app.runtime.usable_documents import with_usable
from app.store.item_rows import OFFER_FIELDS, Item
from models.domain.attributes import Kind
from models.domain.errors import DocumentRefused
from models.features.content import EmbedsText, item_text
from models.recommend.live.documents import ItemDocument
from models.recommend.live.draft import Draft
from models.recommend.live.new_neighbours import FindsNearest
from models.recommend.recommender import Recommender


@dataclass(frozen=True, slots=True, eq=False)
class CatalogueView:
    """Never changed; each change makes another one: `after` in milliseconds, `begin` in the time that features take."""

    model: Recommender
    source: str
    """What the bundle's catalogue is called in the store."""
    changed_at: datetime
    """When the newest change in it was committed; when the bundle was made, before the first."""
    waiting: Mapping[str, Item] = field(default_factory=dict)
    """Items whose content is not in it yet, by id, as they are now."""
    new_kinds: Mapping[str, Kind] = field(default_factory=dict)
    """Of fields that came with such items, whether the model has them yet or not."""
    touched: set[str] = field(default_factory=set)
    """Items that may be other than the bundle has them. Shared by all views of a bundle; too many do no harm."""

    @classmethod
    def of(cls, model: Recommender, source: str) -> "CatalogueView":
        """As nothing has changed yet."""
        return cls(model, source, model.manifest.created_at)

    @property
    def revision(self) -> int:
        """Of the store; attributes and deletions up to here are in it."""
        return self.model.items.revision

    @property
    def content_revision(self) -> int:
        """Content up to here is in it too."""
        return self.model.items.content_revision

    def field_check(self) -> FieldCheck:
        """What the fields of this shop can hold."""
        check = FieldCheck.of(self.model)
        check.kinds = {**self.new_kinds, **check.kinds}
        return check

    def after(self, items: Sequence[Item], revision: int) -> "CatalogueView":
        """With these changes, which are all that came since its own revision; each item in its newest state."""
        sorted_out = _SortedOut(
            self.model, served_kinds(self.model), self.source, self.revision, dict(self.waiting), self.touched
        )
        for item in items:
            sorted_out.add(item)
        waiting = sorted_out.all_waiting()
        now = sorted_out.now
        model = with_usable(
            self.model,
            now,
            lambda documents: self.model.changed(
                documents, revision=revision, content_revision=_content_revision(waiting, revision)
            ),
        )
        newest = max((item.changed_at for item in items), default=self.changed_at) if now else self.changed_at
        return replace(
            self,
            model=model,
            waiting=waiting,
            new_kinds=self._kinds_with(sorted_out.came),
            changed_at=max(newest, self.changed_at),
        )

    def sentence_of(self, item: Item) -> str:
        """The text that stands for the item in its feature."""
        columns = self.model.items.origin.bundle.feature_spec.text_columns
        return item_text({name: value for name, value in item.fields.items() if isinstance(value, str)}, columns)

    def begin(self, piece: Sequence[Item]) -> "ContentDraft":
        """To build the content of these items, of those that wait, as they are."""
        built = {item.item_id for item in piece}
        waiting = {item_id: item for item_id, item in self.waiting.items() if item_id not in built}
        draft = with_usable(
            self.model,
            _documents(self.model, piece),
            lambda documents: Draft.of(
                self.model.items,
                documents,
                revision=self.revision,
                content_revision=_content_revision(waiting, self.revision),
            ),
        )
        return ContentDraft(self, piece, waiting, draft)

    def _kinds_with(self, items: Iterable[Item]) -> Mapping[str, Kind]:
        check, known = self.field_check(), served_kinds(self.model)
        for item in items:
            for name in item.fields.keys() - known.keys():
                with suppress(DocumentRefused):  # told when the item is built
                    check.take(item.item_id, {name: item.fields[name]})
        return {name: kind for name, kind in check.kinds.items() if name not in known}


@dataclass(frozen=True, eq=False)
class ContentDraft:
    """The next view, begun: the steps of `models.recommend.live.draft.Draft`, for items as the store has them."""

    view: CatalogueView
    piece: Sequence[Item]
    waiting: Mapping[str, Item]
    """What will wait then."""
    draft: Draft

    def finished(self, embed: EmbedsText, nearest_of: FindsNearest | None = None) -> CatalogueView:
        """The view with these items; nothing of them waits any more."""
        model = self.view.model.with_items(self.draft.finished(embed, nearest_of))
        self.view.touched.update(item.item_id for item in self.piece)
        newest = max((item.changed_at for item in self.piece), default=self.view.changed_at)
        return replace(self.view, model=model, waiting=self.waiting, changed_at=max(self.view.changed_at, newest))


@dataclass(slots=True)
class _SortedOut:
    """Changes by what they take."""

    model: Recommender
    known: Collection[str]
    """Fields that its items can have."""
    source: str
    revision: int
    waiting: dict[str, Item]
    touched: set[str]
    now: list[ItemDocument] = field(default_factory=list)
    """What can be done at once."""
    came: list[Item] = field(default_factory=list)
    """Items that may have fields nobody has seen."""
    _unsure: list[Item] = field(default_factory=list)
    """Known items that may have other content."""

    def add(self, item: Item) -> None:
        """Sorts one out."""
        row = self.model.row_of.get(item.item_id)
        is_listed = row is not None and not self.model.catalogue.attributes.is_deleted_N[row]
        if item.seeded_from not in (None, self.source):
            self._add_of_another_bundle(item, is_listed)
        elif item.deleted:
            self.waiting.pop(item.item_id, None)
            if is_listed:
                self._do(ItemDocument(item.item_id, {}, is_deleted=True))
        elif not is_listed:
            self.waiting[item.item_id] = item
            self.came.append(item)
        elif item.seeded_from is not None and not item.offer_written and item.item_id not in self.touched:
            pass  # as the bundle has it
        elif item.content_revision <= self.revision:
            self._do(_merged(item, OFFER_FIELDS))
            if item.item_id in self.waiting:
                self.waiting[item.item_id] = item
        else:
            content = self.model.items.origin.content_columns
            self._do(_merged(item, (name for name in _names(self.known, item) if name not in content)))
            self._unsure.append(item)
            self.came.append(item)

    def all_waiting(self) -> dict[str, Item]:
        """Everything that needs a feature, whose content comes first where it is the oldest."""
        content = self.model.items.origin.content_columns
        documents = [_merged(item, content) for item in self._unsure]
        others = set(with_usable(self.model, documents, self._with_other_content)) if documents else set()
        for item in self._unsure:
            if item.item_id in others:
                self.waiting[item.item_id] = item
            else:
                self.waiting.pop(item.item_id, None)
        return dict(sorted(self.waiting.items(), key=lambda each: each[1].content_revision))

    def _with_other_content(self, documents: Sequence[ItemDocument]) -> Sequence[str]:
        return Draft.of(self.model.items, documents, revision=self.revision).item_ids

    def _add_of_another_bundle(self, item: Item, is_listed: bool) -> None:
        """That bundle's content comes with it, and what it does not know goes with this one; what is the shop's
        own, price and stock, holds for every bundle."""
        self.waiting.pop(item.item_id, None)
        if is_listed and item.offer_written:
            self._do(_merged(item, OFFER_FIELDS))

    def _do(self, document: ItemDocument) -> None:
        self.now.append(document)
        self.touched.add(document.item_id)


def _content_revision(waiting: Mapping[str, Item], revision: int) -> int:
    return min((item.content_revision - 1 for item in waiting.values()), default=revision)


def _documents(model: Recommender, items: Sequence[Item]) -> list[ItemDocument]:
    """Each says all that can be said of an item."""
    known = served_kinds(model)
    return [_merged(item, _names(known, item)) for item in items]


def _names(known: Iterable[str], item: Item) -> Iterable[str]:
    """Fields of the item, and those that it may have had."""
    return dict.fromkeys([*known, *item.fields])


def _merged(item: Item, names: Iterable[str]) -> ItemDocument:
    fields: dict[str, Any] = {name: item.fields.get(name) for name in names}
    return ItemDocument(item.item_id, fields, merges=True)
