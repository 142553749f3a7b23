"""What the service tells about its models, typed."""

from typing import Any, Literal, NotRequired, TypedDict


class Dataset(TypedDict):
    """What a model was trained on."""

    name: str
    digest: str
    source: NotRequired[str | None]
    licence: NotRequired[str | None]
    time: NotRequired[Literal["real", "order"]]


class TextEncoder(TypedDict):
    """What reads titles and descriptions."""

    name: str
    digest: str


class Revenue(TypedDict):
    """A sum in one currency."""

    currency: str | None
    amount: float


class ArmOutcomes(TypedDict):
    """What came of the lists of one variant and model."""

    experiment_id: str | None
    variant_id: str | None
    model_version: str
    lists: int
    items_listed: int
    events: dict[str, int]
    click_through: float | None
    purchases: int
    units: float
    revenue: list[Revenue]
    coverage: float
    exposure_gini: float


class Outcomes(TypedDict):
    """What came of the lists of the last days."""

    since: str
    days: int
    attribution_hours: float
    arms: list[ArmOutcomes]
    unattributed: dict[str, int]
    lists_not_recorded: int
    coverage: float
    exposure_gini: float


class Index(TypedDict):
    """How nearest items are found, and what was measured when the bundle was made."""

    kind: str
    num_items: int
    recall: float
    p50_microseconds: float
    p95_microseconds: float
    build_seconds: float
    megabytes: float
    others: list[dict[str, Any]]


class Profile(TypedDict):
    """What one search profile finds and takes, measured when the bundle was made."""

    recall: float
    p50_microseconds: float
    p95_microseconds: float


class Choice(TypedDict):
    """What made the system that serves the one that does."""

    by: Literal["validation", "FIGMENT_RECOMMENDER", "nothing to compare"]
    validation_ndcg: dict[str, float]
    """NDCG@10 of each system that the bundle holds, the best first."""
    num_validation_users: int | None


class Difference(TypedDict):
    """NDCG@10 of a system minus that of what serves."""

    mean: float
    low: float
    """Of the 95 % interval."""
    high: float
    verdict: Literal["within chance", "more than chance", "too few shoppers to tell it from chance"]
    can_serve: bool


class Model(TypedDict):
    """The model that serves, how it was measured, and what came of its lists."""

    model_version: str
    created_at: str
    serves: str
    winner: str
    chosen: Choice
    dataset: Dataset
    split: dict[str, Any]
    refitted: bool
    index_version: str
    index_age_seconds: int
    index: Index | None
    profiles: dict[str, Profile] | None
    """By `search_profile`."""
    num_items: int
    num_users: int
    num_events: int
    metrics: dict[str, Any]
    scoreboard: dict[str, dict[str, float | None]]
    ahead: dict[str, float]
    """What of the scoreboard finds more than what serves, and by how much NDCG@10."""
    num_test_users: int | None
    differences: dict[str, Difference]
    standing: str | None
    """Who is ahead of what serves, else who comes next, in a sentence."""
    fusion: dict[str, float]
    neighbours: dict[str, Any]
    evidence: list[str]
    exclude_seen: bool
    repeat_share: float
    max_history_events: int
    text_encoder: TextEncoder
    property_names: list[str]
    outcomes: NotRequired[Outcomes]
    """Only for keys with the scope `admin`."""


class ListedModel(TypedDict):
    """A bundle that the service could serve, or why it could not."""

    version: str
    is_active: bool
    created_at: str | None
    problem: str | None


class Models(TypedDict):
    """All of them."""

    models: list[ListedModel]


class Activated(TypedDict):
    """What serves from now on."""

    model_version: str
    index_version: str
