"""Ids that sort by time and never collide."""

import secrets
import time
from typing import Final

CROCKFORD: Final = "0123456789ABCDEFGHJKMNPQRSTVWXYZ"


def new_recommendation_id() -> str:
    """A ULID (github.com/ulid/spec): 10 characters of time in milliseconds, then 80 random bits in 16."""
    value = time.time_ns() // 1_000_000 << 80 | secrets.randbits(80)
    return "".join(CROCKFORD[value >> shift & 31] for shift in range(125, -1, -5))
