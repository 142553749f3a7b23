"""What comes back: the service's JSON as it is, typed."""

from typing import Any, Literal, NotRequired, TypeAlias, TypedDict

from figment_client.inputs import EventType

AnsweredAttributes: TypeAlias = dict[str, str | float | bool | list[str] | None]


class Reason(TypedDict):
    """What one event of the history did for an item's score."""

    item_id: str
    contribution: float


class ListedItem(TypedDict):
    """One place of a list."""

    item_id: str
    rank: int
    score: float
    properties: NotRequired[dict[str, Any]]
    reasons: NotRequired[list[Reason]]
    sources: NotRequired[list[str]]
    nearest_bought: NotRequired[str | None]


class FirstPlace(TypedDict):
    """The fewest events without which another item would be first."""

    without: list[str]
    would_be_first: str | None
    events_tried: int


class Retrieval(TypedDict):
    """How the list was found."""

    strategy: Literal["ann", "exact_prefilter", "exact", "popularity", "text", "candidates", "none"]
    candidates_scanned: int
    under_filled: bool
    sources: dict[str, float]


class Meta(TypedDict):
    """What the answer was made by."""

    request_id: str
    model_version: str
    index_version: str
    index_age_seconds: int
    seed: int
    variant_id: str | None
    took_ms: float


class ItemList(TypedDict):
    """A list, best first."""

    recommendation_id: str
    items: list[ListedItem]
    next_cursor: str | None
    fallback: Literal["none", "popularity"]
    warnings: list[str]
    retrieval: Retrieval
    meta: Meta
    first_place: NotRequired[FirstPlace | None]
    validated: NotRequired[bool]


class FieldProblem(TypedDict):
    """What is wrong with one part of a request."""

    pointer: str
    detail: str


class ProblemDocument(TypedDict):
    """What the service says instead of an answer (RFC 9457)."""

    type: str
    title: str
    status: int
    detail: str
    instance: str
    errors: list[FieldProblem]
    request_id: str


class FailedEntry(TypedDict):
    """The result of a bad entry of a batch."""

    error: ProblemDocument


class BatchAnswer(TypedDict):
    """One result a request, in their order."""

    results: list[ItemList | FailedEntry]


class ExplainedItem(TypedDict):
    """Why an item stands where it does."""

    item_id: str
    rank: int
    score: float
    reasons: list[Reason]
    nearest_bought: str | None
    sources: list[str]


class Explanation(TypedDict):
    """Why a list is what it is."""

    recommendation_id: str
    personal: bool
    summary: str
    items: list[ExplainedItem]
    first_place: FirstPlace | None
    warnings: list[str]
    meta: Meta


class RowProblem(TypedDict):
    """What is wrong with one event or item of many; the others are stored."""

    index: int
    detail: str


class EventsAnswer(TypedDict):
    """What became of events; what is accepted is on the disk."""

    accepted: int
    duplicates: int
    errors: list[RowProblem]


class StoredEvent(TypedDict):
    """An event as it was sent; times in UTC."""

    event_id: NotRequired[str | None]
    user_id: NotRequired[str | None]
    session_id: NotRequired[str | None]
    item_id: str
    event_type: EventType
    timestamp: str
    recommendation_id: NotRequired[str | None]
    quantity: NotRequired[float | None]
    unit_price: NotRequired[float | None]
    currency: NotRequired[str | None]
    rating: NotRequired[float | None]


class EventsPage(TypedDict):
    """A page of stored events, newest first."""

    events: list[StoredEvent]
    next_cursor: str | None


class MergeAnswer(TypedDict):
    """How many events became the account's."""

    moved: int


class ItemsPage(TypedDict):
    """A page of the catalogue, by id."""

    items: list[AnsweredAttributes]
    next_cursor: str | None


class ImportAnswer(TypedDict):
    """What became of items; a job where their features take a while."""

    accepted: int
    errors: list[RowProblem]
    job_id: str | None
    status_url: str | None


class Job(TypedDict):
    """Long work; `progress` is 0 to 1."""

    job_id: str
    state: Literal["queued", "running", "done", "failed"]
    progress: float
    result_url: str | None
    error: str | None
    items: int | None
    items_set_aside: int | None
    items_per_second: float | None


class ImplausibleStep(TypedDict):
    """A step of a session, and the share of other items that are less plausible there."""

    position: int
    item_id: str
    percentile: float


class SharedItem(TypedDict):
    """An item that sessions have in common."""

    item_id: str
    sessions: int
    expected: float | None


class SessionScore(TypedDict):
    """What is thought of a session."""

    user_id: str | None
    score: float | None
    calibrated_probability: float | None
    decision: Literal["accept", "review", "abstain"]
    evidence: list[ImplausibleStep]
    group: SharedItem | None
    warnings: list[str]


class SessionScores(TypedDict):
    """One score a session, in their order."""

    scores: list[SessionScore]
    meta: Meta


class MismatchedField(TypedDict):
    """A field that does not fit the text."""

    field: str
    value: str | float
    usual: str | float
    share: float | None


class NearItem(TypedDict):
    """An item whose text is near."""

    item_id: str
    cosine: float


class ListingScore(TypedDict):
    """What is thought of a listing."""

    item_id: str | None
    score: float | None
    calibrated_probability: float | None
    decision: Literal["accept", "review", "abstain"]
    evidence: list[MismatchedField]
    nearest: list[NearItem]


class ListingScores(TypedDict):
    """One score an item, in their order."""

    scores: list[ListingScore]
    meta: Meta


class Healthy(TypedDict):
    """What a probe says when all is well."""

    status: NotRequired[Literal["ok"]]
