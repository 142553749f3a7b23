"""What a dataset was read as, in a few lines: a wrong reading is seen at once where no rule could call it wrong."""

from datetime import datetime
from typing import Final

import polars as pl

from models.data.catalogue import OPTIONAL_COLUMNS as CATALOGUE_COLUMNS
from models.data.check import listed
from models.data.dataset import Dataset
from models.data.events import OPTIONAL_COLUMNS as EVENT_COLUMNS
from models.data.repeats import EXCLUDE_SEEN_BELOW_REPEAT_SHARE, exclude_seen_by_default, repeat_share_of_events
from models.domain.counted import counted

NAME_WIDTH: Final = 12


def render_reading(dataset: Dataset) -> str:
    """Times, event types, repeats and what follows from them, and the catalogue's columns."""
    catalogue, events = dataset.catalogue, dataset.events
    known = [name for name in CATALOGUE_COLUMNS if name in catalogue.columns]
    lines = {
        "times": _times(dataset),
        "events": _events(events),
        "repeats": _repeats(events),
        "columns": listed(known) or "none but item_id",
        "attributes": listed(name for name in catalogue.columns if name not in ("item_id", *known)),
        "absent": listed(name for name in CATALOGUE_COLUMNS if name not in known),
        "gaps": ", ".join(_gaps(catalogue)),
    }
    return "\n".join(["Read as:", *(f"  {name:{NAME_WIDTH}}{told}" for name, told in lines.items() if told)])


def _times(dataset: Dataset) -> str:
    if dataset.info.time == "order":
        return "positions only: no temporal split, nothing learned from time"
    first, last = dataset.events["timestamp"].min(), dataset.events["timestamp"].max()
    assert isinstance(first, datetime)
    assert isinstance(last, datetime)
    return f"{first:%Y-%m-%d %H:%M} to {last:%Y-%m-%d %H:%M} UTC, {counted((last - first).days, 'day')}"


def _events(events: pl.DataFrame) -> str:
    counts = events["event_type"].value_counts().sort("count", "event_type", descending=True)
    told = ", ".join(f"{count:,} {event_type}" for event_type, count in counts.iter_rows())
    others = [name for name in EVENT_COLUMNS if name != "event_type" and name in events.columns]
    return f"{told}; with {listed(others)}" if others else told


def _repeats(events: pl.DataFrame) -> str:
    share = repeat_share_of_events(events)
    lists = "leave seen items out" if exclude_seen_by_default(share) else "keep seen items"
    limit = f"from {100 * EXCLUDE_SEEN_BELOW_REPEAT_SHARE:.0f} % of the training events on they are kept"
    return f"{100 * share:.1f} % of events, so lists {lists} ({limit})"


def _gaps(catalogue: pl.DataFrame) -> list[str]:
    """Each column that not every item has, and how many items have it."""
    filled = {column.name: len(column) - column.null_count() for column in catalogue}
    return [f"{listed([name])} {num:,} of {len(catalogue):,}" for name, num in filled.items() if num < len(catalogue)]
