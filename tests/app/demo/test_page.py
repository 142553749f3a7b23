import io

import pytest
from rich.console import Console

from app.demo.page import print_shopper
from app.demo.shoppers import Shopper
from models.data.read import load_dataset


@pytest.fixture
def page():
    return Console(file=io.StringIO(), width=100)


@pytest.fixture(scope="module")
def dataset(tiny_shop):
    return load_dataset(tiny_shop).dataset


def item(rank, item_id, **properties):
    return {"rank": rank, "item_id": item_id, "score": 1 / rank, "properties": properties}


def shopper(**changes):
    history = [{"item_id": f"tea-{number}", "event_type": "purchase"} for number in range(7)]
    return Shopper(**{"user_id": "[anna]", "history": history, "bought_next": frozenset({"tea-9"})} | changes)


class TestPrintShopper:
    def test_hits_are_marked_and_others_not(self, page, dataset):
        items = [item(1, "tea-8", title="tea number 8", price=9.0), item(2, "tea-9", title="tea number 9", price=10.0)]
        assert print_shopper(page, shopper(), items, dataset)
        lines = page.file.getvalue().splitlines()
        assert [line for line in lines if "✓" in line] == [line for line in lines if "tea number 9" in line]
        assert "in the list: 1." in page.file.getvalue()

    def test_no_hit_is_admitted(self, page, dataset):
        assert not print_shopper(page, shopper(), [item(1, "tea-8", title="tea number 8")], dataset)
        assert "✓" not in page.file.getvalue()
        assert "in the list: 0." in page.file.getvalue()

    def test_last_purchases_come_newest_first(self, page, dataset):
        print_shopper(page, shopper(), [], dataset)
        told = [line.strip() for line in page.file.getvalue().splitlines() if line.strip().startswith("purchase:")]
        assert told == [f"purchase: tea number {number}" for number in (6, 5, 4, 3, 2)]

    def test_brackets_in_ids_are_no_markup(self, page, dataset):
        print_shopper(page, shopper(), [item(1, "[red]", price=1.0)], dataset)
        assert "[anna]" in page.file.getvalue()
        assert "[red]" in page.file.getvalue()

    def test_items_without_title_are_told_by_brand_and_kind(self, page, dataset):
        print_shopper(page, shopper(), [item(1, "x1", brand="OPI", category="Beauty > Nails > Polish")], dataset)
        assert "OPI, Polish (x1)" in page.file.getvalue()
