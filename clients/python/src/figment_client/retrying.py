"""Whether to ask once more, and after how long."""

import random
from dataclasses import dataclass
from typing import Any

import httpx

from figment_client.errors import NoAnswer, refused
from figment_client.operation import Operation

PASSING = frozenset({409, 429, 502, 503})
"""Statuses that may be others a moment later; 409: the first request with this idempotency key is not done yet."""
FIRST_PAUSE_SECONDS = 0.1


@dataclass(frozen=True, slots=True)
class Retrying:
    """How patient a client is."""

    most: int
    """Attempts after the first."""
    longest_pause_seconds: float
    """A service that asks for more patience than this is believed, and not asked again."""

    def pause_seconds(
        self, operation: Operation[Any], outcome: httpx.Response | NoAnswer, attempt: int
    ) -> float | None:
        """How long to wait before the next attempt; None where this outcome stands. The first attempt is 0."""
        if attempt >= self.most or not operation.can_be_repeated:
            return None
        own: float = FIRST_PAUSE_SECONDS * 2**attempt * random.uniform(0.5, 1)  # noqa: S311  # spreads crowds, hides nothing
        if isinstance(outcome, NoAnswer):
            return min(own, self.longest_pause_seconds)
        if outcome.status_code not in PASSING:
            return None
        asked_for = refused(outcome).retry_after or 0.0
        return None if asked_for > self.longest_pause_seconds else min(max(asked_for, own), self.longest_pause_seconds)
