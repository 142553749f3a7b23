"""Proposals that are asked for more than once: what a list's order is chosen by does not change who is proposed."""

import hashlib
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Final

from models.recommend.proposal import Proposal
from models.recommend.question import Question

MAX_QUESTIONS: Final = 4_096
"""At most 100 MB; of more, which are asked for again too, the memory would be more than the time is worth."""


@dataclass(slots=True)
class Proposals:
    """Of one ranker's sources, found again by calls of the same questions in the same order."""

    room: int
    """Questions whose proposals may still be kept."""
    _kept: dict[bytes, Proposal] = field(default_factory=dict)

    @classmethod
    def to(cls, num_questions: int) -> "Proposals":
        """Room for so many, or for none where they are too many."""
        return cls(num_questions if num_questions <= MAX_QUESTIONS else 0)

    def of(self, questions: Sequence[Question], propose: Callable[[Sequence[Question]], Proposal]) -> Proposal:
        """What was proposed for these questions, none of which has a mask; proposed now if it was not before."""
        key = _key(questions)
        if key in self._kept:
            return self._kept[key]
        proposal = propose(questions)
        if len(questions) <= self.room:
            self._kept[key] = proposal
            self.room -= len(questions)
        return proposal


def _key(questions: Sequence[Question]) -> bytes:
    """Of all that proposals depend on."""
    digest = hashlib.sha256()
    for question in questions:
        assert question.mask is None
        digest.update(bytes([question.seen_left_out]))
        for array in (*question.history, question.excluded_rows, question.noise_SZ):
            digest.update(f"{array.dtype} {array.shape}".encode())
            digest.update(array.tobytes())
    return digest.digest()
