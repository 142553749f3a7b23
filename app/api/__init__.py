"""The HTTP interface: one file a resource, and what all of them share."""

from typing import Final

MAX_BODY_BYTES: Final = 256 * 1024
"""Of a recommendation request."""
MAX_JSON_DEPTH: Final = 32
MAX_ERRORS: Final = 20
"""Field problems that one answer lists; the rest is counted."""
