"""Products, shoppers and items that do not exist: made off the event loop, large orders as jobs."""

import asyncio
from collections.abc import Callable, Mapping, Sequence
from typing import Any, Final

from app.observability.work import ObservedWork
from app.runtime.jobs import JobWorker, TellProgress
from app.runtime.live_model import LiveModel, ServedModel
from app.store.jobs import SYNTHETIC_ITEMS, SYNTHETIC_SESSIONS, Job
from app.store.store import Store
from models.domain.errors import ModelLacks, RuleRefused
from models.domain.events import HistoryEvent
from models.domain.filter import parse_filter
from models.recommend.question import EncodedHistory
from models.recommend.recommender import Recommender
from models.synthesis.items import make_items
from models.synthesis.segment import posted_segment, stored_segment
from models.synthesis.walk import Beginning, beginning, mean_length, walk
from models.synthesis.workshop import Workshop

MAX_STORED_EVENTS: Final = 50_000
"""The newest of the store that a segment is looked for in."""
MAX_EVENTS: Final = 100_000
"""Of all sessions of an order: about 60 MB while they are made, 9 MB in the database, 100 MB while they are told."""
RESULTS: Final[Mapping[str, str]] = {
    SYNTHETIC_SESSIONS: "/v1/synthetic-sessions",
    SYNTHETIC_ITEMS: "/v1/synthetic-items",
}
"""Where what a job of each kind made can be had."""

NO_ATTRIBUTES: Final[Mapping[str, None]] = {"title": None, "category": None, "brand": None, "price": None}

Segment = Mapping[str, Any] | None
"""As JSON: `filter`, or `histories` of `[item_id, event_type, epoch seconds or null]`; None is everybody."""


class Imagining:
    """Works on orders for what does not exist."""

    def __init__(self, live: LiveModel, store: Store) -> None:
        self._live = live
        self._store = store
        self._jobs = JobWorker(store.jobs, {SYNTHETIC_SESSIONS: self._work_on, SYNTHETIC_ITEMS: self._work_on})

    def start(self) -> None:
        """From now on jobs are worked on."""
        self._jobs.start()

    def job_written(self) -> None:
        """There is a new one."""
        self._jobs.wake()

    async def close(self) -> None:
        """A job that is not done goes back, for another process or the next start."""
        await self._jobs.close()

    def workshop(self) -> Workshop:
        """Of the model that answers now. Raises NotReady, and ModelLacks for a model that is no trained bundle."""
        return self._live.loaded.made_once("workshop", _workshop_of)

    async def stored_histories(self) -> Sequence[Sequence[HistoryEvent]]:
        """Of the shoppers whose events came last. Raises StoreUnavailable."""
        return await self._store.events.newest_histories(MAX_STORED_EVENTS)

    async def _work_on(self, job: Job, tell: TellProgress) -> Any:
        workshop, work = self.workshop(), ObservedWork()
        try:
            return await asyncio.to_thread(work.run, lambda: MAKERS[job.kind](workshop, job.payload, tell))
        finally:
            work.abandon()  # a job that was given back ends before its next stage: the process does not wait for it


def _workshop_of(model: ServedModel) -> Workshop:
    if not isinstance(model, Recommender):
        raise ModelLacks("generator to imagine with", model.model_version, "serve a bundle that was trained")
    return Workshop(model)


def posted_histories(segment: Segment) -> list[list[HistoryEvent]]:
    """Those of the segment."""
    return [
        [HistoryEvent(item_id, kind, seconds) for item_id, kind, seconds in history]
        for history in (segment or {}).get("histories") or ()
    ]


def shoppers_of(workshop: Workshop, segment: Segment, stored: Sequence[Sequence[HistoryEvent]]) -> list[EncodedHistory]:
    """The segment's shoppers; `stored` is where those of a filter, or of nothing, are looked for. Raises InputError."""
    if segment is not None and segment.get("histories") is not None:
        return posted_segment(workshop, posted_histories(segment))
    asked = None if segment is None else parse_filter(segment["filter"])
    return stored_segment(workshop, stored, asked)


def beginning_of(workshop: Workshop, segment: Segment) -> Beginning:
    """What made-up sessions begin with: items that the segment's filter is true of, or its histories."""
    if segment is None:
        return beginning(workshop)
    if segment.get("histories") is not None:
        return beginning(workshop, histories=posted_segment(workshop, posted_histories(segment)))
    return beginning(workshop, parse_filter(segment["filter"]))


def refuse_too_many(workshop: Workshop, num_sessions: int) -> None:
    """Raises RuleRefused where so many sessions, as long as they are in this shop, have too many events."""
    length = mean_length(workshop.habits)
    if num_sessions * length > MAX_EVENTS:
        raise RuleRefused(
            ("num_sessions",),
            f"{num_sessions:,} sessions are about {num_sessions * length:,.0f} events in this shop, the limit is "
            f"{MAX_EVENTS:,}: ask for at most {int(MAX_EVENTS / length):,}, or use `figment synthesize sessions`",
        )


def made_sessions(workshop: Workshop, asked: Mapping[str, Any], tell: TellProgress = lambda _: None) -> dict[str, Any]:
    """`asked`: `num`, `segment`, `seed`. Raises RuleRefused."""
    refuse_too_many(workshop, asked["num"])
    begin = beginning_of(workshop, asked["segment"])
    sessions = walk(workshop, begin, asked["num"], asked["seed"], _Told(tell))
    rows = sessions.frame(workshop.recommender.item_ids, asked["seed"])
    told = [
        {
            "user_id": user_id[0],
            "events": [
                {"item_id": row["item_id"], "event_type": row["event_type"], "timestamp": row["timestamp"].isoformat()}
                for row in part.iter_rows(named=True)
            ],
        }
        for user_id, part in rows.group_by(["user_id"], maintain_order=True)
    ]
    return {"sessions": told, "provenance": workshop.provenance(asked["seed"])}


def made_items(workshop: Workshop, asked: Mapping[str, Any], tell: TellProgress = lambda _: None) -> dict[str, Any]:
    """`asked`: `num`, `segment`, `seed`."""
    begin = beginning_of(workshop, asked["segment"])
    made = make_items(workshop, begin, asked["num"], asked["seed"], _Told(tell))
    rows = made.drop("synthetic").iter_rows(named=True)
    return {"items": [{**NO_ATTRIBUTES, **row} for row in rows], "provenance": workshop.provenance(asked["seed"])}


MAKERS: Final[Mapping[str, Callable[[Workshop, Mapping[str, Any], TellProgress], dict[str, Any]]]] = {
    SYNTHETIC_SESSIONS: made_sessions,
    SYNTHETIC_ITEMS: made_items,
}


class _Told:
    """Progress as a share."""

    def __init__(self, tell: TellProgress) -> None:
        self._tell = tell
        self._total = 1
        self._done = 0

    def start(self, task: str, total: int | None = None) -> None:  # noqa: ARG002  there is one
        self._total, self._done = total or 1, 0

    def advance(self, steps: int = 1, note: str = "") -> None:  # noqa: ARG002  a share has no room for it
        self._done += steps
        self._tell(self._done / self._total)

    def finish(self, note: str = "") -> None:
        """The job's end tells it."""
