"""Histories to ranked item rows: propose, fuse, leave out, fill up with what is popular."""

# B users, K places, C candidates, N items

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray

from models.data.sequences import Sequences
from models.domain.item_rows import NO_ITEM
from models.features.histories import encode_histories
from models.features.spec import FeatureSpec
from models.recommend.candidates import NUM_CANDIDATES, Candidates, CandidateSource
from models.recommend.fusion import FusionWeights, Stage, StandardScores, as_score, weights_of

USERS_PER_CALL: Final = 256
MAX_OVERFETCH: Final = 1_000
"""Most additional proposals that items out of stock are made up for with; popular items follow beyond."""
NOTHING: Final = np.empty(0, np.int32)
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
    hide_out_of_stock: bool = True
    """False in evaluation: what is out of stock today was bought yesterday."""


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
    out_of_stock_N: NDArray[np.bool_]

    @classmethod
    def assemble(
        cls,
        *,
        source: CandidateSource,
        spec: FeatureSpec,
        weights: FusionWeights,
        popularity_N: NDArray[np.float32],
        noise_size: int,
        out_of_stock_N: NDArray[np.bool_],
    ) -> "Ranker":
        """A ranker from its parts; `popularity_N` counts training events."""
        return cls(
            source=source,
            spec=spec,
            weights=weights,
            popularity_N=np.asarray(popularity_N / max(float(popularity_N.max()), 1.0), np.float32),
            popular_rows_N=np.argsort(-popularity_N, kind="stable").astype(np.int32),
            noise_size=noise_size,
            out_of_stock_N=out_of_stock_N,
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
        return self.source.propose(history, noise_BSZ, [self._fetch(question) for question in questions])

    def best_guess(
        self,
        histories: Sequences,
        user: int,
        k: int,
        exclude_seen: bool,
        *,
        left_out_rows: NDArray[np.int32] = NOTHING,
        hide_out_of_stock: bool = False,
    ) -> Question:
        """The question without noise; as it stands, what evaluation asks."""
        events = slice(histories.offsets_U1[user], histories.offsets_U1[user + 1])
        rows = histories.item_rows_E[events]
        return Question(
            history=(rows, histories.event_types_E[events], histories.timestamps_E[events]),
            excluded_rows=np.union1d(rows if exclude_seen else NOTHING, left_out_rows).astype(np.int32),
            k=k,
            noise_SZ=np.zeros((1, self.noise_size), np.float32),
            hide_out_of_stock=hide_out_of_stock,
        )

    def rank_sequences(
        self, histories: Sequences, k: int, exclude_seen: bool, stage: Stage = "judged"
    ) -> tuple[NDArray[np.int32], NDArray[np.float32]]:
        """Item rows [B, K] (-1 where a list is shorter) and scores for whole sequences."""
        return self.rank_all(
            [self.best_guess(histories, user, k, exclude_seen) for user in range(histories.num_users)], k, stage
        )

    def rank_all(
        self, questions: Sequence[Question], k: int, stage: Stage = "judged"
    ) -> tuple[NDArray[np.int32], NDArray[np.float32]]:
        """Any number of questions, a call of bounded size after another: item rows [B, K] and scores."""
        rows_BK = np.full((len(questions), k), NO_ITEM, np.int32)
        scores_BK = np.zeros((len(questions), k), np.float32)
        # users of similar length share a call, so that little of it is padding
        order = np.argsort([len(question.history[0]) for question in questions], kind="stable")
        for start in range(0, len(order), USERS_PER_CALL):
            users = order[start : start + USERS_PER_CALL]
            ranked = self.rank([questions[user] for user in users], stage)
            for user, answer in zip(users, ranked, strict=True):
                rows_BK[user, : len(answer.rows_K)] = answer.rows_K
                scores_BK[user, : len(answer.rows_K)] = answer.scores_K
        return rows_BK, scores_BK

    def _fetch(self, question: Question) -> int:
        """Proposals asked of each source, so that enough remain of them."""
        hidden = int(self.out_of_stock_N.sum()) if question.hide_out_of_stock else 0
        return max(NUM_CANDIDATES, question.k) + len(question.excluded_rows) + min(hidden, MAX_OVERFETCH)

    def _allowed(self, rows: NDArray[np.int32], question: Question) -> NDArray[np.bool_]:
        allowed: NDArray[np.bool_] = ~np.isin(rows, question.excluded_rows)
        return allowed & ~self.out_of_stock_N[rows] if question.hide_out_of_stock else allowed

    def _rank_known(self, questions: Sequence[Question], stage: Stage) -> list[RankedList]:
        candidates = self.propose(questions)
        fused_BC = StandardScores(candidates).fused(weights_of(stage, self.weights))
        # the generator stage lists only what the generator found: neighbours' proposals would flatter it
        if stage == "generator":
            fused_BC = np.where(candidates.from_generator_BC, fused_BC, -np.inf)
        answers = []
        for user, question in enumerate(questions):
            rows_C, values_C = candidates.rows_BC[user], fused_BC[user]
            allowed_C = np.isfinite(values_C) & self._allowed(rows_C, question)
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
        more = self._most_popular(question, rows)[:missing]
        below = scores[-1] if len(scores) else np.float32(1.0)
        return np.concatenate([rows, more]), np.concatenate([scores, below * self.popularity_N[more]])

    def _popular(self, question: Question) -> RankedList:
        rows_K = self._most_popular(question, NOTHING)
        return RankedList(
            rows_K=rows_K,
            scores_K=self.popularity_N[rows_K],
            candidates_scanned=len(self.popularity_N),
            sources={"popularity": 1.0} if len(rows_K) else {},
            by_popularity=True,
        )

    def _most_popular(self, question: Question, listed_rows: NDArray[np.int32]) -> NDArray[np.int32]:
        """The k most popular items that are allowed and not listed yet."""
        allowed_N = self._allowed(self.popular_rows_N, question) & ~np.isin(self.popular_rows_N, listed_rows)
        return self.popular_rows_N[allowed_N][: question.k]


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
