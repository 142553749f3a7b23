"""Histories to ranked item rows: propose, order, leave out, find more where too few are left, arrange, fill up."""

# B users, K places, C candidates, N items, P items in the order of relevance

import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import count
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
from models.recommend.dislikes import less_disliked, nearness_to_disliked
from models.recommend.fusion import FusionWeights, StandardScores, as_score
from models.recommend.judging import SHORTLIST_LENGTH, Shortlist, make_shortlist
from models.recommend.mask import Mask
from models.recommend.orders import JudgedOrder, Order, by_fusion, by_generator, by_neighbours
from models.recommend.pool import NUM_MORE, Placed, Pool, pool_of
from models.recommend.popular import POPULAR_POOL, PopularItems
from models.recommend.proposal import Proposal
from models.recommend.proposals import Proposals
from models.recommend.question import NOTHING, Question, RankedList
from models.recommend.stage_lists import StageLists
from models.recommend.systems import Stage

USERS_PER_CALL: Final = 256
PROPOSALS_PER_CALL: Final = 256 * 200
"""Of all samples: shoppers who had hundreds of items are asked so many more, and fewer of them share a call."""
_END: Final = np.iinfo(np.int32).max


@dataclass(frozen=True, slots=True)
class Ranker:
    """The list as served; evaluation and service ask the same object."""

    source: CandidateSource
    spec: FeatureSpec
    weights: FusionWeights
    facts: ItemFacts
    judge: RunsNetwork | None
    """None where no judge could be fitted: the fused order stands."""
    popular: PopularItems
    noise_size: int

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
    ) -> "Ranker":
        """A ranker from its parts; `popularity_N` counts training events."""
        return cls(
            source=source,
            spec=spec,
            weights=weights,
            facts=facts,
            judge=judge,
            popular=PopularItems.of(popularity_N),
            noise_size=noise_size,
        )

    def rank(self, questions: Sequence[Question], stage: Stage = "judged", *, exact: bool = False) -> list[RankedList]:
        """One list a question; questions of one call have equally many samples.

        `exact`: no index, every item is asked.
        """
        known = _known(questions, stage)
        proposal = self.propose(known, exact=exact) if known else None
        return self._ranked(questions, proposal, stage, exact=exact)

    def propose(
        self, questions: Sequence[Question], *, exact: bool = False, asked_rows: NDArray[np.int32] = NOTHING
    ) -> Proposal:
        """Candidates of questions that have a history, and which of them may be listed.

        Who the candidates are depends on the history alone, and on whether what is in it is left out. `asked_rows` are
        scored beside them, and change nothing for the others.
        """
        with timed("encode"):
            history = encode_histories(
                [question.history for question in questions],
                max_events=self.spec.max_history_events,
                uses_time=self.spec.uses_time,
                looks_back=[not question.seen_left_out for question in questions],
            )
        noise_BSZ = np.stack([question.noise_SZ for question in questions])
        seen_left_out_B1 = np.array([[question.seen_left_out] for question in questions])
        again_BL = np.where(seen_left_out_B1, NO_ITEM, history.item_rows_BL)
        best_BX = again_BL[:, :0] if history.taken is None else history.taken.best_BX
        asked_BX = np.broadcast_to(asked_rows, (len(questions), len(asked_rows)))
        candidates = self.source.propose(
            history,
            noise_BSZ,
            [self._fetch(question) for question in questions],
            np.concatenate([again_BL, best_BX, asked_BX], axis=1),
            exact=exact,
        )
        with timed("fuse"):
            scores = StandardScores(candidates)
            judged_BC = scores.core_BC & ~(candidates.in_history_BC & seen_left_out_B1)
        with timed("filter"):
            allowed_BC = np.stack(
                [question.allows(row_C) for row_C, question in zip(candidates.rows_BC, questions, strict=True)]
            )
        return Proposal(history, candidates, scores, judged_BC, allowed_BC)

    def shortlist(self, proposal: Proposal) -> Shortlist:
        """The first block: what the judge is asked about, whatever a request leaves out."""
        fused_BC = np.where(proposal.judged_BC, proposal.scores.fused(self.weights), np.float32(-np.inf))
        return self.evidence_on(proposal.history, proposal.candidates, proposal.scores, fused_BC)

    def evidence_on(
        self,
        history: HistoryBatch,
        candidates: Candidates,
        scores: StandardScores,
        fused_BC: NDArray[np.float32],
        length: int = SHORTLIST_LENGTH,
    ) -> Shortlist:
        """The evidence on the `length` best by `fused_BC`."""
        return make_shortlist(
            history,
            candidates,
            scores,
            fused_BC,
            neighbours=self.source.neighbours,
            facts=self.facts,
            item_features_ND=self.source.item_features_ND,
            length=length,
        )

    def order(self, proposal: Proposal, stage: Stage) -> Order:
        """The total order of a stage."""
        if stage == "generator":
            return by_generator(proposal)
        if stage == "neighbours":
            return by_neighbours(proposal)
        if stage == "fused" or self.judge is None:
            return by_fusion(proposal, self.weights)
        with timed("judge"):
            first = self.shortlist(proposal)
            return JudgedOrder.of(proposal, self.weights, self.judge, self.evidence_on, first, NUM_MORE)

    def values(
        self, questions: Sequence[Question], rows_X: NDArray[np.int32], stage: Stage, *, on_first_scale: bool = False
    ) -> NDArray[np.float32]:
        """The value [B, X] of each of these rows for each question, in its stage's order, listed or not.

        -inf where the stage gives it no place. Questions have a history, and equally many samples. `on_first_scale`:
        neighbours alone are measured by the first question's best, not each question by its own, by which whoever is
        best has the same value whatever the history says.
        """
        proposal = self.propose(questions, asked_rows=rows_X)
        rows_BC = proposal.candidates.rows_BC
        order = self.order(proposal, stage)
        values_BC = order.of_wanted(np.isin(rows_BC, rows_X))
        place_BX = np.stack([np.searchsorted(np.where(row_C < 0, _END, row_C), rows_X) for row_C in rows_BC])
        values_BX = np.take_along_axis(values_BC, place_BX, axis=1)
        if on_first_scale and stage == "neighbours":
            top_B1 = proposal.scores.neighbours_top_B1
            values_BX = values_BX * (top_B1 / top_B1[0])
        return np.stack(
            [
                less_disliked(self.source, question.disliked_rows, rows_X, values_X, order.spread)
                for question, values_X in zip(questions, values_BX, strict=True)
            ]
        )

    def pool(self, question: Question, stage: Stage) -> Pool:
        """All that one list is made of."""
        proposal = self.propose([question])
        order = self.order(proposal, stage)
        placed = Placed.of(proposal, order)
        return pool_of(self.source, question, proposal, order, placed, 0, exact=False, whole=True)

    def best_guess(
        self,
        histories: Sequences,
        user: int,
        k: int,
        exclude_seen: bool,
        *,
        disliked_rows: NDArray[np.int32] = NOTHING,
        mask: Mask | None = None,
    ) -> Question:
        """The question without noise; as it stands, what evaluation asks."""
        events = slice(histories.offsets_U1[user], histories.offsets_U1[user + 1])
        rows = histories.item_rows_E[events]
        return Question(
            history=(rows, histories.event_types_E[events], histories.timestamps_E[events]),
            excluded_rows=np.union1d(rows if exclude_seen else NOTHING, disliked_rows).astype(np.int32),
            seen_left_out=exclude_seen,
            k=k,
            noise_SZ=np.zeros((1, self.noise_size), np.float32),
            mask=mask,
            disliked_rows=disliked_rows,
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
        """Any number of questions: item rows [B, K] and scores."""
        lists = self.rank_by_stages(questions, k, (stage,))[stage]
        return lists.rows_BK, lists.scores_BK

    def rank_by_stages(
        self, questions: Sequence[Question], k: int, stages: Sequence[Stage], proposals: Proposals | None = None
    ) -> dict[Stage, StageLists]:
        """The lists of each stage, of the same proposals: a call of bounded size after another."""
        lists = {stage: StageLists.empty(len(questions), k) for stage in stages}
        for users in self.calls(questions):
            asked = [questions[user] for user in users]
            started = time.perf_counter()
            known = _known(asked, *stages)
            proposal = (proposals.of(known, self.propose) if proposals else self.propose(known)) if known else None
            seconds = time.perf_counter() - started
            for stage, found in lists.items():
                started = time.perf_counter()
                found.put(users, self._ranked(asked, proposal, stage, exact=False))
                found.seconds += time.perf_counter() - started + (0.0 if stage == "popularity" else seconds)
        return lists

    def calls(self, questions: Sequence[Question]) -> Iterator[NDArray[np.int64]]:
        """Numbers of the questions of each call of bounded size: of similar length, so that little is padding."""
        rest = np.argsort([len(question.history[0]) for question in questions], kind="stable")
        proposals = np.array([len(question.noise_SZ) * self._fetch(question) for question in questions], np.int64)
        while len(rest):
            users = min(USERS_PER_CALL, max(1, PROPOSALS_PER_CALL // int(proposals[rest[:USERS_PER_CALL]].max())))
            yield rest[:users]
            rest = rest[users:]

    def _fetch(self, question: Question) -> int:
        """Proposals asked of each source, so that enough remain without what the shopper has."""
        rows = question.history[0]
        had = rows if question.seen_left_out else rows[-self.spec.max_history_events :]
        return NUM_CANDIDATES + len(np.unique(had))

    def _ranked(
        self, questions: Sequence[Question], proposal: Proposal | None, stage: Stage, *, exact: bool
    ) -> list[RankedList]:
        """One list a question, of the proposal to those that have a history."""
        if proposal is None or stage == "popularity":
            return [self._popular(question) for question in questions]
        order, users = self.order(proposal, stage), count()
        placed = Placed.of(proposal, order)
        return [
            self._listed(question, pool_of(self.source, question, proposal, order, placed, next(users), exact=exact))
            if len(question.history[0])
            else self._popular(question)
            for question in questions
        ]

    def _listed(self, question: Question, pool: Pool) -> RankedList:
        with timed("rerank"):
            places, scores_P = question.arrangement.arranged(
                pool.rows_P,
                as_score(pool.values_P),
                question.k,
                lambda rows: self.source.item_features_ND[rows],
                pool.num_first,
            )
            rows_K, scores_K = self.popular.filled(pool.rows_P[places], scores_P[places], question)
        return RankedList(
            rows_K=rows_K,
            scores_K=scores_K,
            candidates_scanned=pool.num_scored,
            sources=pool.shares(places, len(rows_K)),
            strategy=pool.strategy,
            is_fallback=False,
        )

    def _popular(self, question: Question) -> RankedList:
        with timed("rerank"):
            rows_P, shares_P = self.popular.best(question, POPULAR_POOL)
            if len(question.disliked_rows):
                shares_P = shares_P * (1.0 - nearness_to_disliked(self.source, question.disliked_rows, rows_P))
                best_first = np.argsort(-shares_P, kind="stable")
                rows_P, shares_P = rows_P[best_first], shares_P[best_first]
            places, scores_P = question.arrangement.arranged(
                rows_P, shares_P, question.k, lambda rows: self.source.item_features_ND[rows]
            )
            rows_K, scores_K = self.popular.filled(rows_P[places], scores_P[places], question)
        return RankedList(
            rows_K=rows_K,
            scores_K=scores_K,
            candidates_scanned=len(self.popular.rows_N),
            sources={"popularity": 1.0} if len(rows_K) else {},
            strategy="popularity",
            is_fallback=len(question.history[0]) == 0,
        )


def _known(questions: Sequence[Question], *stages: Stage) -> list[Question]:
    """Those that have a history, if any of the stages asks for it."""
    if all(stage == "popularity" for stage in stages):
        return []
    return [question for question in questions if len(question.history[0])]
