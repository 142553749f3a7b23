"""What came of the lists of the last days: click-through, purchases, revenue, coverage and exposure by variant."""

import asyncio
import time
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from typing import Final

import numpy as np

from app.runtime.attribution import NO_LIST
from app.store.outcomes import Arm, ArmExposure, Outcome
from app.store.store import ITEM_EXPOSURES_KEPT, Store
from models.metrics.gini import gini

DAYS: Final = ITEM_EXPOSURES_KEPT.days
"""Today is one of them."""
KEPT_FOR_TIMES: Final = 20
"""As many times as long as reading took, it is not read again: 5 % of one reader at most."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ArmFigures:
    """Of the lists of one model version, one variant of an experiment or none."""

    arm: Arm
    lists: int
    items_listed: int
    """Places of all lists together."""
    events: Mapping[str, int]
    """Event type → how many of them were put down to these lists."""
    click_through: float | None
    """Clicks divided by impressions; None without impressions."""
    purchases: int
    units: float
    """Sum of the quantities bought."""
    revenue: Mapping[str | None, float]
    """Currency → sum of quantity × unit_price; None where no currency was sent."""
    coverage: float
    """Share of the catalogue that was listed."""
    exposure_gini: float
    """Of how often items were listed: 0 evenly, towards 1 all places to one item."""


@dataclass(frozen=True, slots=True, kw_only=True)
class OutcomeFigures:
    """All that is known of what came of the lists."""

    since: date
    """The lists of this day (UTC) and later count."""
    attribution_window: timedelta
    """How long after a list was served an event is put down to it."""
    arms: Sequence[ArmFigures]
    unattributed: Mapping[str, int]
    """Event type → how many named a list that they could not be put down to."""
    coverage: float
    """Of the lists of all arms together."""
    exposure_gini: float


@dataclass(frozen=True, slots=True)
class _Shown:
    """What one arm, or all, showed."""

    lists: int
    places: int
    coverage: float
    gini: float


@dataclass(frozen=True, slots=True)
class _Read:
    """What was shown, whatever the catalogue holds."""

    sums: Mapping[Arm | None, ArmExposure]
    items: Mapping[Arm | None, Mapping[int, int]]
    """Times listed → how many items; None: of the lists of all arms together."""


NOTHING_SHOWN: Final = _Shown(0, 0, 0.0, 0.0)


class Outcomes:
    """Reads the figures: what came of the lists as it is now, what was shown not more often than reading it can be
    afforded, which is as old as reading takes, times twenty."""

    def __init__(self, store: Store, *, window: timedelta) -> None:
        self._store = store
        self._window = window
        self._reading = asyncio.Lock()
        self._shown = _Read({}, {})
        self._shown_since: date | None = None
        self._fresh_until = 0.0

    async def figures(self, num_items: int) -> OutcomeFigures:
        """The figures for a catalogue of this size. Raises StoreUnavailable."""
        since = self._store.clock().date() - timedelta(days=DAYS - 1)
        shown = _of_catalogue(await self._what_was_shown(since), num_items)
        outcomes = await self._store.outcomes.outcomes(since)
        arms = {*shown, *(outcome.arm for outcome in outcomes)} - {None, NO_LIST}
        return OutcomeFigures(
            since=since,
            attribution_window=self._window,
            arms=[_of_arm(arm, outcomes, shown.get(arm, NOTHING_SHOWN)) for arm in _in_order(arms)],
            unattributed=_events(outcome for outcome in outcomes if outcome.arm == NO_LIST),
            coverage=shown[None].coverage,
            exposure_gini=shown[None].gini,
        )

    async def _what_was_shown(self, since: date) -> _Read:
        async with self._reading:  # those who ask meanwhile get the same
            if self._shown_since != since or time.monotonic() > self._fresh_until:
                started = time.monotonic()
                exposures = await self._store.outcomes.exposures(since)
                items = await self._store.outcomes.items_by_times_shown(since)
                self._shown, self._shown_since = _Read({one.arm: one for one in exposures}, items), since
                self._fresh_until = time.monotonic() + KEPT_FOR_TIMES * (time.monotonic() - started)
            return self._shown


def _of_catalogue(read: _Read, num_items: int) -> dict[Arm | None, _Shown]:
    """For each arm, and for all together. The catalogue grows while items are imported; what was shown is read no
    oftener for that."""
    sums, items = read.sums, read.items
    return {
        arm: _Shown(
            lists=sums[arm].lists if arm in sums else 0,
            places=sums[arm].items_shown if arm in sums else 0,
            coverage=min(1.0, sum(items.get(arm, {}).values()) / num_items) if num_items else 0.0,
            gini=gini_of_times(items.get(arm, {}), num_items),
        )
        for arm in {*sums, *items}
    }


def _in_order(arms: Iterable[Arm | None]) -> list[Arm]:
    found = [arm for arm in arms if arm is not None]
    return sorted(found, key=lambda arm: (arm.experiment_id or "", arm.variant_id or "", arm.model_version))


def _of_arm(arm: Arm, outcomes: Sequence[Outcome], shown: _Shown) -> ArmFigures:
    own = [outcome for outcome in outcomes if outcome.arm == arm]
    events = _events(own)
    bought = [outcome for outcome in own if outcome.event_type == "purchase"]
    revenue: dict[str | None, float] = {}
    for outcome in bought:
        if outcome.revenue:
            revenue[outcome.currency] = revenue.get(outcome.currency, 0.0) + outcome.revenue
    impressions = events.get("impression", 0)
    return ArmFigures(
        arm=arm,
        lists=shown.lists,
        items_listed=shown.places,
        events=events,
        click_through=events.get("click", 0) / impressions if impressions else None,
        purchases=events.get("purchase", 0),
        units=sum(outcome.quantity for outcome in bought),
        revenue=revenue,
        coverage=shown.coverage,
        exposure_gini=shown.gini,
    )


def _events(outcomes: Iterable[Outcome]) -> dict[str, int]:
    sums: dict[str, int] = {}
    for outcome in outcomes:
        sums[outcome.event_type] = sums.get(outcome.event_type, 0) + outcome.events
    return dict(sorted(sums.items()))


def gini_of_times(items_by_times: Mapping[int, int], num_items: int) -> float:
    """As `gini`, from times listed → how many items, once or more."""
    if not items_by_times:
        return 0.0
    times, items = (np.array(column) for column in zip(*items_by_times.items(), strict=True))
    return gini(np.repeat(times, items), num_items)
