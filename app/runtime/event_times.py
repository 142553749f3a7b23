"""Which timestamps an event may have."""

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final

MOST_AHEAD: Final = timedelta(minutes=5)
"""A shop's clock may be this much ahead of ours."""


@dataclass(frozen=True, slots=True)
class EventTimes:
    """Neither from the future nor so old that it says nothing of what a shopper wants."""

    max_age: timedelta = timedelta(days=3 * 365)

    def refusal(self, timestamp: datetime, now: datetime) -> str | None:
        """Why an event of this time is not taken; None where it is."""
        if timestamp > now + MOST_AHEAD:
            ahead = MOST_AHEAD // timedelta(minutes=1)
            return f"timestamp {timestamp.isoformat()} is in the future: more than {ahead} minutes after {_told(now)}"
        if timestamp < now - self.max_age:
            return f"timestamp {timestamp.isoformat()} is too old: more than {self.max_age.days} days ago"
        return None


def _told(now: datetime) -> str:
    return now.isoformat(timespec="seconds")
