"""What every question for a list stands on, whichever path it came by."""

from dataclasses import dataclass
from typing import Annotated

from fastapi import Depends, Request

from app.api.auth import present_caller
from app.api.dependencies import deadline, live_model, loaded_model, search_texts, shop
from app.runtime.live_model import LiveModel, Loaded
from app.runtime.search_texts import SearchTexts
from app.runtime.shop import Shop
from app.runtime.workers import Deadline


@dataclass(frozen=True, slots=True)
class Asking:
    """One request: who asks, by when, and what can answer."""

    request: Request
    loaded: Loaded
    live: LiveModel
    shop: Shop
    texts: SearchTexts
    may_read_stored: bool
    key_id: str | None
    attributes: frozenset[str] | None
    """Of the catalogue, those that may be read beside the id; None: all."""
    deadline: Deadline


async def asking_of(request: Request) -> Asking:
    """What FastAPI would put together for a route that asks for it."""
    caller = await present_caller(request)
    return Asking(
        request=request,
        loaded=await loaded_model(request),
        live=await live_model(request),
        shop=await shop(request),
        texts=await search_texts(request),
        may_read_stored=caller.may_read_stored,
        key_id=caller.key_id,
        attributes=caller.attributes,
        deadline=await deadline(request),
    )


AskingDep = Annotated[Asking, Depends(asking_of)]
