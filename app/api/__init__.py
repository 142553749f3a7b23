"""The HTTP interface: one file a resource, and what all of them share."""

from typing import Final

MAX_BODY_BYTES: Final = 256 * 1024
"""Of a recommendation request, and of others that are about one shopper."""
MAX_LARGE_BODY_BYTES: Final = 4 * 1024 * 1024
"""Of a batch or of events."""
MAX_ITEMS_BODY_BYTES: Final = 64 * 1024 * 1024
"""Of items, which are read row by row as they come."""
MAX_JSON_DEPTH: Final = 32
MAX_INTEGER_DIGITS: Final = 4300
"""Of an integer anywhere in a body; parsers read no longer ones, and every field's own limit is far below."""
MAX_ERRORS: Final = 20
"""Field problems that one answer lists; the rest is counted."""
