"""The shop's items."""

from collections.abc import Sequence
from typing import Literal

from figment_client.answers import AnsweredAttributes, ImportAnswer, ItemsPage
from figment_client.inputs import Item
from figment_client.operation import Operation, Series

ITEM = "/v1/items/{item_id}"


def get_item(item_id: str) -> Operation[AnsweredAttributes]:
    """Every attribute as it was sent."""
    return Operation("GET", ITEM, {"item_id": item_id})


def put_item(item_id: str, item: Item) -> Operation[AnsweredAttributes]:
    """Creates the item, or replaces all of its attributes."""
    return Operation("PUT", ITEM, {"item_id": item_id}, body=item)


def patch_item(item_id: str, item: Item) -> Operation[AnsweredAttributes]:
    """Changes what is given; None takes an attribute away."""
    return Operation("PATCH", ITEM, {"item_id": item_id}, body=item)


def delete_item(item_id: str) -> Operation[None]:
    """No answer lists it any more."""
    return Operation("DELETE", ITEM, {"item_id": item_id})


def import_items(*, items: Sequence[Item], mode: Literal["replace", "merge"] | None = None) -> Operation[ImportAnswer]:
    """Up to 10,000 items; `merge` changes only what is given. A bad one fails alone, with its index in `errors`."""
    body = {"items": items} if mode is None else {"items": items, "mode": mode}
    return Operation("POST", "/v1/items:batch", body=body)


def list_items(*, limit: int | None = None, cursor: str | None = None) -> Operation[ItemsPage]:
    """A page of the catalogue."""
    return Operation("GET", "/v1/items", query={"limit": limit, "cursor": cursor})


def iterate_items(*, limit: int | None = None) -> Series[AnsweredAttributes]:
    """The whole catalogue by id, `limit` items with each request."""
    return Series(lambda cursor: list_items(limit=limit, cursor=cursor), "items")
