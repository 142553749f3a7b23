"""Histories to ranked item rows: propose, fuse, leave out, fill up with what is popular."""

# B users, K places, C candidates, N items

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray

from models.baselines.item_facts import ItemFacts
from models.data.sequences import Sequences
from models.domain.item_rows import NO_ITEM
from models.domain.stages import timed
from models.features.histories import HistoryBatch, encode_histories
from models.features.spec import FeatureSpec
from models.recommend.candidates import NUM_CANDIDATES, Candidates, CandidateSource, RunsNetwork
from models.recommend.fusion import FusionWeights, StandardScores, as_score
from models.recommend.judging import Shortlist, judged_order, make_shortlist
from models.recommend.systems import Stage

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
    seen_left_out: bool
    """Whether `excluded_rows` holds the whole history."""
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
class Proposal:
    """What the sources found for a few questions."""

    history: HistoryBatch
    candidates: Candidates
    scores: StandardScores
    judged_BC: NDArray[np.bool_]
    """Which candidates compete for the shortlist: a request's own exclusions do not change who does."""
    allowed_BC: NDArray[np.bool_]
    """Which candidates may be listed."""

    def fused(self, weights: FusionWeights) -> NDArray[np.float32]:
        """The fused order [B, C], -inf where a candidate may not be listed."""
        return self.listed(self.scores.fused(weights))

    def listed(self, values_BC: NDArray[np.float32]) -> NDArray[np.float32]:
        """The values of what may be listed, -inf elsewhere."""
        return np.where(self.allowed_BC, values_BC, np.float32(-np.inf))


@dataclass(frozen=True, slots=True)
class Ranker:
    """The list as served; evaluation and service ask the same object."""

    source: CandidateSource
    spec: FeatureSpec
    weights: FusionWeights
    facts: ItemFacts
    judge: RunsNetwork | None
    """None where no judge could be fitted: the fused order stands."""
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
        facts: ItemFacts,
        judge: RunsNetwork | None,
        popularity_N: NDArray[np.float32],
        noise_size: int,
        out_of_stock_N: NDArray[np.bool_],
    ) -> "Ranker":
        """A ranker from its parts; `popularity_N` counts training events."""
        return cls(
            source=source,
            spec=spec,
            weights=weights,
            facts=facts,
            judge=judge,
            popularity_N=np.asarray(popularity_N / max(float(popularity_N.max()), 1.0), np.float32),
            popular_rows_N=np.argsort(-popularity_N, kind="stable").astype(np.int32),
            noise_size=noise_size,
            out_of_stock_N=out_of_stock_N,
        )

    def rank(self, questions: Sequence[Question], stage: Stage = "judged") -> list[RankedList]:
        """One list a question; questions of one call have equally many samples."""
        answers: list[RankedList | None] = [
            None if len(question.history[0]) and stage != "popularity" else self._popular(question)
            for question in questions
        ]
        open_questions = [number for number, answer in enumerate(answers) if answer is None]
        if open_questions:
            ranked = self._rank_known([questions[number] for number in open_questions], stage)
            for number, answer in zip(open_questions, ranked, strict=True):
                answers[number] = answer
        return [answer for answer in answers if answer is not None]

    def propose(self, questions: Sequence[Question]) -> Proposal:
        """Candidates of questions that have a history, and which of them may be listed."""
        with timed("encode"):
            history = encode_histories(
                [question.history for question in questions],
                max_events=self.spec.max_history_events,
                uses_time=self.spec.uses_time,
            )
        noise_BSZ = np.stack([question.noise_SZ for question in questions])
        again_BL = np.stack(
            [
                np.where(np.isin(row_L, question.excluded_rows), NO_ITEM, row_L)
                for row_L, question in zip(history.item_rows_BL, questions, strict=True)
            ]
        )
        fetch = [self._fetch(question) for question in questions]
        candidates = self.source.propose(history, noise_BSZ, fetch, again_BL)
        with timed("filter"):
            allowed_BC = np.stack(
                [self._allowed(row_C, question) for row_C, question in zip(candidates.rows_BC, questions, strict=True)]
            )
        with timed("fuse"):
            scores = StandardScores(candidates)
        seen_left_out_B1 = np.array([[question.seen_left_out] for question in questions])
        return Proposal(
            history=history,
            candidates=candidates,
            scores=scores,
            judged_BC=scores.core_BC & ~(candidates.in_history_BC & seen_left_out_B1),
            allowed_BC=allowed_BC & (candidates.rows_BC != NO_ITEM),
        )

    def shortlist(self, proposal: Proposal) -> Shortlist:
        """What the judge is asked about."""
        return make_shortlist(
            proposal.history,
            proposal.candidates,
            proposal.scores,
            np.where(proposal.judged_BC, proposal.scores.fused(self.weights), np.float32(-np.inf)),
            neighbours=self.source.neighbours,
            facts=self.facts,
            item_features_ND=self.source.item_features_ND,
        )

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
            seen_left_out=exclude_seen,
            k=k,
            noise_SZ=np.zeros((1, self.noise_size), np.float32),
            hide_out_of_stock=hide_out_of_stock,
        )

    def best_guesses(self, histories: Sequences, k: int, exclude_seen: bool) -> list[Question]:
        """What evaluation asks for each of these."""
        return [self.best_guess(histories, user, k, exclude_seen) for user in range(histories.num_users)]

    def rank_sequences(
        self, histories: Sequences, k: int, exclude_seen: bool, stage: Stage = "judged"
    ) -> tuple[NDArray[np.int32], NDArray[np.float32]]:
        """Item rows [B, K] (-1 where a list is shorter) and scores for whole sequences."""
        return self.rank_all(self.best_guesses(histories, k, exclude_seen), k, stage)

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
        passed_over = len(np.union1d(question.excluded_rows, question.history[0][-self.spec.max_history_events :]))
        return max(NUM_CANDIDATES, question.k) + passed_over + min(hidden, MAX_OVERFETCH)

    def _allowed(self, rows: NDArray[np.int32], question: Question) -> NDArray[np.bool_]:
        allowed: NDArray[np.bool_] = ~np.isin(rows, question.excluded_rows)
        return allowed & ~self.out_of_stock_N[rows] if question.hide_out_of_stock else allowed

    def _rank_known(self, questions: Sequence[Question], stage: Stage) -> list[RankedList]:
        proposal = self.propose(questions)
        candidates, values_BC = proposal.candidates, self._values(proposal, stage)
        with timed("rerank"):
            return [
                self._listed(question, candidates, user, values_C)
                for user, (question, values_C) in enumerate(zip(questions, values_BC, strict=True))
            ]

    def _listed(
        self, question: Question, candidates: Candidates, user: int, values_C: NDArray[np.float32]
    ) -> RankedList:
        rows_C = candidates.rows_BC[user]
        places = np.flatnonzero(np.isfinite(values_C))
        places = places[np.argsort(-values_C[places], kind="stable")][: question.k]
        rows_K, scores_K = self._filled(rows_C[places], as_score(values_C[places]), question)
        return RankedList(
            rows_K=rows_K,
            scores_K=scores_K,
            candidates_scanned=int((rows_C != NO_ITEM).sum()),
            sources=_shares(candidates, user, places, len(rows_K)),
            by_popularity=False,
        )

    def _values(self, proposal: Proposal, stage: Stage) -> NDArray[np.float32]:
        """What orders the list [B, C]; -inf where a candidate must not stand in it."""
        if stage == "generator":
            # only what the generator found: neighbours' proposals would flatter it
            by_generator_BC = proposal.fused(FusionWeights(neighbours=0.0))
            return np.where(proposal.candidates.from_generator_BC, by_generator_BC, np.float32(-np.inf))
        if stage == "neighbours":
            found_BC = proposal.allowed_BC & proposal.candidates.from_neighbours_BC
            return np.where(found_BC, proposal.scores.neighbours_BC, np.float32(-np.inf))
        if stage == "fused" or self.judge is None:
            return proposal.fused(self.weights)
        with timed("judge"):
            fused_BC = proposal.scores.fused(self.weights)
            return proposal.listed(judged_order(self.shortlist(proposal), fused_BC, self.judge))

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


def _shares(candidates: Candidates, user: int, places: NDArray[np.int64], listed: int) -> dict[str, float]:
    """Share of the list that each source proposed; what both did counts half for each."""
    if listed == 0:
        return {}
    made, near = candidates.from_generator_BC[user, places], candidates.from_neighbours_BC[user, places]
    both = float((made & near).sum()) / 2
    shares = {"generator": float(made.sum()) - both, "neighbours": float(near.sum()) - both}
    shares["history"] = float((~made & ~near).sum())
    shares["popularity"] = float(listed - len(places))
    return {name: share / listed for name, share in shares.items()}
