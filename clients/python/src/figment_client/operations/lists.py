"""Asking for lists, and why they are as they are."""

from collections.abc import Sequence
from typing import Unpack

from figment_client.answers import BatchAnswer, Explanation, ItemList, ListedItem
from figment_client.inputs import Filter, ListQuestion, SearchQuestion
from figment_client.operation import Operation, Series, json_of

DEADLINE = "X-Request-Timeout-Ms"


def recommend(*, deadline_ms: int | None = None, **asked: Unpack[ListQuestion]) -> Operation[ItemList]:
    """What a shopper wants next, from a posted `history` or the stored one of `user`.

    After `deadline_ms` milliseconds the service gives up: DeadlineExceeded.
    """
    return Operation("POST", "/v1/recommendations", headers={DEADLINE: deadline_ms}, body=asked)


def iterate_recommendations(*, deadline_ms: int | None = None, **asked: Unpack[ListQuestion]) -> Series[ListedItem]:
    """One frozen list of at most 500 items, fetched page by page; `page={"size": 100}` says how much at once."""

    def page(cursor: str | None) -> Operation[ItemList]:
        at = {**(asked.get("page") or {}), "cursor": cursor}
        body = {**asked, "page": at}
        return Operation("POST", "/v1/recommendations", headers={DEADLINE: deadline_ms}, body=body)

    return Series(page, "items")


def recommend_batch(*, requests: Sequence[ListQuestion], deadline_ms: int | None = None) -> Operation[BatchAnswer]:
    """Up to 256 lists, in the order of their requests; a bad one fails alone, as an `error` in its place."""
    headers = {DEADLINE: deadline_ms}
    return Operation("POST", "/v1/recommendations:batch", headers=headers, body={"requests": requests})


def recommend_for_user(user_id: str, *, k: int | None = None, deadline_ms: int | None = None) -> Operation[ItemList]:
    """What a shopper whose events are stored wants next."""
    path = "/v1/users/{user_id}/recommendations"
    return Operation("GET", path, {"user_id": user_id}, {"k": k}, {DEADLINE: deadline_ms})


def search(*, deadline_ms: int | None = None, **asked: Unpack[SearchQuestion]) -> Operation[ItemList]:
    """What fits a text and a shopper; `candidates` are what the shop's own search found, to be ranked again."""
    return Operation("POST", "/v1/search", headers={DEADLINE: deadline_ms}, body=asked)


def similar(
    item_id: str,
    *,
    k: int | None = None,
    filter: Filter | None = None,
    exclude_item_ids: Sequence[str] | None = None,
    include_out_of_stock: bool | None = None,
    return_properties: Sequence[str] | None = None,
    deadline_ms: int | None = None,
) -> Operation[ItemList]:
    """The items most like one."""
    query = {
        "k": k,
        "filter": None if filter is None else json_of(filter).decode(),
        "exclude_item_ids": exclude_item_ids,
        "include_out_of_stock": include_out_of_stock,
        "return_properties": return_properties,
    }
    return Operation("GET", "/v1/items/{item_id}/similar", {"item_id": item_id}, query, {DEADLINE: deadline_ms})


def explain(recommendation_id: str, *, deadline_ms: int | None = None) -> Operation[Explanation]:
    """Why a list of the last hour is as it is."""
    path = "/v1/recommendations/{recommendation_id}/explanation"
    return Operation("GET", path, {"recommendation_id": recommendation_id}, headers={DEADLINE: deadline_ms})
