"""The shop's own weights of event types, as they are written on the command line."""

from collections.abc import Iterable
from typing import Final

from models.domain.errors import SettingsRefused
from models.domain.events import EVENT_WEIGHTS, EventType

MAX_WEIGHT: Final = 10.0


def read_event_weights(settings: Iterable[str]) -> dict[EventType, float]:
    """`["view=0.1"]` → `{"view": 0.1}`; raises SettingsRefused with what is wrong and what there is."""
    weights: dict[EventType, float] = {}
    for setting in settings:
        name, _, written = setting.partition("=")
        event_type = next((known for known in EVENT_WEIGHTS if known == name), None)
        if event_type is None:
            raise SettingsRefused(f"{setting!r} names no type of event that is history: {', '.join(EVENT_WEIGHTS)}")
        if event_type == "purchase":
            raise SettingsRefused(f"{setting!r}: a purchase is the unit, 1; give the others their share of it")
        weights[event_type] = _weight(setting, written)
    return weights


def _weight(setting: str, written: str) -> float:
    try:
        weight = float(written)
    except ValueError:
        raise SettingsRefused(f"{setting!r} is not TYPE=WEIGHT, as in view=0.1") from None
    if not 0.0 < weight <= MAX_WEIGHT:
        raise SettingsRefused(f"{setting!r}: a weight is above 0 and at most {MAX_WEIGHT:g}")
    return weight
