"""Ids that sort by time and never collide: ULIDs (github.com/ulid/spec)."""

import time
from typing import Final

from app.runtime.random_bits import random_bytes

CROCKFORD: Final = "0123456789ABCDEFGHJKMNPQRSTVWXYZ"
CHARACTERS: Final = 26
TIME_CHARACTERS: Final = 10
_VALUES: Final = {character: value for value, character in enumerate(CROCKFORD)}


def new_recommendation_id() -> str:
    """10 characters of time in milliseconds, then 80 random bits in 16."""
    value = time.time_ns() // 1_000_000 << 80 | random_bytes.bits(80)
    return "".join(CROCKFORD[value >> shift & 31] for shift in range(125, -1, -5))


def age_seconds(recommendation_id: str) -> float | None:
    """How long ago the id was made; None where it is none of ours."""
    if len(recommendation_id) != CHARACTERS or not _VALUES.keys() >= set(recommendation_id):
        return None
    milliseconds = 0
    for character in recommendation_id[:TIME_CHARACTERS]:
        milliseconds = milliseconds << 5 | _VALUES[character]
    return time.time() - milliseconds / 1000
