"""What came of the lists, as `GET /v1/model` tells it."""

from datetime import date, timedelta

from app.api.parts import AnswerPart
from app.runtime.outcome_figures import DAYS, ArmFigures, OutcomeFigures


class Revenue(AnswerPart):
    """What purchases brought."""

    currency: str | None
    """Null: none was sent."""
    amount: float
    """Sum of quantity × unit_price."""


class ArmOutcomes(AnswerPart):
    """Of the lists of one variant of an experiment, or of none, by one model version."""

    experiment_id: str | None
    variant_id: str | None
    model_version: str
    lists: int
    items_listed: int
    """Places of all lists together."""
    events: dict[str, int]
    """Event type → how many of them named one of these lists, within the window and for an item of the list."""
    click_through: float | None
    """Clicks divided by impressions; null without impressions."""
    purchases: int
    units: float
    """Sum of the quantities bought."""
    revenue: list[Revenue]
    coverage: float
    """Share of the catalogue's items that were listed."""
    exposure_gini: float
    """Of how often items were listed: 0 evenly, towards 1 all places to one item."""


class OutcomeFacts(AnswerPart):
    """What came of the lists of the last days, today (UTC) among them."""

    since: date
    """The first of the days."""
    days: int
    attribution_hours: float
    """How long after a list was served an event is put down to it."""
    arms: list[ArmOutcomes]
    unattributed: dict[str, int]
    """Event type → how many named a list, but one that is unknown or too old, or an item that is not in it."""
    lists_not_recorded: int
    """By this process since it started, because too many waited or the database refused them; their events are
    unattributed."""
    coverage: float
    """Of all lists together."""
    exposure_gini: float


def outcome_facts(figures: OutcomeFigures, lists_not_recorded: int) -> OutcomeFacts:
    """The figures as an answer."""
    return OutcomeFacts(
        since=figures.since,
        days=DAYS,
        attribution_hours=figures.attribution_window / timedelta(hours=1),
        arms=[_arm(arm) for arm in figures.arms],
        unattributed=dict(figures.unattributed),
        lists_not_recorded=lists_not_recorded,
        coverage=figures.coverage,
        exposure_gini=figures.exposure_gini,
    )


def _arm(figures: ArmFigures) -> ArmOutcomes:
    return ArmOutcomes(
        experiment_id=figures.arm.experiment_id,
        variant_id=figures.arm.variant_id,
        model_version=figures.arm.model_version,
        lists=figures.lists,
        items_listed=figures.items_listed,
        events=dict(figures.events),
        click_through=figures.click_through,
        purchases=figures.purchases,
        units=figures.units,
        revenue=[
            Revenue(currency=currency, amount=figures.revenue[currency])
            for currency in sorted(figures.revenue, key=lambda currency: currency or "")
        ],
        coverage=figures.coverage,
        exposure_gini=figures.exposure_gini,
    )
