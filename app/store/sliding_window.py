"""The arithmetic of a rate limit over a window that slides: of the window before, the share counts that still overlaps.

The same rule as `limits`' sliding window counter, which the tests hold against it.
"""

from dataclasses import dataclass
from math import floor


@dataclass(frozen=True, slots=True)
class SlidingWindow:
    """A limit as one hit found and left it."""

    limit: int
    """Hits that fit into a window."""
    seconds: int
    """Length of a window."""
    taken: bool
    """Whether the hit fitted; one that did not is not counted."""
    previous: int
    """Hits of the window before."""
    current: int
    """Hits of this window, with this one if it fitted."""
    elapsed: float
    """Seconds since this window began."""

    @property
    def remaining(self) -> int:
        """Hits that would fit now."""
        overlap = 1 - self.elapsed / self.seconds
        return max(0, self.limit - floor(self.previous * overlap + self.current))

    @property
    def seconds_until_next(self) -> int:
        """Whole seconds after which one more hit fits, if nobody else comes first; 0 where it fits now."""
        if self.remaining:
            return 0
        if self.current < self.limit:
            wait = self._until_overlap((self.limit - self.current) / self.previous) - self.elapsed
        else:
            # this window is full by itself, so it must first become the previous one and then overlap less
            wait = self.seconds - self.elapsed + self._until_overlap(self.limit / self.current)
        return floor(wait + 1e-6) + 1  # at the very instant it does not fit yet

    @property
    def seconds_left(self) -> int:
        """Whole seconds until the next window begins, at least 1."""
        return floor(self.seconds - self.elapsed - 1e-6) + 1

    def _until_overlap(self, share: float) -> float:
        """Seconds from a window's beginning until only this share of the one before counts."""
        return (1 - share) * self.seconds
