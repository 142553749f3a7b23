"""What comes back where something that does not exist was asked for, and whose behaviour it is imagined from."""

from collections.abc import Sequence
from typing import TypedDict

from figment_client.inputs import EventType, Filter, HistoryEvent


class Segment(TypedDict, total=False):
    """Either `filter`, of items, or `histories`."""

    filter: Filter | None
    histories: Sequence[Sequence[HistoryEvent]] | None


class MadeOf(TypedDict):
    """Where it comes from; `synthetic` is always true."""

    synthetic: bool
    model_version: str
    index_version: str
    seed: int


class NearProduct(TypedDict):
    """A real product near a concept."""

    item_id: str
    distance: float


class Concept(TypedDict):
    """A product that does not exist; None is what the catalogue does not have."""

    concept_id: str
    category: str | None
    category_probability: float | None
    brand: str | None
    brand_probability: float | None
    price_range: list[float] | None
    words: list[str]
    nearest: list[NearProduct]
    gap: float
    demand: float
    realism: float
    shoppers: float


class Concepts(TypedDict):
    """The best by demand × gap first."""

    concepts: list[Concept]
    num_shoppers: int
    warnings: list[str]
    provenance: MadeOf


class SyntheticEvent(TypedDict):
    """On an item that exists."""

    item_id: str
    event_type: EventType
    timestamp: str


class SyntheticSession(TypedDict):
    """A shopper who does not exist."""

    user_id: str
    events: list[SyntheticEvent]


class SyntheticItem(TypedDict):
    """A catalogue row of an item that does not exist."""

    item_id: str
    title: str | None
    category: str | None
    brand: str | None
    price: float | None


class SyntheticSessions(TypedDict):
    """The sessions, or the job that makes them."""

    provenance: MadeOf
    job_id: str | None
    status_url: str | None
    sessions: list[SyntheticSession]


class SyntheticItems(TypedDict):
    """The items, or the job that makes them."""

    provenance: MadeOf
    job_id: str | None
    status_url: str | None
    items: list[SyntheticItem]
