"""`GET /v1/model`: the facts about the model that answers."""

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from fastapi import APIRouter
from pydantic import BaseModel, ConfigDict, Field

from app.api.auth import CallerDep, needs
from app.api.dependencies import LoadedDep, ShopDep
from app.api.outcomes import OutcomeFacts, outcome_facts
from app.api.problem import Problem
from app.runtime.live_model import ChosenBy, Loaded
from models.bundle.manifest import DatasetRecord, TextEncoderRecord
from models.domain.recommendation import SearchProfile
from models.recommend.standing import Standing, Verdict, validated, verdict
from models.recommend.systems import STAGE_OF

router = APIRouter(prefix="/v1", tags=["model"], dependencies=[needs()])


def _no_default(schema: dict[str, Any]) -> None:
    del schema["default"]


class IndexFacts(BaseModel):
    """The index that the profiles `balanced` and `fast` ask; `exact` asks every item."""

    model_config = ConfigDict(frozen=True, use_attribute_docstrings=True)

    kind: str
    """`exact`, `exact, half precision` or `inverted lists`: the fastest that found enough."""
    num_items: int
    """That it was measured with, when the bundle was made; newer items are found exactly."""
    recall: float
    """Share of the true 100 nearest that it found."""
    p50_microseconds: float
    """Processor time of one search for the 100 nearest, on the machine that made the bundle."""
    p95_microseconds: float
    build_seconds: float
    megabytes: float
    """Of memory."""
    others: list[dict[str, Any]]
    """What was measured beside it, likewise."""


class ProfileFacts(BaseModel):
    """What one `search_profile` finds and takes, measured when the bundle was made."""

    model_config = ConfigDict(frozen=True, use_attribute_docstrings=True)

    recall: float
    """Share of the true 100 nearest that its search finds."""
    p50_microseconds: float
    """Processor time of one list of ten, asked alone with up to 16 events, on the machine that made the bundle."""
    p95_microseconds: float


class ChoiceFacts(BaseModel):
    """What made the system that serves the one that does."""

    model_config = ConfigDict(frozen=True, use_attribute_docstrings=True)

    by: ChosenBy
    """`validation`: it is the best of the bundle's systems on validation events. `nothing to compare`: no such event
    was held out of a shopper who has a history."""
    validation_ndcg: dict[str, float]
    """NDCG@10 on validation events of each system that the bundle holds, the best first; empty where there was nothing
    to compare."""
    num_validation_users: int | None
    """Shoppers that these are over. Null for a bundle that was made before they were counted."""


class DifferenceFacts(BaseModel):
    """NDCG@10 of a system minus that of what serves, over the same held-out shoppers."""

    model_config = ConfigDict(frozen=True, use_attribute_docstrings=True)

    mean: float
    low: float
    """Of the 95 % interval, by a bootstrap over shoppers."""
    high: float
    verdict: Verdict
    """Whether that leaves out 0."""
    can_serve: bool
    """Whether the bundle holds it: `FIGMENT_RECOMMENDER` makes it serve."""


class ModelFacts(BaseModel):
    """The model card of what serves, as data."""

    model_config = ConfigDict(frozen=True, use_attribute_docstrings=True)

    model_version: str
    created_at: datetime
    serves: str
    """Which system orders the lists of this service: the winner, unless the operator chose another. Who found the items
    of one list is told in its `retrieval.sources`."""
    winner: str
    """Which was best on validation events, of the systems that the bundle holds; the scoreboard says how each does on
    other events, and how rivals do that no bundle holds."""
    chosen: ChoiceFacts
    """Why `serves` is what it is."""
    dataset: DatasetRecord
    """Name, source, licence and digest of the data it was trained on."""
    split: dict[str, Any]
    """How events were held out for `metrics`."""
    refitted: bool
    """True: fitted again on all events after measuring, so `metrics` are those of its predecessor."""
    index_version: str
    """The model's, with the catalogue's changes that are in it."""
    index_age_seconds: int
    """Since the newest of them."""
    index: IndexFacts | None
    """Null where Milvus keeps it, and for a bundle that was made before it was measured."""
    profiles: dict[SearchProfile, ProfileFacts] | None
    """By `search_profile`, which is `balanced` where a request names none. Null likewise, and where the operator chose
    another system than the winner."""
    num_items: int
    """That can be listed now."""
    num_users: int
    num_events: int
    metrics: dict[str, Any]
    """On held-out events."""
    scoreboard: dict[str, dict[str, float | None]]
    """The same measures for other systems on the same events."""
    ahead: dict[str, float]
    """What of the scoreboard finds more than what serves, and by how much NDCG@10. `ease`, `item-knn` and `buy-again`
    are in no bundle and cannot serve."""
    num_test_users: int | None
    """Held-out shoppers that the scoreboard is over. Null where there are none, and for a bundle that was made before
    they were counted."""
    differences: dict[str, DifferenceFacts]
    """The scoreboard's other systems against what serves; empty likewise."""
    standing: str | None
    """The same in a sentence: who is ahead of what serves, else who comes next, and whether by more than chance. Null
    where what serves was not measured."""
    fusion: dict[str, float]
    """Weights of the candidate sources beside the generator's 1."""
    neighbours: dict[str, Any]
    """The mixture of co-occurrence and content that validation events chose."""
    evidence: list[str]
    """What the judge is told of each candidate; empty where there is no judge."""
    exclude_seen: bool
    """What an unset `exclude.seen` means."""
    repeat_share: float
    """Share of events whose item the shopper had already."""
    max_history_events: int
    """Events that the networks read. Of older ones, of the newest 500, what was taken counts for itself where it may be
    listed again."""
    text_encoder: TextEncoderRecord
    property_names: list[str]
    """What `return_properties` may name."""
    # absent for others, and never null
    outcomes: OutcomeFacts = Field(default=None, json_schema_extra=_no_default)  # type: ignore[assignment]
    """What came of the lists of the last days; only for keys with the scope `admin`."""


@router.get(
    "/model",
    summary="The model card of what serves",
    response_model_exclude_unset=True,
    responses={503: {"model": Problem}},
)
async def model(loaded: LoadedDep, shop: ShopDep, caller: CallerDep) -> ModelFacts:
    """From the manifest of the served bundle; what came of its lists, and of others', from the events."""
    if not caller.may_read_outcomes:
        return facts(loaded)
    figures = await shop.outcomes.figures(loaded.model.num_items)
    return facts(loaded, outcomes=outcome_facts(figures, shop.served_lists.num_dropped))


def facts(loaded: Loaded, **only_if_allowed: Any) -> ModelFacts:
    """The part of the manifest that callers can use, and what serves now."""
    served, manifest = loaded.model, loaded.model.manifest
    standing = Standing.of(manifest, served.serves)
    own = {"serves", "num_items", "ahead", "differences"}
    told = manifest.model_dump(include=set(ModelFacts.model_fields) - own)
    return ModelFacts(
        **told,
        winner=manifest.serves,
        serves=served.serves,
        chosen=ChoiceFacts(
            by=loaded.chosen_by,
            validation_ndcg=validated(manifest),
            num_validation_users=manifest.num_validation_users,
        ),
        ahead=standing.ahead,
        differences=_differences(standing),
        standing=standing.told(),
        index_version=served.index_version,
        index_age_seconds=loaded.index.age_seconds,
        index=None if served.index_figures is None else IndexFacts(**served.index_figures),
        profiles=_profiles(served.profile_figures),
        num_items=served.num_items,
        property_names=list(served.property_names),
        **only_if_allowed,
    )


def _differences(standing: Standing) -> dict[str, DifferenceFacts]:
    if standing.num_users is None:
        return {}
    return {
        name: DifferenceFacts(**each._asdict(), verdict=verdict(each, standing.num_users), can_serve=name in STAGE_OF)
        for name, each in standing.differences.items()
    }


def _profiles(figures: Mapping[SearchProfile, Any] | None) -> dict[SearchProfile, ProfileFacts] | None:
    return None if figures is None else {profile: ProfileFacts(**each) for profile, each in figures.items()}
