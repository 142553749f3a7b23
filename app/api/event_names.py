"""What Google Retail and GA4 call the same events."""

from collections.abc import Mapping
from typing import Annotated, Any, Final

from pydantic import BeforeValidator, WithJsonSchema

from models.domain.events import EVENT_TYPES, EventType

ALIASES: Final[Mapping[str, EventType]] = {
    # Google Retail, "User event types"
    "detail-page-view": "view",
    "add-to-cart": "add_to_cart",
    "purchase-complete": "purchase",
    # Google Analytics 4, "Recommended events"; add_to_cart and purchase are the same there
    "view_item": "view",
    "select_item": "click",
    "view_item_list": "impression",
}
"""Those that are about one item. A search, a home page or an emptied cart is about none."""


def _own_name(value: Any) -> Any:
    return ALIASES.get(value, value) if isinstance(value, str) else value


EventName = Annotated[
    EventType, BeforeValidator(_own_name), WithJsonSchema({"type": "string", "enum": [*EVENT_TYPES, *ALIASES]})
]
"""One of ours, whichever name it came under."""
