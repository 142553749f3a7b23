from dataclasses import replace

import numpy as np
import pytest
from scipy.sparse import csr_array

from models.baselines.co_occurrence import CoOccurrence
from models.baselines.neighbours import VOICES
from models.baselines.tuned_neighbours import EVENT_GRID, Mixture, MixtureConfig, choose_mixture
from models.data.split import split_sequences
from models.domain.events import EVENT_TYPES
from models.domain.progress import NoProgress
from models.training import choose_neighbours as choose_neighbours_module
from models.training.choose_neighbours import choose_neighbours, neighbours_ndcg
from tests.models.data.histories import sequences_of

SHOP = sequences_of({"u": [(0, 1), (1, 2)], "v": [(0, 1), (1, 2)], "w": [(2, 1), (0, 2)]})
ALIKE_NN = csr_array(np.array([[0, 0, 1], [0, 0, 0], [1, 0, 0]], np.float32))


def voice(mixture: Mixture, name: str, item: int, neighbour: int) -> float:
    neighbours = mixture.neighbours
    place = neighbours.rows_NM[item].tolist().index(neighbour)
    return float(neighbours.voices_NMV[item, place, VOICES.index(name)])


class TestFit:
    def test_each_voice_says_its_own(self) -> None:
        mixture = Mixture.fit(CoOccurrence.fit(SHOP, 3), ALIKE_NN, MixtureConfig(), 3)
        assert voice(mixture, "forward", 0, 1) > 0
        assert voice(mixture, "backward", 0, 1) == 0
        assert voice(mixture, "backward", 1, 0) > 0
        assert voice(mixture, "content", 0, 2) > 0
        assert voice(mixture, "forward", 0, 2) == 0
        assert voice(mixture, "backward", 0, 2) > 0

    def test_a_pair_is_its_count_times_the_scales_of_its_items(self) -> None:
        pairs = CoOccurrence.fit(SHOP, 3)
        mixture = Mixture.fit(pairs, ALIKE_NN, MixtureConfig(), 3)
        expected = pairs.forward_NN.toarray()[0, 1] * mixture.source_N[0] * mixture.target_N[1]
        assert voice(mixture, "forward", 0, 1) == pytest.approx(expected, rel=1e-5)

    def test_forward_voices_sum_to_one_for_the_mean_item(self) -> None:
        voices_NMV = Mixture.fit(CoOccurrence.fit(SHOP, 3), ALIKE_NN, MixtureConfig(), 3).neighbours.voices_NMV
        assert voices_NMV[..., 0].sum() / 3 == pytest.approx(1.0, rel=1e-5)
        assert voices_NMV[..., 3].sum() / 3 == pytest.approx(1.0, rel=1e-5)

    def test_an_item_borrows_what_goes_with_items_alike(self) -> None:
        # item 3 was never taken; it is like item 0, which item 1 follows
        alike_NN = csr_array((np.ones(2, np.float32), ([0, 3], [3, 0])), shape=(4, 4))
        pairs = CoOccurrence.fit(SHOP, 4)
        assert 1 not in Mixture.fit(pairs, alike_NN, MixtureConfig(), 4).neighbours.rows_NM[3]
        mixture = Mixture.fit(pairs, alike_NN, MixtureConfig(borrowed=1.0), 4)
        assert voice(mixture, "borrowed", 3, 1) > 0
        assert voice(mixture, "forward", 3, 1) == 0
        assert mixture.neighbours.voices_NMV[..., VOICES.index("borrowed")].sum() / 4 == pytest.approx(1.0, rel=1e-5)

    def test_without_events_content_speaks_alone(self) -> None:
        nobody = sequences_of({"u": []})
        neighbours = Mixture.fit(CoOccurrence.fit(nobody, 3), ALIKE_NN, MixtureConfig(), 3).neighbours
        assert neighbours.rows_NM.tolist() == [[2, -1, -1], [-1, -1, -1], [0, -1, -1]]

    def test_keeps_the_strongest(self) -> None:
        neighbours = Mixture.fit(CoOccurrence.fit(SHOP, 3), ALIKE_NN, MixtureConfig(content=0.0), 1).neighbours
        assert neighbours.rows_NM[:, 0].tolist() == [1, 0, 0]


class TestChooseMixture:
    def test_keeps_each_step_that_scores_more(self) -> None:
        """The best score is at content 1.4 and a window of 20; every other setting is indifferent."""
        tried = list(choose_mixture(lambda config: config.content + (config.history_window == 20), MixtureConfig()))
        best = [config for config, _, better in tried if better][-1]
        assert (best.content, best.history_window) == (1.4, 20)

    def test_stays_with_the_defaults_where_nothing_is_better(self) -> None:
        start = MixtureConfig(event_weights=(("view", 0.5), ("purchase", 1.0)))
        assert [config for config, _, better in choose_mixture(lambda _: 0.5, start) if better] == [start]

    def test_tries_how_much_event_types_say_where_there_are_several(self) -> None:
        tried = choose_mixture(lambda config: -abs(config.event_weights_power - 2), MixtureConfig(), EVENT_GRID)
        assert [config.event_weights_power for config, _, better in tried if better] == [1.0, 2.0]


class TestChooseNeighbours:
    @pytest.mark.parametrize("event_type", ["view", "add_to_cart"])
    def test_a_shop_that_knows_one_type_of_event_has_the_neighbours_of_one_that_sells(self, event_type: str) -> None:
        rng = np.random.default_rng(6)
        events = {f"u{user}": [(int(item), 0) for item in rng.integers(30, size=9)] for user in range(40)}
        bought = sequences_of(events)
        types_E = np.full_like(bought.event_types_E, EVENT_TYPES.index(event_type))
        alike_NN = csr_array(np.eye(30, k=1, dtype=np.float32))
        lists = []
        for sequences in (bought, replace(bought, event_types_E=types_E)):
            split = split_sequences(sequences, "leave-one-out", time="order", seed=0)
            rules = {"exclude_seen": True, "seed": 0, "progress": NoProgress()}
            chosen = choose_neighbours(split.train, alike_NN, split.validation, **rules)
            neighbours = Mixture.fit(
                CoOccurrence.fit(split.train, 30, chosen.interest_T), alike_NN, chosen, 10
            ).neighbours
            history = split.train.item_rows_E[:9][None], split.train.event_types_E[:9][None]
            lists.append(neighbours.scores(*history, 10))
        np.testing.assert_array_equal(lists[0][0], lists[1][0])
        np.testing.assert_allclose(lists[0][1], lists[1][1], rtol=1e-5)

    @pytest.mark.parametrize("exclude_seen", [True, False])
    def test_every_step_scores_what_neighbours_fitted_for_it_alone_score(
        self, exclude_seen: bool, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        rng = np.random.default_rng(5)
        events = {
            f"u{user}": [(int(item), time) for time, item in enumerate(rng.integers(30, size=9))] for user in range(40)
        }
        split = split_sequences(sequences_of(events), "leave-one-out", time="order", seed=0)
        alike_NN = csr_array(rng.random((30, 30), np.float32) * (rng.random((30, 30)) < 0.2))
        tried = []

        def noted(*grid):
            for step in choose_mixture(*grid):
                tried.append(step)
                yield step

        monkeypatch.setattr(choose_neighbours_module, "choose_mixture", noted)
        rules = {"exclude_seen": exclude_seen, "seed": 0, "progress": NoProgress()}
        best = choose_neighbours(split.train, alike_NN, split.validation, **rules)
        assert best == [config for config, _, better in tried if better][-1]
        assert len({score for _, score, _ in tried}) > 5
        known = split.validation.with_history(100, 0)
        for config, score, _ in tried:
            pairs = CoOccurrence.fit(split.train, 30, config.interest_T)
            neighbours = Mixture.fit(pairs, alike_NN, config).neighbours
            assert score == neighbours_ndcg(neighbours, known, exclude_seen=exclude_seen)
