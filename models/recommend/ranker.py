"""Histories to ranked item rows: propose, fuse, leave out, fill up with what is popular."""

# B users, K places, C candidates, N items

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray

from models.data.sequences import Sequences
from models.features.histories import NO_ITEM, encode_histories
from models.features.spec import FeatureSpec
from models.recommend.candidates import NUM_CANDIDATES, Candidates, CandidateSource
from models.recommend.fusion import FusionWeights, Stage, StandardScores, as_score, weights_of

USERS_PER_CALL: Final = 256
EncodedHistory = tuple[NDArray[np.int32], NDArray[np.int8], NDArray[np.int64]]
"""Item rows, event types and epoch seconds of one history, oldest first."""


@dataclass(frozen=True, slots=True)
class Question:
    """One shopper, ready for the networks."""

    history: EncodedHistory
    excluded_rows: NDArray[np.int32]
    k: int
    noise_SZ: NDArray[np.float32]
    """One row a sample; a single row of zeros is the single best guess."""


@dataclass(frozen=True, slots=True)
class RankedList:
    """At most k item rows, best first."""

    rows_K: NDArray[np.int32]
    scores_K: NDArray[np.float32]
    candidates_scanned: int
    sources: dict[str, float]
    by_popularity: bool
    """True where there was no history to go by."""


@dataclass(frozen=True, slots=True)
class Ranker:
    """The list as served; evaluation and service ask the same object."""

    source: CandidateSource
    spec: FeatureSpec
    weights: FusionWeights
    popularity_N: NDArray[np.float32]
    """Share of the most popular item's events, 0 to 1."""
    popular_rows_N: NDArray[np.int32]
    """All items, most popular first."""
    noise_size: int

    @classmethod
    def assemble(
        cls,
        *,
        source: CandidateSource,
        spec: FeatureSpec,
        weights: FusionWeights,
        popularity_N: NDArray[np.float32],
        noise_size: int,
    ) -> "Ranker":
        """A ranker from its parts; `popularity_N` counts training events."""
        return cls(
            source=source,
            spec=spec,
            weights=weights,
            popularity_N=np.asarray(popularity_N / max(float(popularity_N.max()), 1.0), np.float32),
            popular_rows_N=np.argsort(-popularity_N, kind="stable").astype(np.int32),
            noise_size=noise_size,
        )

    def rank(self, questions: Sequence[Question], stage: Stage = "judged") -> list[RankedList]:
        """One list a question; questions of one call have equally many samples."""
        answers: list[RankedList | None] = [
            None if len(question.history[0]) else self._popular(question) for question in questions
        ]
        open_questions = [number for number, answer in enumerate(answers) if answer is None]
        if open_questions:
            ranked = self._rank_known([questions[number] for number in open_questions], stage)
            for number, answer in zip(open_questions, ranked, strict=True):
                answers[number] = answer
        return [answer for answer in answers if answer is not None]

    def propose(self, questions: Sequence[Question]) -> Candidates:
        """Candidates of questions that have a history, before anything is left out."""
        history = encode_histories(
            [question.history for question in questions],
            max_events=self.spec.max_history_events,
            uses_time=self.spec.uses_time,
        )
        noise_BSZ = np.stack([question.noise_SZ for question in questions])
        fetch_B = [max(NUM_CANDIDATES, question.k) + len(question.excluded_rows) for question in questions]
        return self.source.propose(history, noise_BSZ, fetch_B)

    def best_guess(self, histories: Sequences, user: int, k: int, exclude_seen: bool) -> Question:
        """The question that evaluation asks: no noise, nothing excluded but what was seen."""
        events = slice(histories.offsets_U1[user], histories.offsets_U1[user + 1])
        rows = histories.item_rows_E[events]
        return Question(
            history=(rows, histories.event_types_E[events], histories.timestamps_E[events]),
            excluded_rows=np.unique(rows) if exclude_seen else np.empty(0, np.int32),
            k=k,
            noise_SZ=np.zeros((1, self.noise_size), np.float32),
        )

    def rank_sequences(
        self, histories: Sequences, k: int, exclude_seen: bool, stage: Stage = "judged"
    ) -> tuple[NDArray[np.int32], NDArray[np.float32]]:
        """Item rows [B, K] (-1 where a list is shorter) and scores for whole sequences."""
        rows_BK = np.full((histories.num_users, k), NO_ITEM, np.int32)
        scores_BK = np.zeros((histories.num_users, k), np.float32)
        # users of similar length share a call, so that little of it is padding
        order = np.argsort(histories.lengths_U, kind="stable")
        for start in range(0, len(order), USERS_PER_CALL):
            users = order[start : start + USERS_PER_CALL]
            questions = [self.best_guess(histories, int(user), k, exclude_seen) for user in users]
            for user, ranked in zip(users, self.rank(questions, stage), strict=True):
                rows_BK[user, : len(ranked.rows_K)] = ranked.rows_K
                scores_BK[user, : len(ranked.rows_K)] = ranked.scores_K
        return rows_BK, scores_BK

    def _rank_known(self, questions: Sequence[Question], stage: Stage) -> list[RankedList]:
        candidates = self.propose(questions)
        fused_BC = StandardScores(candidates).fused(weights_of(stage, self.weights))
        # the generator stage lists only what the generator found: neighbours' proposals would flatter it
        if stage == "generator":
            fused_BC = np.where(candidates.from_generator_BC, fused_BC, -np.inf)
        answers = []
        for user, question in enumerate(questions):
            rows_C, values_C = candidates.rows_BC[user], fused_BC[user]
            allowed_C = np.isfinite(values_C) & ~np.isin(rows_C, question.excluded_rows)
            places = np.flatnonzero(allowed_C)
            places = places[np.argsort(-values_C[places], kind="stable")][: question.k]
            rows_K, scores_K = self._filled(rows_C[places], as_score(values_C[places]), question)
            made, near = candidates.from_generator_BC[user, places], candidates.from_neighbours_BC[user, places]
            answers.append(
                RankedList(
                    rows_K=rows_K,
                    scores_K=scores_K,
                    candidates_scanned=int((rows_C != NO_ITEM).sum()),
                    sources=_shares(made, near, len(rows_K)),
                    by_popularity=False,
                )
            )
        return answers

    def _filled(
        self, rows: NDArray[np.int32], scores: NDArray[np.float32], question: Question
    ) -> tuple[NDArray[np.int32], NDArray[np.float32]]:
        """Where candidates ran out, popular items follow below the last one."""
        missing = question.k - len(rows)
        if missing <= 0:
            return rows, scores
        more = self._most_popular(missing, np.concatenate([rows, question.excluded_rows]))
        below = scores[-1] if len(scores) else np.float32(1.0)
        return np.concatenate([rows, more]), np.concatenate([scores, below * self.popularity_N[more]])

    def _popular(self, question: Question) -> RankedList:
        rows_K = self._most_popular(question.k, question.excluded_rows)
        return RankedList(
            rows_K=rows_K,
            scores_K=self.popularity_N[rows_K],
            candidates_scanned=len(self.popularity_N),
            sources={},
            by_popularity=True,
        )

    def _most_popular(self, number: int, excluded_rows: NDArray[np.int32]) -> NDArray[np.int32]:
        head = self.popular_rows_N[: number + len(excluded_rows)]
        return head[~np.isin(head, excluded_rows)][:number]


def _shares(made: NDArray[np.bool_], near: NDArray[np.bool_], listed: int) -> dict[str, float]:
    """Share of the list that each source proposed; what both did counts half for each."""
    if listed == 0:
        return {}
    both = float((made & near).sum()) / 2
    generator, neighbours = float(made.sum()) - both, float(near.sum()) - both
    return {
        "generator": generator / listed,
        "neighbours": neighbours / listed,
        "popularity": (listed - generator - neighbours) / listed,
    }
