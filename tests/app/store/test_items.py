import asyncio

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from app.store import item_seed
from app.store.item_seed import Seeded
from app.store.items import ItemStore
from models.domain.errors import CursorRefused

pytestmark = pytest.mark.anyio

TEA = {"title": "Green tea", "brand": "Leaf", "price": 4.5, "in_stock": True}

STEPS = st.lists(
    st.tuples(
        st.sampled_from(["put", "patch", "delete", "bulk", "read"]),
        st.sampled_from("abcd"),
        st.dictionaries(st.sampled_from(["title", "price"]), st.none() | st.integers(0, 2)),
        st.integers(1, 3),
    ),
    max_size=20,
)


@pytest.fixture
def items(database, clock):
    return ItemStore(database, clock)


class TestPut:
    async def test_creates_an_item_with_every_field_as_sent(self, items, clock):
        fields = {
            "title": "Gr\u00fcner Tee \u0000 \U0001f375",
            "price": 4.0,
            "tags": ["a", {"b": [1, None]}],
            "in_stock": False,
        }
        result, item = await items.put("tea/1", fields)
        assert result == "created"
        assert await items.get("tea/1") == item
        assert dict(item.fields) == fields
        assert (item.revision, item.content_revision, item.deleted, item.changed_at) == (1, 1, False, clock.now)

    async def test_replaces_all_fields(self, items):
        await items.put("tea", TEA)
        result, item = await items.put("tea", {"title": "Black tea"})
        assert result == "changed"
        assert dict(item.fields) == {"title": "Black tea"}

    async def test_the_same_again_is_no_change(self, items):
        _, before = await items.put("tea", TEA)
        result, after = await items.put("tea", dict(reversed(TEA.items())))
        assert result == "unchanged"
        assert after == before
        assert await items.revision() == 1

    async def test_numbers_and_truth_are_not_mixed_up(self, items):
        await items.put("tea", {"in_stock": 1})
        result, item = await items.put("tea", {"in_stock": True})
        assert (result, item.fields["in_stock"] is True) == ("changed", True)


class TestPatch:
    async def test_changes_only_what_is_given(self, items):
        await items.put("tea", TEA)
        item = await items.patch("tea", {"price": 5})
        assert dict(item.fields) == {**TEA, "price": 5}

    async def test_null_takes_a_field_away(self, items):
        await items.put("tea", TEA)
        item = await items.patch("tea", {"brand": None})
        assert "brand" not in item.fields

    async def test_price_and_stock_leave_the_content_revision(self, items):
        await items.put("tea", TEA)
        item = await items.patch("tea", {"price": 5, "in_stock": False})
        assert (item.revision, item.content_revision) == (2, 1)
        item = await items.patch("tea", {"price": 6, "title": "Tea"})
        assert (item.revision, item.content_revision) == (3, 3)

    async def test_unknown_item_is_none_and_writes_nothing(self, items):
        assert await items.patch("tea", {"price": 5}) is None
        assert await items.revision() == 0


class TestDelete:
    async def test_item_is_unknown_afterwards_and_its_fields_are_gone(self, items):
        await items.put("tea", TEA)
        assert await items.delete("tea")
        assert await items.get("tea") is None
        assert (await items.page(10)).rows == []
        assert await items.count() == 0
        (mark,) = (await items.changes_since(1)).items
        assert (mark.item_id, mark.deleted, dict(mark.fields), mark.revision) == ("tea", True, {}, 2)

    async def test_unknown_or_deleted_item_is_told(self, items):
        assert not await items.delete("tea")
        await items.put("tea", TEA)
        await items.delete("tea")
        assert not await items.delete("tea")
        assert await items.revision() == 2

    async def test_deleted_item_can_come_back_but_not_by_merging(self, items):
        await items.put("tea", TEA)
        await items.delete("tea")
        assert await items.patch("tea", {"price": 1}) is None
        result, item = await items.put("tea", TEA)
        assert (result, item.revision, item.content_revision) == ("created", 3, 3)


class TestBulk:
    async def test_tells_each_row_s_result_in_order(self, items):
        await items.put("tea", TEA)
        await items.put("mug", {"title": "Mug"})
        rows = [("tea", {"price": 1.0}), ("pot", {"price": 2.0}), ("mug", {"title": "Mug"})]
        assert await items.bulk(rows, "merge") == ["changed", "unknown", "unchanged"]
        assert await items.bulk(rows, "replace") == ["changed", "created", "unchanged"]
        assert dict((await items.get("tea")).fields) == {"price": 1.0}

    async def test_several_rows_of_one_item_follow_each_other(self, items):
        rows = [("tea", TEA), ("tea", {"title": "Tea"}), ("mug", {"title": "Mug"}), ("tea", TEA)]
        assert await items.bulk(rows, "replace") == ["created", "changed", "created", "changed"]
        assert dict((await items.get("tea")).fields) == TEA
        assert await items.revision() == 2

    async def test_nothing_is_half_written(self, items, database):
        async def write_and_fail(transaction):
            await items.bulk([("tea", TEA)], "replace", within=transaction)
            raise ZeroDivisionError

        with pytest.raises(ZeroDivisionError):
            await database.write(write_and_fail)
        assert await items.count() == 0
        assert await items.revision() == 0

    async def test_a_large_request_is_one_as_well(self, items, monkeypatch):
        """It is written in pieces, and an item may stand in several of them."""
        monkeypatch.setattr("app.store.item_writes.ROWS_A_STEP", 2)
        rows = [("tea", TEA), ("mug", {}), ("tea", {"title": "Tea"}), ("pot", {}), ("mug", {}), ("tea", TEA)]
        results = await items.bulk(rows, "replace")
        assert results == ["created", "created", "changed", "created", "unchanged", "changed"]
        changes = await items.changes_since(0)
        assert [item.item_id for item in changes.items] == ["mug", "pot", "tea"]
        assert changes.items[-1].revision == await items.revision()

    async def test_no_rows_are_no_change(self, items):
        assert await items.bulk([], "replace") == []

    async def test_ten_thousand_rows_read_back_as_written(self, items):
        rows = [(f"item-{number}", {"title": f"Item {number}", "price": number / 7}) for number in range(10_000)]
        assert set(await items.bulk(rows, "replace")) == {"created"}
        changes = await items.changes_since(0, limit=10_000)
        assert changes.complete
        assert [(item.item_id, dict(item.fields)) for item in changes.items] == rows


class TestPage:
    async def test_pages_hold_every_item_once_in_the_order_of_ids(self, items):
        ids = ["a", "B", "\u00e4", "a/b", "z", "10", "9", "\U0001f375", " x"]
        await items.bulk([(item_id, {"title": item_id}) for item_id in ids], "replace")
        seen, cursor = [], None
        while True:
            page = await items.page(2, cursor)
            seen += [item.item_id for item in page.rows]
            cursor = page.next_cursor
            if cursor is None:
                break
        assert seen == sorted(ids, key=str.encode)

    async def test_writes_between_pages_neither_repeat_nor_hide(self, items):
        await items.bulk([(item_id, {"title": item_id}) for item_id in "bdfh"], "replace")
        first = await items.page(2)
        await items.put("a", {"title": "a"})
        await items.delete("d")
        await items.put("e", {"title": "e"})
        second = await items.page(10, first.next_cursor)
        assert [item.item_id for item in second.rows] == ["e", "f", "h"]

    async def test_last_page_that_is_just_full_has_no_cursor(self, items):
        await items.bulk([(item_id, {}) for item_id in "ab"], "replace")
        assert (await items.page(2)).next_cursor is None

    @pytest.mark.parametrize("cursor", ["", "x", "!!", "bnVsbA", "WyJldmVudHMiLCAxXQ"])
    async def test_cursor_of_nowhere_is_refused(self, items, cursor):
        with pytest.raises(CursorRefused, match="items"):
            await items.page(2, cursor)


class TestChangesSince:
    async def test_each_item_stands_once_at_its_newest_change(self, items):
        await items.put("tea", TEA)
        await items.put("mug", {"title": "Mug"})
        await items.patch("tea", {"price": 1})
        changes = await items.changes_since(0)
        assert [(item.item_id, item.revision) for item in changes.items] == [("mug", 2), ("tea", 3)]
        assert (changes.revision, changes.complete) == (3, True)
        assert (await items.changes_since(3)).items == []
        assert (await items.changes_since(3)).revision == 3

    async def test_a_limit_is_told(self, items):
        await items.bulk([(item_id, {"title": item_id}) for item_id in "abc"], "replace")
        changes = await items.changes_since(0, limit=2)
        assert (len(changes.items), changes.revision, changes.complete) == (2, 2, False)

    async def test_a_reader_beside_many_writers_misses_nothing(self, items):
        """Revisions are given out in the order of commits, so no smaller one appears after a larger one was seen."""
        copy, seen = {}, 0

        async def write(writer):
            for number in range(10):
                await items.bulk([(f"{writer}-{number}-{row}", {"title": "x"}) for row in range(writer + 1)], "replace")

        writers = asyncio.gather(*(write(writer) for writer in range(6)))
        while not writers.done() or not (await items.changes_since(seen)).complete or seen < await items.revision():
            changes = await items.changes_since(seen, limit=7)
            assert all(item.revision > seen for item in changes.items)
            copy |= {item.item_id: item.revision for item in changes.items}
            seen = changes.revision
        await writers
        assert len(copy) == 10 * (1 + 2 + 3 + 4 + 5 + 6)
        assert sorted(copy.values()) == list(range(1, len(copy) + 1))

    @settings(max_examples=25, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
    @given(steps=STEPS)
    async def test_followed_in_any_steps_it_gives_what_the_table_holds(self, items, steps):
        copy = {item.item_id: dict(item.fields) for item in (await items.page(10)).rows}
        seen = await items.revision()
        for step, item_id, values, limit in steps:
            if step == "put":
                await items.put(item_id, values)
            elif step == "patch":
                await items.patch(item_id, values)
            elif step == "delete":
                await items.delete(item_id)
            elif step == "bulk":
                await items.bulk([(item_id, values), ("e", values)], "merge")
            else:
                seen = await self.follow(items, copy, seen, limit)
        complete = False
        while not complete:
            complete = (await items.changes_since(seen, 2)).complete
            seen = await self.follow(items, copy, seen, 2)
        assert copy == {item.item_id: dict(item.fields) for item in (await items.page(10)).rows}

    @staticmethod
    async def follow(items, copy, seen, limit):
        changes = await items.changes_since(seen, limit)
        for item in changes.items:
            copy.pop(item.item_id, None)
            if not item.deleted:
                copy[item.item_id] = dict(item.fields)
        return changes.revision


class TestSeed:
    OLD = (("tea", TEA), ("mug", {"title": "Mug", "price": 8}), ("pot", {"title": "Pot"}))
    NEW = (("tea", {**TEA, "title": "Sencha", "price": 5.0}), ("mug", {"title": "Big mug", "price": 9}))

    def broken(self):
        yield self.NEW[0]
        raise ZeroDivisionError

    async def fields(self, items):
        return {item.item_id: dict(item.fields) for item in (await items.page(100)).rows}

    async def test_gives_the_bundle_s_catalogue(self, items):
        assert await items.seed("one", self.OLD) == Seeded(added=3)
        assert await self.fields(items) == dict(self.OLD)
        assert {item.seeded_from for item in (await items.page(9)).rows} == {"one"}

    async def test_the_same_bundle_again_is_nothing_to_do(self, items):
        await items.seed("one", self.OLD)
        assert await items.seed("one", self.NEW) == Seeded()
        assert await self.fields(items) == dict(self.OLD)

    async def test_another_bundle_replaces_what_the_shop_did_not_write(self, items):
        await items.seed("one", self.OLD)
        assert await items.seed("two", self.NEW) == Seeded(changed=2, removed=1)
        assert await self.fields(items) == dict(self.NEW)
        assert await items.seed("one", self.OLD) == Seeded(changed=2, added=1)
        assert await self.fields(items) == dict(self.OLD)

    async def test_equal_rows_change_no_revision(self, items):
        await items.seed("one", self.OLD)
        revision = await items.revision()
        assert await items.seed("two", self.OLD) == Seeded()
        assert await items.revision() == revision
        assert {item.seeded_from for item in (await items.page(9)).rows} == {"two"}

    async def test_what_the_shop_wrote_stays(self, items):
        await items.seed("one", self.OLD)
        await items.put("tea", {"title": "Our tea"})
        await items.put("new", {"title": "New"})
        await items.delete("mug")
        await items.seed("two", self.NEW)
        assert await self.fields(items) == {"tea": {"title": "Our tea"}, "new": {"title": "New"}}

    async def test_nightly_prices_stay_on_new_content(self, items):
        await items.seed("one", self.OLD)
        await items.patch("tea", {"price": 3.0})
        await items.seed("two", self.NEW)
        assert dict((await items.get("tea")).fields) == {**TEA, "title": "Sencha", "price": 3.0}

    async def test_one_that_was_cut_short_is_completed(self, items, monkeypatch):
        monkeypatch.setattr("app.store.item_seed.ROWS_A_TRANSACTION", 1)
        await items.seed("one", self.OLD)
        with pytest.raises(ZeroDivisionError):
            await items.seed("two", self.broken())
        assert (await self.fields(items))["pot"] == {"title": "Pot"}
        await items.seed("two", self.NEW)
        assert await self.fields(items) == dict(self.NEW)

    async def test_two_processes_that_seed_at_once_agree(self, items, monkeypatch):
        monkeypatch.setattr("app.store.item_seed.ROWS_A_TRANSACTION", 1)
        done = await asyncio.gather(items.seed("one", self.OLD), items.seed("one", self.OLD))
        assert sum(done, Seeded()) == Seeded(added=3)
        assert await self.fields(items) == dict(self.OLD)

    async def test_of_two_bundles_at_once_the_one_that_began_last_is_laid_whole(self, items, monkeypatch):
        monkeypatch.setattr("app.store.item_seed.ROWS_A_TRANSACTION", 1)
        first, second = await asyncio.gather(items.seed("one", self.OLD), items.seed("two", self.OLD))
        assert await self.fields(items) == dict(self.OLD)
        (last,) = {item.seeded_from for item in (await items.page(9)).rows}
        overtaken = [name for name, seeded in (("one", first), ("two", second)) if seeded.is_overtaken]
        # none where one was done before the other began
        assert overtaken in ([], ["one" if last == "two" else "two"])
        assert await items.seed(last, self.NEW) == Seeded()  # noted as complete
        await items.seed("one" if last == "two" else "two", self.NEW)
        assert await self.fields(items) == dict(self.NEW)

    async def test_one_that_was_overtaken_takes_nothing_away_afterwards(self, items, database, clock):
        """Another bundle and the same one again came before its last step: what it laid is not as it left it."""
        first = await database.write(lambda transaction: item_seed._begin(transaction, "one"))
        await database.write(lambda transaction: item_seed._lay(transaction, first, self.OLD, clock.now))
        await items.seed("two", self.NEW)
        with pytest.raises(ZeroDivisionError):
            await items.seed("one", self.broken())
        before = await self.fields(items)
        with pytest.raises(item_seed._Stopped):
            await database.write(lambda transaction: item_seed._remove_rest(transaction, first, clock.now))
        assert await self.fields(items) == before
        assert await items.seed("one", self.OLD) != Seeded()
        assert await self.fields(items) == dict(self.OLD)

    async def test_the_bundle_before_is_laid_again_where_the_next_one_was_cut_short(self, items, monkeypatch):
        monkeypatch.setattr("app.store.item_seed.ROWS_A_TRANSACTION", 1)
        await items.seed("one", self.OLD)
        with pytest.raises(ZeroDivisionError):
            await items.seed("two", self.broken())
        assert (await self.fields(items))["tea"]["title"] == "Sencha"
        await items.seed("one", self.OLD)
        assert await self.fields(items) == dict(self.OLD)

    async def test_prices_and_stock_of_the_shop_outlive_a_bundle_without_the_item(self, items):
        await items.seed("one", self.OLD)
        await items.patch("pot", {"in_stock": False, "price": 99})
        await items.seed("two", self.NEW)
        assert await items.get("pot") is None
        (pot,) = [item for item in (await items.written_since(0)).items if item.item_id == "pot"]
        assert (pot.deleted, dict(pot.fields)) == (True, {"in_stock": False, "price": 99})
        for source in ("one", "two", "one"):
            await items.seed(source, self.OLD if source == "one" else self.NEW)
        assert dict((await items.get("pot")).fields) == {"title": "Pot", "in_stock": False, "price": 99}

    async def test_a_price_that_the_shop_took_away_stays_away_too(self, items):
        await items.seed("one", [("pot", {"title": "Pot", "price": 1})])
        await items.patch("pot", {"price": None})
        await items.seed("two", [])
        await items.seed("one", [("pot", {"title": "Pot", "price": 1})])
        assert dict((await items.get("pot")).fields) == {"title": "Pot"}


class TestWrittenSince:
    async def test_is_what_the_shop_wrote_and_not_what_a_bundle_laid(self, items):
        await items.seed("bundle", [("a", TEA), ("b", TEA), ("c", TEA), ("d", TEA)])
        await items.patch("b", {"price": 1})
        await items.put("new", TEA)
        await items.delete("c")
        first = await items.written_since(0, limit=2)
        assert ([item.item_id for item in first.items], first.complete) == (["b", "new"], False)
        rest = await items.written_since(first.revision, limit=2)
        assert ([(item.item_id, item.deleted) for item in rest.items], rest.complete) == ([("c", True)], True)


class TestCountNewContent:
    async def test_prices_and_deletions_need_no_new_feature(self, items, database):
        await items.put("a", TEA)
        await items.put("b", TEA)
        before = await items.revision()

        async def work(transaction):
            assert await items.lock(transaction) == before
            rows = [("a", {**TEA, "price": 1}), ("b", {"title": "Black tea"}), ("new", TEA), ("gone", TEA)]
            await items.bulk(rows, "replace", within=transaction)
            await items.delete("gone", within=transaction)
            return await items.count_new_content(before, within=transaction), await items.lock(transaction)

        assert await database.write(work) == (2, await items.revision())
