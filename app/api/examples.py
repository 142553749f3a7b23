"""Bodies that can be sent as they are: the contract's examples.

One click on `/docs` sends them to the shop that serves, so those that write name nobody and nothing that the shop has.
"""

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any, Final, TypeAlias

Examples: TypeAlias = dict[str, dict[str, Any]]
"""Name → `summary` and `value`."""

SHOPPER: Final = "example-shopper"
SESSION: Final = "example-session"
NO_ITEM: Final = "example-item"
"""None of the shop's."""
SHOWN_PROPERTIES: Final = ("title", "brand", "category", "price")
"""What examples ask for, and filter by, where the catalogue has it."""


def recommendation_examples(item_ids: Sequence[str], property_names: Sequence[str]) -> Examples:
    """Each is answered 200, and none with an empty list but the one that is only checked."""
    shown = [name for name in SHOWN_PROPERTIES if name in property_names]
    history = [{"item_id": item_id} for item_id in item_ids]
    newest_last = [
        {"item_id": item_id, "event_type": "purchase", "timestamp": f"2026-11-{day:02}T09:30:00Z"}
        for day, item_id in enumerate(item_ids, 20)
    ]
    every_field = {
        "user": {"user_id": SHOPPER, "session_id": SESSION, "personalise": True},
        "history": newest_last,
        "k": 5,
        "page": None,
        "query": None,
        **_rules(shown),
        "exclude": {"item_ids": list(item_ids[-1:]), "seen": True},
        "include_out_of_stock": False,
        "exploration": 0.3,
        "num_samples": 4,
        "seed": 42,
        "explain": "none",
        "return_properties": shown,
        "search_profile": "balanced",
        "experiment": {"experiment_id": "e1", "variant_id": None},
        "validate_only": False,
    }
    return {
        "history": _example("A history in, ten products out", {"history": history, "return_properties": shown}),
        "rules": _example("Within a shop's rules", {"history": history, **_rules(shown)}),
        "explained": _example("With reasons", {"history": history, "k": 3, "explain": "full"}),
        "first_page": _example("The first page of a frozen list", {"history": history, "page": {"size": 4}}),
        "validated": _example("Only checked", {"history": history, "validate_only": True}),
        "every_field": _example("Every field", every_field),
        "no_history": _example("A shopper nobody knows yet: popular items", {"user": {"session_id": SESSION}, "k": 5}),
        "nothing_personal": _example(
            "A shopper who wants nothing personal: popular items", {"user": {"personalise": False}, "k": 5}
        ),
    }


def search_examples(item_ids: Sequence[str]) -> Examples:
    """Each is answered 200."""
    handed_in = [{"item_id": item_id, "score": float(len(item_ids) - place)} for place, item_id in enumerate(item_ids)]
    history = [{"item_id": item_ids[0]}]
    return {
        "query": _example("Words in, ten products out", {"query": "something warm to drink"}),
        "personal": _example("Ranked by the words and by a history", {"query": "a gift", "history": history, "k": 5}),
        "candidates": _example(
            "What another search engine found, ranked again",
            {"query": "a gift", "candidates": handed_in, "history": history, "exclude": {"seen": False}},
        ),
    }


def batch_examples(item_ids: Sequence[str]) -> Examples:
    """Each is answered 200; of the second, one entry is refused."""
    one, other = ({"history": [{"item_id": item_id}], "k": 3} for item_id in (item_ids[0], item_ids[-1]))
    return {
        "two": _example("Two shoppers at once", {"requests": [one, other]}),
        "one_bad": _example("A bad entry fails alone", {"requests": [one, {"k": 1000}]}),
    }


def event_examples(item_ids: Sequence[str], now: datetime) -> Examples:
    """Each is answered 202, and sending it again changes nothing. Erasing the shopper, or the session, undoes it."""
    instant = now.isoformat().replace("+00:00", "Z")
    first, last = item_ids[0], item_ids[-1]
    bought = {"event_type": "purchase", "timestamp": instant, "quantity": 2, "unit_price": 9.99, "currency": "EUR"}
    viewed = {"event_type": "detail-page-view", "timestamp": instant}
    purchase = {"event_id": "example-order-1", "user_id": SHOPPER, "item_id": first, **bought}
    view = {"event_id": "example-view-1", "session_id": SESSION, "item_id": last, **viewed}
    return {
        "purchase": _example(f"A purchase; DELETE /v1/users/{SHOPPER} takes it back", {"events": [purchase]}),
        "guest": _example("A guest looked at something; Google's name for it is understood", {"events": [view]}),
    }


def fraud_session_examples(item_ids: Sequence[str]) -> Examples:
    """Each is answered 200 where the bundle has a detector, else 409."""
    timed = [
        {"item_id": item_id, "event_type": "purchase", "timestamp": f"2026-11-{day:02}T09:30:00Z"}
        for day, item_id in enumerate(item_ids, 20)
    ]
    plain = [{"item_id": item_id} for item_id in item_ids]
    return {
        "session": _example("One shopper's behaviour", {"sessions": [{"user_id": SHOPPER, "history": plain}]}),
        "two": _example("Two at once, with times", {"sessions": [{"history": timed}, {"history": plain}]}),
    }


def fraud_item_examples(property_names: Sequence[str]) -> Examples:
    """As above."""
    said = {"title": "Ceramic teapot, blue", "category": "Home > Kitchen", "brand": "Figment House", "price": 24.5}
    item = {"item_id": "new-1", **{name: value for name, value in said.items() if name in property_names}}
    return {"listing": _example("An item before it is listed", {"items": [{**item, "title": said["title"]}]})}


def merge_examples() -> Examples:
    """Answered 200."""
    return {"merge": _example("A guest logs in", {"session_id": SESSION})}


def image_examples() -> Examples:
    """Each is answered 200 by a model with pictures; which categories and colours it knows is its own."""
    return {
        "any": _example("Four pictures of whatever the shop sells", {"seed": 7}),
        "one": _example("One, small", {"n": 1, "size": 32, "seed": 7}),
    }


def _rules(shown: Sequence[str]) -> dict[str, Any]:
    """As far as the catalogue has something to go by."""
    asked: Mapping[str, Mapping[str, Any]] = {
        "title": {"field": "title", "op": "exists", "value": True},
        "category": {"not": {"field": "category", "op": "contains", "value": "Gift cards"}},
        "price": {"field": "price", "op": "gte", "value": 0.5},
    }
    comparisons = [asked[name] for name in asked if name in shown]
    cheap = {"field": "price", "op": "lt", "value": 20, "weight": 1.5}
    return {
        "filter": {"all": comparisons} if comparisons else None,
        "boosts": [cheap] if "price" in shown else [],
        "max_per": {"brand": 2} if "brand" in shown else {},
        "diversity": 0.2,
    }


def _example(summary: str, value: Mapping[str, Any]) -> dict[str, Any]:
    return {"summary": summary, "value": dict(value)}


def item_examples() -> Examples:
    """As above."""
    whole = {"title": "Kettle of steel", "category": "Kitchen", "brand": "Acme", "price": 24.9, "in_stock": True}
    return {
        "whole": _example("All of an item", whole),
        "price": _example(
            "A price and the stock, for PATCH: PUT would take all else away", {"price": 9.99, "in_stock": True}
        ),
    }


def offer_examples() -> Examples:
    """Answered 200, with an error for the row: prices of the shop's own items would change."""
    offers = [{"item_id": NO_ITEM, "price": 9.99, "in_stock": True}]
    summary = "Nightly prices and stock; here of an item that the shop does not have, so nothing changes"
    return {"offers": _example(summary, {"items": offers, "mode": "merge"})}


def concept_examples(item_ids: Sequence[str]) -> Examples:
    """As above."""
    histories = [[{"item_id": item_id}] for item_id in item_ids]
    return {"histories": _example("From what some shoppers did", {"segment": {"histories": histories}, "n": 3})}


def synthetic_examples(num: str, item_ids: Sequence[str]) -> Examples:
    """As above."""
    histories = [[{"item_id": item_id}] for item_id in item_ids]
    return {
        "few": _example("Three of them", {num: 3, "seed": 1}),
        "segment": _example("Like some shoppers", {num: 3, "segment": {"histories": histories}}),
    }
