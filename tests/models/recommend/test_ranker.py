"""The judged order on a catalogue much larger than the shortlist, with networks that are plain arithmetic."""

import time
from dataclasses import replace

import numpy as np
import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from models.baselines.item_facts import ItemFacts
from models.recommend.candidates import CandidateSource
from models.recommend.evidence import EVIDENCE
from models.recommend.fusion import FusionWeights
from models.recommend.judging import SHORTLIST_LENGTH
from models.recommend.proposals import MAX_QUESTIONS, Proposals
from models.recommend.question import Question
from models.recommend.ranker import PROPOSALS_PER_CALL, USERS_PER_CALL, Ranker
from models.recommend.systems import STAGE_OF
from models.retrieval.exact import ExactIndex
from tests.models.baselines.tiny_neighbours import neighbours_of
from tests.models.bundle.tiny_bundle import SPEC
from tests.models.data.histories import sequences_of

NUM_ITEMS = 500
RNG = np.random.default_rng(7)
FEATURES = RNG.normal(size=(NUM_ITEMS, 6)).astype(np.float32)
TASTES = RNG.normal(size=(len(EVIDENCE),)).astype(np.float32)


def generator(inputs):
    """Wants what is like the mean of the history, moved by the noise."""
    mean_BD = inputs["history_features"].sum(axis=1) / np.maximum(inputs["history_mask"].sum(axis=1)[:, None], 1)
    wishes_BSD = mean_BD[:, None] + 0.1 * inputs["noise"][..., :1]
    return wishes_BSD / np.linalg.norm(wishes_BSD, axis=-1, keepdims=True)


def critic(inputs):
    return np.einsum("bd,bcd->bc", inputs["taste"][:, ::-1], inputs["candidates"])


def judge(inputs):
    return np.tanh(inputs["evidence"]) @ TASTES


def build_ranker() -> Ranker:
    rows = [RNG.choice(NUM_ITEMS, 60, replace=False).tolist() for _ in range(NUM_ITEMS)]
    weights = [np.sort(RNG.random(60))[::-1].tolist() for _ in range(NUM_ITEMS)]
    train = sequences_of({f"u{user}": [(int(row), 0) for row in RNG.choice(NUM_ITEMS, 9)] for user in range(80)})
    facts = ItemFacts.fit(pl.DataFrame({"item_id": [str(row) for row in range(NUM_ITEMS)]}), train)
    return Ranker.assemble(
        source=CandidateSource(generator, critic, ExactIndex(FEATURES), FEATURES, neighbours_of(rows, weights), 4.0),
        spec=SPEC,
        weights=FusionWeights(neighbours=2.0),
        facts=facts,
        judge=judge,
        popularity_N=facts.events_N,
        noise_size=2,
    )


RANKER = build_ranker()
HISTORIES = st.lists(st.integers(0, NUM_ITEMS - 1), min_size=1, max_size=12)


def question(rows: list[int], *, excluded: tuple[int, ...] = (), keep_seen: bool = False, k: int = 100) -> Question:
    history = np.array(rows, np.int32)
    left_out = [*excluded, *([] if keep_seen else rows)]
    return Question(
        history=(history, np.full(len(rows), 3, np.int8), np.full(len(rows), -1, np.int64)),
        excluded_rows=np.unique(np.array(left_out, np.int32)),
        seen_left_out=not keep_seen,
        k=k,
        noise_SZ=np.zeros((1, 2), np.float32),
    )


def listed(asked: Question, stage="judged") -> list[int]:
    (answer,) = RANKER.rank([asked], stage)
    return answer.rows_K.tolist()


class TestJudgedOrder:
    def test_is_not_the_fused_one(self) -> None:
        assert listed(question([1, 2, 3])) != listed(question([1, 2, 3]), "fused")

    def test_the_shortlist_is_judged_and_stands_above_the_others(self) -> None:
        proposal = RANKER.propose([question([1, 2, 3])])
        shortlist = RANKER.shortlist(proposal)
        rows_S = shortlist.rows_BS[0][shortlist.present_BS[0]]
        assert 100 < len(rows_S) <= SHORTLIST_LENGTH
        assert (np.diff(rows_S) > 0).all()
        assert set(listed(question([1, 2, 3]))) <= set(rows_S.tolist())
        verdicts_S = judge({"evidence": shortlist.evidence_BSF})[0][: len(rows_S)]
        assert listed(question([1, 2, 3]))[0] == rows_S[np.argmax(verdicts_S)]

    @settings(max_examples=60)
    @given(HISTORIES, st.booleans(), st.sets(st.integers(0, 99), min_size=1, max_size=60))
    def test_an_exclusion_never_reorders_the_rest(self, rows: list[int], keep_seen: bool, places: set[int]) -> None:
        whole = listed(question(rows, keep_seen=keep_seen))
        excluded = tuple(whole[place] for place in places)
        cut = listed(question(rows, excluded=excluded, keep_seen=keep_seen))
        rest = [row for row in whole if row not in excluded]
        assert cut[: len(rest)] == rest
        assert len(cut) == 100

    @settings(max_examples=40)
    @given(st.lists(HISTORIES, min_size=2, max_size=5), st.booleans())
    def test_a_question_is_answered_alone_as_in_company(self, histories: list[list[int]], keep_seen: bool) -> None:
        asked = [question(rows, keep_seen=keep_seen, k=40) for rows in histories]
        for together, alone in zip(RANKER.rank(asked), asked, strict=True):
            (by_itself,) = RANKER.rank([alone])
            np.testing.assert_allclose(together.scores_K, by_itself.scores_K, atol=1e-5)
            assert set(together.rows_K[:30]) <= set(by_itself.rows_K)

    @given(HISTORIES)
    def test_what_the_shopper_has_is_listed_only_where_it_may_be(self, rows: list[int]) -> None:
        assert not set(rows) & set(listed(question(rows)))
        (answer,) = RANKER.rank([question(rows, keep_seen=True, k=NUM_ITEMS)])
        assert set(rows) <= set(answer.rows_K.tolist())

    def test_no_place_is_lost_to_what_a_long_history_had(self) -> None:
        """Of more events than the networks read: the first block is of what may be listed, and as long as ever."""
        rows = RNG.permutation(NUM_ITEMS)[: SPEC.max_history_events + 250].tolist()
        proposal = RANKER.propose([question(rows)])
        shortlist = RANKER.shortlist(proposal)
        judged = shortlist.rows_BS[0][shortlist.present_BS[0]].tolist()
        assert not set(judged) & set(rows)
        assert len(judged) >= 100
        assert not set(rows) & set(listed(question(rows)))

    def test_a_shopper_who_has_everything_is_judged_too(self) -> None:
        tiny = replace(
            RANKER,
            source=replace(
                RANKER.source,
                index=ExactIndex(FEATURES[:3]),
                item_features_ND=FEATURES[:3],
                neighbours=neighbours_of([[1, 2], [0, 2], [0, 1]], [[0.5, 0.2]] * 3),
            ),
        )
        proposal = tiny.propose([question([0, 1, 2], keep_seen=True)])
        evidence = tiny.shortlist(proposal).evidence_BSF
        assert np.isfinite(evidence).all()
        (answer,) = tiny.rank([question([0, 1, 2], keep_seen=True, k=3)])
        assert sorted(answer.rows_K.tolist()) == [0, 1, 2]
        assert answer.sources["popularity"] == 0

    def test_without_a_judge_the_fused_order_stands(self) -> None:
        without = replace(RANKER, judge=None)
        (answer,) = without.rank([question([4, 5])])
        assert answer.rows_K.tolist() == listed(question([4, 5]), "fused")

    @pytest.mark.parametrize("stage", ["neighbours", "generator", "fused", "judged", "popularity"])
    def test_sources_of_every_stage_add_up(self, stage) -> None:
        (answer,) = RANKER.rank([question([1, 2, 3], keep_seen=True)], stage)
        assert sum(answer.sources.values()) == pytest.approx(1.0)


class TestRankByStages:
    QUESTIONS = tuple(question(rows, k=30) for rows in ([3, 17, 250], [], [400, 8], [9], []))

    @pytest.mark.parametrize("stages", [tuple(STAGE_OF.values()), ("popularity",), ("judged", "popularity")])
    def test_lists_are_those_of_each_stage_alone(self, stages) -> None:
        together = RANKER.rank_by_stages(self.QUESTIONS, 30, stages)
        assert tuple(together) == stages
        for stage in stages:
            rows_BK, scores_BK = RANKER.rank_all(self.QUESTIONS, 30, stage)
            alone = RANKER.rank(self.QUESTIONS, stage)
            np.testing.assert_array_equal(together[stage].rows_BK, rows_BK)
            np.testing.assert_array_equal(together[stage].scores_BK, scores_BK)
            assert [row_K[row_K >= 0].tolist() for row_K in rows_BK] == [each.rows_K.tolist() for each in alone]

    def test_of_long_histories_fewer_share_a_call(self) -> None:
        """Each asks a place more of every source for what it had, so that the room of a call would grow with them."""
        long = question(list(range(400)))
        asked = [long, *[question([user % 400]) for user in range(300)], long]
        calls = [call.tolist() for call in RANKER.calls(asked)]
        assert sorted(user for call in calls for user in call) == list(range(302))
        assert max(map(len, calls)) == USERS_PER_CALL
        assert all(len(call) * RANKER._fetch(asked[user]) <= PROPOSALS_PER_CALL for call in calls for user in call)

    def test_of_many_samples_fewer_share_a_call(self) -> None:
        """Each sample proposes as much as a question without others does."""
        many = np.zeros((32, 2), np.float32)
        asked = [replace(question([user % 400]), noise_SZ=many) for user in range(40)]
        most = PROPOSALS_PER_CALL // (32 * RANKER._fetch(asked[0]))
        assert [len(call) for call in RANKER.calls(asked)] == [most, most, 40 - 2 * most]

    def test_a_stage_takes_as_long_as_its_proposals_at_least(self) -> None:
        class Slow:
            def __call__(self, inputs):
                time.sleep(0.05)
                return generator(inputs)

        slow = replace(RANKER, source=replace(RANKER.source, generator=Slow()))
        found = slow.rank_by_stages(self.QUESTIONS, 30, ("popularity", "generator", "fused"))
        assert found["popularity"].seconds < 0.05 < min(found["generator"].seconds, found["fused"].seconds)


class TestProposals:
    def asked(self, proposals: Proposals, *questions: Question) -> int:
        """How often the sources were asked for these."""
        asked = []

        def propose(questions):
            asked.append(questions)
            return RANKER.propose(questions)

        found = proposals.of(questions, propose)
        np.testing.assert_array_equal(found.candidates.rows_BC, RANKER.propose(questions).candidates.rows_BC)
        return len(asked)

    def test_the_same_questions_are_proposed_for_once(self) -> None:
        proposals = Proposals.to(4)
        assert self.asked(proposals, question([1, 2]), question([3])) == 1
        # how long the list will be changes nothing of what is proposed
        assert self.asked(proposals, question([1, 2], k=5), question([3])) == 0

    @pytest.mark.parametrize(
        "other",
        [
            (question([3]), question([1, 2])),
            (question([2, 1]), question([3])),
            (question([1, 2], keep_seen=True), question([3])),
            (question([1, 2], excluded=(9,)), question([3])),
            (question([1, 2]),),
        ],
        ids=["order", "history", "seen", "excluded", "fewer"],
    )
    def test_other_questions_are_others(self, other: tuple[Question, ...]) -> None:
        proposals = Proposals.to(8)
        self.asked(proposals, question([1, 2]), question([3]))
        assert self.asked(proposals, *other) == 1

    def test_no_more_are_kept_than_there_is_room_for(self) -> None:
        few, many = Proposals(room=1), Proposals.to(MAX_QUESTIONS + 1)
        for proposals in (few, many):
            assert self.asked(proposals, question([1]), question([2])) == 1
            assert self.asked(proposals, question([1]), question([2])) == 1
