"""Whose behaviour something is imagined from."""

from collections.abc import Sequence
from typing import Final

import numpy as np

from models.domain.errors import RuleRefused, TooFewShoppers
from models.domain.events import HistoryEvent
from models.domain.filter import Filter
from models.recommend.question import EncodedHistory
from models.recommend.requests import RequestReader
from models.synthesis.workshop import Workshop

MIN_SHOPPERS: Final = 20
"""Of a segment of stored shoppers: what is said of fewer would be said of somebody."""


def encoded_histories(workshop: Workshop, histories: Sequence[Sequence[HistoryEvent]]) -> list[EncodedHistory]:
    """Those with at least one event on an item that the catalogue has; other events are left out."""
    recommender = workshop.recommender
    reader = RequestReader(recommender.catalogue, recommender.manifest.exclude_seen, recommender.manifest.noise_size)
    encoded = [reader.encode(events)[0] for events in histories]
    return [history for history in encoded if len(history[0])]


def posted_segment(workshop: Workshop, histories: Sequence[Sequence[HistoryEvent]]) -> list[EncodedHistory]:
    """Raises TooFewShoppers where no history has an event on a known item."""
    known = encoded_histories(workshop, histories)
    if not known:
        raise TooFewShoppers(0, 1, "of the segment's histories have an event on an item of the catalogue")
    return known


def stored_segment(
    workshop: Workshop, histories: Sequence[Sequence[HistoryEvent]], asked: Filter | None
) -> list[EncodedHistory]:
    """Shoppers with an event on an item that the filter is true of; all of them without a filter.

    Raises RuleRefused for a filter that this catalogue cannot be asked or that no item fits, TooFewShoppers.
    """
    known = encoded_histories(workshop, histories)
    what = "shoppers have an event on an item of the catalogue"
    if asked is not None:
        fits_N = workshop.fitting_rows(asked)
        if not fits_N.any():
            raise RuleRefused(("segment", "filter"), "is true of no item of the catalogue")
        known = [history for history in known if np.any(fits_N[history[0]])]
        what = "shoppers have an event on an item that the segment's filter is true of"
    if len(known) < MIN_SHOPPERS:
        raise TooFewShoppers(len(known), MIN_SHOPPERS, what)
    return known
