"""What a write does to an item, worked out before anything is stored."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any, Final, Literal

from app.store.engine import Transaction
from app.store.item_rows import Item, canonical, content_of, lock_catalogue, offer_of, read_items, write_items

WriteMode = Literal["replace", "merge"]
WriteResult = Literal["created", "changed", "unchanged", "deleted", "unknown"]
"""`unknown`: there is no such item to merge into or to delete; nothing was written for it."""

ROWS_A_STEP: Final = 200
"""Between two steps of one transaction the event loop does other things; a step keeps it for less than 10 ms."""
BYTES_A_STEP: Final = 1024 * 1024
"""No step is longer by more than its last row; 200 of the largest rows would be 50 MiB and keep it for 35 ms."""


@dataclass(frozen=True, slots=True)
class ItemWrite:
    """What shall happen to one item."""

    item_id: str
    fields: Mapping[str, Any]
    """A field that is null is absent: replacing leaves it out, merging takes it away."""
    mode: WriteMode | Literal["delete"] = "replace"


async def write(transaction: Transaction, writes: Sequence[ItemWrite], now: datetime) -> list[WriteResult]:
    """Carries the writes out in their order, several for one item too; an item that differs gets a new revision."""
    last_revision = await lock_catalogue(transaction)
    results: list[WriteResult] = []
    for piece in in_steps(writes):
        before = await read_items(transaction, (write.item_id for write in piece))
        after: dict[str, Mapping[str, Any] | None] = {
            item_id: None if item.deleted else item.fields for item_id, item in before.items()
        }
        results += [_carry_out(write, after) for write in piece]
        changed: list[Item] = []
        for item_id, fields in after.items():
            item = _changed(item_id, before.get(item_id), fields, last_revision + 1, now)
            if item is not None:
                last_revision = item.revision
                changed.append(item)
        await write_items(transaction, changed, last_revision)
    return results


def in_steps(writes: Sequence[ItemWrite]) -> Iterator[Sequence[ItemWrite]]:
    """The writes in their order, so many at once as keep the event loop for a moment only."""
    first, num_bytes = 0, 0
    for end, each in enumerate(writes, start=1):
        num_bytes += len(canonical(each.fields))
        if end - first == ROWS_A_STEP or num_bytes >= BYTES_A_STEP or end == len(writes):
            yield writes[first:end]
            first, num_bytes = end, 0


def _carry_out(write: ItemWrite, after: dict[str, Mapping[str, Any] | None]) -> WriteResult:
    known = after.get(write.item_id)
    if known is None and write.mode != "replace":
        return "unknown"
    if write.mode == "delete":
        after[write.item_id] = None
        return "deleted"
    asked = {**known, **write.fields} if write.mode == "merge" and known is not None else write.fields
    fields = {name: value for name, value in asked.items() if value is not None}
    if known is not None and canonical(known) == canonical(fields):
        return "unchanged"
    after[write.item_id] = fields
    return "created" if known is None else "changed"


def _changed(
    item_id: str, before: Item | None, fields: Mapping[str, Any] | None, revision: int, now: datetime
) -> Item | None:
    """The new row, or None where the writes left everything as it was."""
    was_there = before is not None and not before.deleted
    if fields is None and not was_there:
        return None
    new = Item(item_id, fields or {}, revision, revision, fields is None, None, True, now)
    if before is None or before.deleted or fields is None:
        return new
    same_content = canonical(content_of(before.fields)) == canonical(content_of(fields))
    same_offer = canonical(offer_of(before.fields)) == canonical(offer_of(fields))
    if same_content and same_offer:
        return None
    return replace(
        new,
        content_revision=before.content_revision if same_content else revision,
        seeded_from=before.seeded_from if same_content else None,
        offer_written=before.offer_written or not same_offer,
    )
