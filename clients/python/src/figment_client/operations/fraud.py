"""How implausible behaviours and listings are."""

from collections.abc import Sequence

from figment_client.answers import ListingScores, SessionScores
from figment_client.inputs import FraudSession, Item
from figment_client.operation import Operation
from figment_client.operations.lists import DEADLINE


def score_sessions(*, sessions: Sequence[FraudSession], deadline_ms: int | None = None) -> Operation[SessionScores]:
    """Up to 1,000 sessions; from 200 on, what they share counts too. Refused where the model has no detector."""
    return Operation("POST", "/v1/fraud/sessions", headers={DEADLINE: deadline_ms}, body={"sessions": sessions})


def score_items(*, items: Sequence[Item], deadline_ms: int | None = None) -> Operation[ListingScores]:
    """Up to 100 listings, stored or not: whether category, brand, labels and price fit the text."""
    return Operation("POST", "/v1/fraud/items", headers={DEADLINE: deadline_ms}, body={"items": items})
