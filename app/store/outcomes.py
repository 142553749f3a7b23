"""Sums of what came of the lists: for click-through, purchases and revenue, coverage and exposure by variant.

Sums by day hold nobody's id, so they stay when a shopper is erased.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, fields
from datetime import date
from typing import Any, Final

import orjson
from sqlalchemy import JSON, BigInteger, ColumnElement, Row, Select, Table, cast, delete, func, literal, select, true

from app.store.engine import Database, Transaction
from app.store.tables import exposures, item_exposures, outcomes
from app.store.upsert import insert_into

NONE: Final = ""
"""In a table's key, which cannot be absent."""
ARM_COLUMNS: Final = ("experiment_id", "variant_id", "model_version")


@dataclass(frozen=True, slots=True, kw_only=True)
class Arm:
    """What lists are compared by."""

    model_version: str
    experiment_id: str | None = None
    variant_id: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Outcome:
    """Events that are put down to lists of one arm on one day."""

    day: date
    """Of the list or of the event, as the caller counts; UTC."""
    arm: Arm
    event_type: str
    currency: str | None = None
    """Of the revenue; sums of two currencies are kept apart."""
    events: int = 1
    quantity: float = 0.0
    revenue: float = 0.0
    """Sum of quantity × unit_price."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Exposure:
    """Lists of one arm that were shown on one day."""

    day: date
    arm: Arm
    lists: int
    times_shown: Mapping[str, int]
    """Item id → how often it stood in one of them."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ArmExposure:
    """What one arm showed over some days."""

    arm: Arm
    lists: int
    items_shown: int
    """Places of all lists together."""


class OutcomeStore:
    """Adds up and tells."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def add(self, added: Sequence[Outcome], *, within: Transaction | None = None) -> None:
        """Adds to the sums. Within the transaction that stores the events, each event counts exactly once."""
        rows = [
            {
                **_key(outcome.day, outcome.arm),
                "event_type": outcome.event_type,
                "currency": outcome.currency or NONE,
                "events": outcome.events,
                "quantity": outcome.quantity,
                "revenue": outcome.revenue,
            }
            for outcome in added
        ]
        await self._database.write(lambda transaction: _add_to(transaction, outcomes, rows), within=within)

    async def add_exposures(self, added: Sequence[Exposure], *, within: Transaction | None = None) -> None:
        """Adds to the sums of what was shown."""
        shown = [
            {**_key(one.day, one.arm), "lists": one.lists, "items_shown": sum(one.times_shown.values())}
            for one in added
        ]

        async def work(transaction: Transaction) -> None:
            await _add_to(transaction, exposures, shown)
            for one in sorted(added, key=lambda one: (one.day, *_arm_key(one.arm).values())):
                await _add_items(transaction, one)

        await self._database.write(work, within=within)

    async def outcomes(self, since: date) -> list[Outcome]:
        """The sums of each day from `since` on."""
        query = select(outcomes).where(outcomes.c.day >= since).order_by(*outcomes.primary_key.columns)
        rows = await self._database.read(lambda transaction: transaction.execute(query))
        return [
            Outcome(
                day=row.day,
                arm=_arm(row),
                event_type=row.event_type,
                currency=row.currency or None,
                events=row.events,
                quantity=row.quantity,
                revenue=row.revenue,
            )
            for row in rows
        ]

    async def exposures(self, since: date) -> list[ArmExposure]:
        """What each arm showed from `since` on."""
        sums = _by_arm(exposures, func.sum(exposures.c.lists), func.sum(exposures.c.items_shown))
        query = _since(sums, exposures, since)
        rows = await self._database.read(lambda transaction: transaction.execute(query))
        return [ArmExposure(arm=_arm(row), lists=int(row[3]), items_shown=int(row[4])) for row in rows]

    async def items_by_times_shown(self, since: date) -> dict[Arm | None, dict[int, int]]:
        """For each arm, and for all together (None): times shown from `since` on → how many items were shown so often.

        What a Gini coefficient needs, in a few rows however large the catalogue is.
        """
        arm = [item_exposures.c[name] for name in ARM_COLUMNS]

        async def work(transaction: Transaction) -> dict[Arm | None, dict[int, int]]:
            found: dict[Arm | None, dict[int, int]] = {None: {}}
            for row in await transaction.execute(_items_by_times_shown(since, [])):
                found[None][int(row.times)] = row.items
            for row in await transaction.execute(_items_by_times_shown(since, arm)):
                found.setdefault(_arm(row), {})[int(row.times)] = row.items
            return found

        return await self._database.read(work)

    async def purge_items(self, before: date) -> None:
        """Forgets which items were shown on earlier days; the sums of lists and outcomes stay, they are small."""
        old = delete(item_exposures).where(item_exposures.c.day < before)
        await self._database.write(lambda transaction: transaction.execute(old))


async def _add_to(transaction: Transaction, table: Table, rows: Iterable[Mapping[str, Any]]) -> None:
    """Adds numbers to rows, which are made where they are missing.

    In the order of keys, so that two transactions that add to the same rows wait for each other and never both.
    """
    key = [column.name for column in table.primary_key.columns]
    numbers = [column.name for column in table.c if not column.primary_key]
    sums: dict[tuple[Any, ...], dict[str, Any]] = {}
    for row in rows:
        place = tuple(row[name] for name in key)
        known = sums.setdefault(place, {**row, **dict.fromkeys(numbers, 0)})
        known.update({name: known[name] + row[name] for name in numbers})
    if not sums:
        return
    insert = insert_into(table, transaction)
    upsert = insert.on_conflict_do_update(
        index_elements=list(table.primary_key.columns),
        set_={name: table.c[name] + insert.excluded[name] for name in numbers},
    )
    await transaction.execute(upsert, [sums[place] for place in sorted(sums)])


async def _add_items(transaction: Transaction, shown: Exposure) -> None:
    """Adds to the items' sums, in the order of keys as `_add_to`.

    A hundred lists show some thousand items: as one JSON document, read by the database, they cost a tenth of what
    as many rows of parameters do.
    """
    told = literal(orjson.dumps(shown.times_shown, option=orjson.OPT_SORT_KEYS).decode())
    if transaction.dialect.name == "postgresql":
        pairs = func.json_each_text(cast(told, JSON)).table_valued("key", "value")
    else:
        pairs = func.json_each(told).table_valued("key", "value")
    key = _key(shown.day, shown.arm)
    columns = [literal(value, item_exposures.c[name].type).label(name) for name, value in key.items()]
    item_id, times = pairs.c.key.label("item_id"), cast(pairs.c.value, BigInteger).label("times_shown")
    # a WHERE, or SQLite takes ON CONFLICT for the condition of a join
    rows = select(*columns, item_id, times).where(true()).order_by(pairs.c.key)
    insert = insert_into(item_exposures, transaction).from_select([*key, "item_id", "times_shown"], rows)
    total = item_exposures.c.times_shown + insert.excluded.times_shown
    index = list(item_exposures.primary_key.columns)
    await transaction.execute(insert.on_conflict_do_update(index_elements=index, set_={"times_shown": total}))


def _key(day: date, arm: Arm) -> dict[str, Any]:
    return {"day": day, **_arm_key(arm)}


def _arm_key(arm: Arm) -> dict[str, str]:
    return {field.name: getattr(arm, field.name) or NONE for field in fields(arm)}


def _arm(row: Row[Any]) -> Arm:
    return Arm(
        model_version=row.model_version, experiment_id=row.experiment_id or None, variant_id=row.variant_id or None
    )


def _by_arm(table: Table, *sums: Any) -> Select[Any]:
    arm = [table.c[name] for name in ARM_COLUMNS]
    return select(*arm, *sums).group_by(*arm).order_by(*arm)


def _items_by_times_shown(since: date, arm: Sequence[ColumnElement[str]]) -> Select[Any]:
    times = func.sum(item_exposures.c.times_shown).label("times")
    columns: list[Any] = [*arm, times]
    by_item = _since(select(*columns), item_exposures, since).group_by(*arm, item_exposures.c.item_id).subquery()
    key = [*by_item.c]
    return select(*key, func.count().label("items")).group_by(*key)


def _since(query: Select[Any], table: Table, since: date) -> Select[Any]:
    return query.where(table.c.day >= since)
