from dataclasses import replace

import numpy as np
import pytest
import torch

from models.data.sequences import Sequences
from models.domain.progress import NoProgress
from models.evaluation.rival_data import RivalTraining
from models.evaluation.sasrec import SasRec, fit_sasrec, sasrec_config
from models.evaluation.sasrec_network import SasRecNetwork, TrainedItems
from models.training.batches import TrainingBatch, epoch_batches
from models.training.config import Profile, training_config
from models.training.run import NO_STEP
from tests.models.data.histories import sequences_of
from tests.models.evaluation.rivals import rival_data, without_content

CIRCLE = 8


def walks(starts: range, steps: int) -> Sequences:
    """Shoppers who go round a circle of items, from one to the next."""
    return sequences_of({f"u{n}": [((n + step) % CIRCLE, step) for step in range(steps)] for n in starts})


@pytest.fixture(scope="module")
def sasrec() -> SasRec:
    # the ninth item has no event
    data = rival_data(walks(range(64), 5), CIRCLE + 1)
    return fit_sasrec(data, without_content(data))


class TestSasrecConfig:
    @pytest.mark.parametrize("profile", ["full", "quick"])
    def test_a_rival_has_no_less_than_the_generator(self, profile: Profile) -> None:
        own, generators = sasrec_config(RivalTraining(profile), 1), training_config(profile, 1)
        for name in ("min_steps", "epochs", "softmax_items", "teacher_lists", "taught_positions", "embedding_size"):
            assert (getattr(own, name) or np.inf) >= (getattr(generators, name) or np.inf), name

    def test_takes_what_the_shop_said_of_events(self) -> None:
        weights = (("view", 0.3), ("purchase", 1.0))
        assert sasrec_config(RivalTraining("quick", event_weights=weights), 1).event_weights == weights


class TestFitSasrec:
    def test_knows_what_comes_next_in_an_order(self, sasrec: SasRec) -> None:
        rows, _ = sasrec.rank(walks(range(CIRCLE), 3), 2, exclude_seen=True)
        assert rows[:, 0].tolist() == [(start + 3) % CIRCLE for start in range(CIRCLE)]

    def test_lists_no_item_that_nothing_taught(self, sasrec: SasRec) -> None:
        assert not sasrec.features_ND[CIRCLE].any()
        rows, _ = sasrec.rank(walks(range(2), 3), CIRCLE + 1, exclude_seen=False)
        assert sorted(rows[0].tolist()) == [-1, *range(CIRCLE)]

    def test_gives_what_is_popular_to_who_has_no_history(self, sasrec: SasRec) -> None:
        rows, _ = sasrec.rank(sequences_of({"new": []}), 3, exclude_seen=True)
        assert rows.tolist() == [sasrec.popularity.order_N()[:3].tolist()]

    def test_tells_no_likelihood_where_no_history_has_a_next_event(self) -> None:
        told: list[str] = []

        class Told(NoProgress):
            def finish(self, note: str = "") -> None:
                told.append(note)

        data = replace(rival_data(walks(range(CIRCLE), 1), CIRCLE), progress=Told())
        fit_sasrec(data, without_content(data))
        assert told[-1] == NO_STEP

    def test_is_the_same_alone_and_in_company(self, sasrec: SasRec) -> None:
        histories = sequences_of({"long": [(row, row) for row in range(5)], "short": [(2, 1)]})
        rows, scores = sasrec.rank(histories, 3, exclude_seen=True)
        for user in range(2):
            alone, own_scores = sasrec.rank(histories.take_users(np.array([user])), 3, exclude_seen=True)
            assert alone[0].tolist() == rows[user].tolist()
            assert own_scores[0] == pytest.approx(scores[user], abs=1e-4)


def batch_of(mask_seen: bool) -> TrainingBatch:
    """Three shoppers, whose teacher lists the item after the next one."""
    config = training_config("quick", 0)
    (batch,) = epoch_batches(walks(range(3), 4), config, epoch=0, max_events=50, uses_time=False, mask_seen=mask_seen)
    taught_P1 = (batch.targets_P[:, None] + 1) % CIRCLE
    return replace(batch, taught_rows_PT=taught_P1, taught_shares_PT=np.ones(taught_P1.shape, np.float32))


class TestLikelihood:
    @pytest.mark.parametrize("mask_seen", [False, True])
    def test_is_the_cross_entropy_over_all_items_but_the_seen(self, mask_seen: bool) -> None:
        config = replace(training_config("quick", 0), dropout=0.0, identity_dropout=0.0, teacher_share=0.4)
        torch.manual_seed(0)
        network = SasRecNetwork(CIRCLE, config)
        batch = batch_of(mask_seen)
        found = network.likelihood(batch, TrainedItems(torch.arange(CIRCLE), torch.float32), config)
        history = batch.history.as_inputs(network.items.weight.detach().numpy())
        tastes = network(**{name: torch.from_numpy(each) for name, each in history.items()})
        logits = network.log_scale.exp() * tastes @ network.items.weight.T
        losses = []
        for user, column in batch.positions_P2.tolist():
            row = logits[user, column].clone()
            if mask_seen:
                row[batch.history.item_rows_BL[user, : column + 1].tolist()] = -torch.inf
            log_softmax, target = row.log_softmax(dim=0), int(batch.targets_P[len(losses)])
            losses.append(-(0.6 * log_softmax[target] + 0.4 * log_softmax[(target + 1) % CIRCLE]).item())
        assert found.item() == pytest.approx(np.mean(losses), abs=1e-5)


class TestTrainedItems:
    def test_are_those_with_a_training_event(self) -> None:
        assert TrainedItems.of(sequences_of({"u": [(0, 1), (4, 2)]})).rows.tolist() == [0, 4]
