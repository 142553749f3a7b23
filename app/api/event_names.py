"""Event types as they may be sent: ours, and what others call the same."""

from typing import Annotated, Any

from pydantic import BeforeValidator, WithJsonSchema

from models.domain.events import EVENT_ALIASES, EVENT_TYPES, EventType


def _own_name(value: Any) -> Any:
    return EVENT_ALIASES.get(value, value) if isinstance(value, str) else value


EventName = Annotated[
    EventType, BeforeValidator(_own_name), WithJsonSchema({"type": "string", "enum": [*EVENT_TYPES, *EVENT_ALIASES]})
]
"""One of ours, whichever name it came under."""
