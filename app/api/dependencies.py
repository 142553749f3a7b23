"""What routes ask for by type."""

from typing import Annotated, Any, Final, TypedDict

from fastapi import Depends, Request

from app.api.auth import CallerDep
from app.api.fields import refused, shown
from app.api.problem import FieldProblem
from app.observability.metrics import Metrics
from app.runtime.event_intake import EventIntake
from app.runtime.fraud import FraudCheckers
from app.runtime.imagining import Imagining
from app.runtime.item_intake import ItemIntake
from app.runtime.known_keys import KnownKeys
from app.runtime.live_model import LiveModel, Loaded
from app.runtime.pictures import Pictures
from app.runtime.search_texts import SearchTexts
from app.runtime.serving import Serving
from app.runtime.shop import Shop
from app.runtime.workers import Deadline, Workers
from app.store.store import Store

TIMEOUT_HEADER = "X-Request-Timeout-Ms"
MAX_TIMEOUT_MS = 600_000
TIMEOUT_PARAMETER: Final[dict[str, Any]] = {
    "name": TIMEOUT_HEADER,
    "in": "header",
    "required": False,
    "description": "Milliseconds after which the caller has no use for the answer; 504 then. Without it the service "
    "gives up after a while of its own (FIGMENT_ANSWER_SECONDS).",
    "schema": {"type": "integer", "minimum": 1, "maximum": MAX_TIMEOUT_MS},
}


class Makers(TypedDict):
    """What makes what does not exist, and the threads for that."""

    pictures: Pictures
    imagining: Imagining
    slow: Workers
    """For all that takes seconds: verdicts on frauds too."""


class ServiceState(Makers):
    """What the lifespan yields."""

    live: LiveModel
    shop: Shop
    keys: KnownKeys
    texts: SearchTexts
    fraud: FraudCheckers
    read_seconds: float
    """The longest that a head, or a body, may take to arrive."""
    answer_seconds: float
    """The longest that an answer may take whose request does not say."""


async def live_model(request: Request) -> LiveModel:
    """The live model, loaded or not."""
    live: LiveModel = request.state.live
    return live


async def known_keys(request: Request) -> KnownKeys:
    """The API keys."""
    keys: KnownKeys = request.state.keys
    return keys


async def slow_workers(request: Request) -> Workers:
    """Threads for what takes seconds."""
    found: Workers = request.state.slow
    return found


async def loaded_model(request: Request) -> Loaded:
    """The loaded model. Raises NotReady before that."""
    live: LiveModel = request.state.live
    return live.loaded


async def room_for_lists(request: Request) -> None:
    """Before the body is read: what cannot be answered anyway should cost little. Raises Overloaded."""
    live: LiveModel = request.state.live
    live.workers.refuse_if_full()


async def room_for_slow(request: Request) -> None:
    """As `room_for_lists`, for what takes seconds, whose bodies are megabytes."""
    slow: Workers = request.state.slow
    slow.refuse_if_full()


async def shop(request: Request) -> Shop:
    """All that the shop keeps, and what is done with it."""
    found: Shop = request.state.shop
    return found


async def metrics(request: Request) -> Metrics:
    """What is counted and timed."""
    live: LiveModel = request.state.live
    return live.metrics


async def store(request: Request) -> Store:
    """All that the shop keeps."""
    return (await shop(request)).store


async def event_intake(request: Request) -> EventIntake:
    """Takes events in."""
    return (await shop(request)).intake


async def item_intake(request: Request) -> ItemIntake:
    """Takes items in."""
    return (await shop(request)).items


async def serving(request: Request) -> Serving:
    """What answers, and how it follows the store."""
    return (await shop(request)).serving


async def fraud_checkers(request: Request) -> FraudCheckers:
    """Who checks for fraud."""
    found: FraudCheckers = request.state.fraud
    return found


async def search_texts(request: Request) -> SearchTexts:
    """Loads what searches need."""
    found: SearchTexts = request.state.texts
    return found


async def pictures(request: Request) -> Pictures:
    """Opens the picture model."""
    found: Pictures = request.state.pictures
    return found


async def imagining(request: Request) -> Imagining:
    """Makes what does not exist."""
    found: Imagining = request.state.imagining
    return found


async def asking_key_id(caller: CallerDep) -> str | None:
    """The API key that asks; None where none is needed."""
    return caller.key_id


async def may_read_stored(caller: CallerDep) -> bool:
    """Whether who asks may learn what is stored about shoppers."""
    return caller.may_read_stored


async def deadline(request: Request) -> Deadline:
    """The caller's own time limit, else the service's: no work keeps its permit for ever."""
    if TIMEOUT_HEADER not in request.headers:
        return Deadline(round(1000 * request.state.answer_seconds), request.state.started)
    sent = ", ".join(request.headers.getlist(TIMEOUT_HEADER))  # as HTTP reads a header that is sent twice
    if sent.isascii() and sent.isdecimal() and len(sent) <= 9 and 1 <= int(sent) <= MAX_TIMEOUT_MS:
        return Deadline(int(sent), request.state.started)
    detail = f"must be a whole number from 1 to {MAX_TIMEOUT_MS}, got {shown(sent)}"
    raise refused([FieldProblem(pointer=f"header:{TIMEOUT_HEADER}", detail=detail)])


ShopDep = Annotated[Shop, Depends(shop)]
StoreDep = Annotated[Store, Depends(store)]
LiveModelDep = Annotated[LiveModel, Depends(live_model)]
KnownKeysDep = Annotated[KnownKeys, Depends(known_keys)]
SlowWorkersDep = Annotated[Workers, Depends(slow_workers)]
MetricsDep = Annotated[Metrics, Depends(metrics)]
LoadedDep = Annotated[Loaded, Depends(loaded_model)]
EventIntakeDep = Annotated[EventIntake, Depends(event_intake)]
ItemIntakeDep = Annotated[ItemIntake, Depends(item_intake)]
ServingDep = Annotated[Serving, Depends(serving)]
ImaginingDep = Annotated[Imagining, Depends(imagining)]
SearchTextsDep = Annotated[SearchTexts, Depends(search_texts)]
PicturesDep = Annotated[Pictures, Depends(pictures)]
FraudCheckersDep = Annotated[FraudCheckers, Depends(fraud_checkers)]
AskingKeyDep = Annotated[str | None, Depends(asking_key_id)]
MayReadStoredDep = Annotated[bool, Depends(may_read_stored)]
DeadlineDep = Annotated[Deadline, Depends(deadline)]
