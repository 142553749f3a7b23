from dataclasses import replace

import numpy as np
import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.sparse import csr_array

from models.baselines.co_occurrence import CoOccurrence, lateness_E
from models.baselines.item_facts import ItemFacts
from models.baselines.neighbours import VOICES, gather
from models.baselines.tuned_neighbours import Mixture, MixtureConfig
from models.data.sequences import Sequences
from models.data.split import inner_split
from models.domain.events import HISTORY_EVENT_TYPES, EventType
from models.domain.item_rows import NO_ITEM
from models.domain.progress import NoProgress
from models.features.histories import encode_spans
from models.training.config import training_config
from models.training.teacher import Teacher, taught_lists
from tests.models.data.histories import any_sequences, sequences_of, with_types

NUM_ITEMS = 16


NOTHING_ALIKE_NN = csr_array((NUM_ITEMS, NUM_ITEMS), dtype=np.float32)
ALIKE_NN = csr_array(
    np.roll(np.eye(NUM_ITEMS), 1, axis=1).astype(np.float32) + np.eye(NUM_ITEMS)[::-1].astype(np.float32)
)


def teacher_of(
    train: Sequences,
    *,
    exclude_seen: bool = False,
    alike_NN: csr_array = NOTHING_ALIKE_NN,
    config: MixtureConfig = MixtureConfig(),  # noqa: B008 - frozen
) -> Teacher:
    mixture = Mixture.fit(CoOccurrence.fit(train, NUM_ITEMS, config.interest_T), alike_NN, config, NUM_ITEMS)
    catalogue = pl.DataFrame({"item_id": [str(row) for row in range(NUM_ITEMS)]})
    facts = ItemFacts.fit(catalogue, train)
    return Teacher.of(train, mixture, facts, exclude_seen=exclude_seen, uses_time=False)


def chains(num_users: int = 40) -> Sequences:
    """Everybody takes four items in the order of their rows, beginning somewhere."""
    return sequences_of(
        {f"u{user}": [((user + step) % NUM_ITEMS, step) for step in range(4)] for user in range(num_users)}
    )


class TestOwnEvents:
    @given(any_sequences(), st.permutations(HISTORY_EVENT_TYPES))
    def test_what_remains_is_what_the_others_and_the_past_say(self, train: Sequences, types: list[EventType]) -> None:
        """Counted anew without the shopper's later events, each pair is worth the same as the full count less own."""
        train = with_types(train, types)
        # lateness is told by a whole sequence: without its end, other events would be late
        config = MixtureConfig(late=0.0, borrowed=0.7)
        teacher = teacher_of(train, alike_NN=ALIKE_NN, config=config)
        neighbours = teacher.mixture.neighbours
        everything = np.arange(NUM_ITEMS, dtype=np.int32)[None]
        for user in np.flatnonzero(train.lengths_U >= 2)[:3]:
            start, stop = train.offsets_U1[user], train.offsets_U1[user + 1]
            position = np.array([(start + stop) // 2 - 1]).clip(start)
            history = encode_spans(train, np.array([start]), position + 1, max_events=50, uses_time=False)
            num_recent = neighbours.recent(history.item_rows_BL).shape[1]
            own = teacher.own.after(position, np.array([user]), num_recent)
            said = neighbours.contributions(history.item_rows_BL).minus(own.pairs)
            said_HCV = gather(said, everything, num_recent, NUM_ITEMS)[0]

            events_E = np.arange(train.num_events)
            past = train.take_events((train.users_of_events_E() != user) | (events_E <= position[0]))
            counted_NN = CoOccurrence.fit(past, NUM_ITEMS, config.interest_T).forward_NN.toarray()
            scale_NN = teacher.mixture.source_N[:, None] * teacher.mixture.target_N
            forward_NN, backward_NN = counted_NN * scale_NN, counted_NN.T * scale_NN
            lent_NN = teacher.mixture.lent.at(*np.indices((NUM_ITEMS, NUM_ITEMS)).reshape(2, -1).astype(np.int32))
            taken_NN = forward_NN + config.backward * backward_NN
            borrowed_NN = lent_NN.reshape(NUM_ITEMS, NUM_ITEMS) @ taken_NN
            expected = {"forward": forward_NN, "backward": backward_NN, "borrowed": borrowed_NN}
            for name, expected_NN in expected.items():
                expected_HC = expected_NN[neighbours.recent(history.item_rows_BL)[0]]
                np.testing.assert_allclose(said_HCV[..., VOICES.index(name)], expected_HC, atol=1e-4)

    def test_later_events_are_named_with_their_lateness(self) -> None:
        train = sequences_of({"u": [(3, 1), (4, 2), (5, 3)]})
        own = teacher_of(train).own.after(np.array([0]), np.array([0]), 1)
        assert own.rows_BX[0][own.rows_BX[0] != NO_ITEM].tolist() == [4, 5]
        np.testing.assert_allclose(own.lateness_BX[0][:2], lateness_E(train)[1:])
        assert not own.is_repeat_BX.any()

    def test_later_repeats_are_marked(self) -> None:
        train = sequences_of({"u": [(3, 1), (3, 2), (4, 3)]})
        own = teacher_of(train).own.after(np.array([0]), np.array([0]), 1)
        assert own.is_repeat_BX[0][:2].tolist() == [True, False]


class TestTeach:
    def test_lists_what_really_follows(self) -> None:
        train = chains()
        teacher = teacher_of(train, exclude_seen=True)
        judge = teacher.fit_judge(inner_split(train, "leave-one-out").validation, 0, NoProgress())
        assert judge is not None
        taught = teacher.teach(judge, 10**6, 0, NoProgress())
        firsts = []
        for user in range(train.num_users):
            event = int(train.offsets_U1[user])
            row = taught.rows_LT[taught.list_of_E[event]]
            firsts.append(row[0] == train.item_rows_E[event + 1])
        assert np.mean(firsts) > 0.5  # by chance 1 in 13

    def test_a_list_is_a_distribution_over_items_that_the_shopper_has_not(self) -> None:
        train = chains()
        teacher = teacher_of(train, exclude_seen=True)
        judge = teacher.fit_judge(inner_split(train, "leave-one-out").validation, 0, NoProgress())
        assert judge is not None
        taught = teacher.teach(judge, 10**6, 0, NoProgress())
        has_list = taught.rows_LT[:, 0] != NO_ITEM
        np.testing.assert_allclose(taught.shares_LT.astype(np.float32).sum(axis=1)[has_list], 1.0, atol=1e-2)
        assert (taught.shares_LT[taught.rows_LT == NO_ITEM] == 0).all()
        for event in np.flatnonzero(taught.list_of_E >= 0):
            user = int(np.searchsorted(train.offsets_U1, event, side="right") - 1)
            past = train.item_rows_E[train.offsets_U1[user] : event + 1]
            assert not np.isin(past, taught.rows_LT[taught.list_of_E[event]]).any()

    def test_the_last_event_of_a_shopper_has_no_list(self) -> None:
        train = chains(4)
        teacher = teacher_of(train)
        judge = teacher.fit_judge(inner_split(train, "leave-one-out").validation, 0, NoProgress())
        assert judge is not None
        taught = teacher.teach(judge, 10**6, 0, NoProgress())
        assert (taught.list_of_E[train.offsets_U1[1:] - 1] == -1).all()
        assert (taught.list_of_E >= 0).sum() == train.num_events - train.num_users

    def test_an_answer_that_only_the_shopper_gave_is_not_copied(self) -> None:
        """Item 9 followed item 8 once, in the very history that is asked: nothing else speaks for it."""
        train = sequences_of(
            {"u": [(8, 1), (9, 2)], "v": [(8, 1), (3, 2)], "w": [(8, 1), (3, 2)], "x": [(8, 1), (3, 2)]}
        )
        teacher = teacher_of(train)
        ((_, rows_PC, _),) = teacher._lists(np.array([0]), NoProgress())
        assert 3 in rows_PC
        assert 9 not in rows_PC

    def test_without_a_list_that_holds_the_answer_there_is_no_judge(self) -> None:
        train = sequences_of({"u": [(0, 1), (1, 2)], "v": [(2, 1), (3, 2)]})
        assert teacher_of(train).fit_judge(inner_split(train, "leave-one-out").validation, 0, NoProgress()) is None


class TestTaughtLists:
    def test_the_judge_learns_from_no_more_lists_than_the_profile_has(self, monkeypatch: pytest.MonkeyPatch) -> None:
        heard: list[int] = []
        monkeypatch.setattr(Teacher, "fit_judge", lambda _, cases, *__: heard.append(cases.num_cases))
        train = chains()
        config = replace(training_config("quick", 0), teacher_lists=7)
        assert (
            taught_lists(teacher_of(train), inner_split(train, "leave-one-out").validation, config, NoProgress())
            is None
        )
        assert heard == [7]


class TestInnerSplit:
    @pytest.mark.parametrize("kind", ["leave-one-out", "temporal"])
    def test_targets_follow_histories_that_begin_the_training_sequences(self, kind) -> None:
        train = chains()
        inner = inner_split(train, kind)
        assert inner.validation is not None
        number_of = {user_id: number for number, user_id in enumerate(train.user_ids)}
        for case, user_id in enumerate(inner.validation.histories.user_ids):
            items = train.items_of(number_of[user_id])
            history = inner.validation.histories.items_of(case)
            assert items[: len(history)].tolist() == history.tolist()
            assert items[len(history)] in inner.validation.targets_of(case)
        assert inner.train.num_events < train.num_events
