"""What every question for a list stands on, whichever path it came by."""

from dataclasses import dataclass
from typing import Annotated

from fastapi import Depends, Request

from app.api.dependencies import (
    AskingKeyDep,
    DeadlineDep,
    LiveModelDep,
    LoadedDep,
    MayReadStoredDep,
    SearchTextsDep,
    ShopDep,
)


@dataclass(frozen=True, slots=True)
class Asking:
    """One request: who asks, by when, and what can answer."""

    request: Request
    loaded: LoadedDep
    live: LiveModelDep
    shop: ShopDep
    texts: SearchTextsDep
    may_read_stored: MayReadStoredDep
    key_id: AskingKeyDep
    deadline: DeadlineDep


AskingDep = Annotated[Asking, Depends()]
