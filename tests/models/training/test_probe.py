from dataclasses import replace

import numpy as np
import pytest
import torch

from models.training import probe as module
from models.training.build import build_networks
from models.training.probe import Probe
from models.training.run import TrainingData
from models.training.step import CatalogueTensors, Networks
from tests.models.training.tiny_training import CONFIG, tiny_training_data


@pytest.fixture(scope="module")
def data(tmp_path_factory: pytest.TempPathFactory) -> TrainingData:
    return tiny_training_data(tmp_path_factory.mktemp("shop") / "shop")


@pytest.fixture(scope="module")
def catalogue(data: TrainingData) -> CatalogueTensors:
    return CatalogueTensors(data.content, np.bincount(data.sequences.item_rows_E, minlength=data.content.num_items))


@pytest.fixture
def networks(data: TrainingData) -> Networks:
    return build_networks(CONFIG, data.spec, data.content)


def probe_of(data: TrainingData, catalogue: CatalogueTensors, seed: int = 0) -> Probe:
    return Probe.of(data.sequences, catalogue, replace(CONFIG, seed=seed), uses_time=True, mask_seen=data.mask_seen)


class TestSample:
    def test_targets_are_what_came_next(self, data: TrainingData, catalogue: CatalogueTensors) -> None:
        probe = probe_of(data, catalogue)
        sequences = data.sequences
        pairs = {
            (int(sequences.item_rows_E[event - 1]), int(sequences.item_rows_E[event]))
            for start, stop in zip(sequences.offsets_U1[:-1], sequences.offsets_U1[1:], strict=True)
            for event in range(start + 1, stop)
        }
        newest_P, next_P = probe.history.item_rows_BL[:, -1].tolist(), probe.rows_C[probe.targets_P].tolist()
        assert len(next_P) == module.NUM_POSITIONS
        assert set(zip(newest_P, next_P, strict=True)) <= pairs

    def test_what_training_masks_is_no_candidate_of_its_position(
        self, data: TrainingData, catalogue: CatalogueTensors, networks: Networks
    ) -> None:
        """It may stand as high as it likes, for nothing ever pressed it down."""
        masking = probe_of(replace(data, mask_seen=True), catalogue)
        plain = probe_of(replace(data, mask_seen=False), catalogue)
        assert not plain.masked_PC.any()
        for position, history in enumerate(masking.history.had_BX):
            masked = set(masking.rows_C[masking.masked_PC[position]].tolist())
            target = int(masking.rows_C[masking.targets_P[position]])
            assert masked == {row for row in history.tolist() if row >= 0} - {target}
        chances = [probe.figures(networks, catalogue)["chance_likelihood"] for probe in (masking, plain)]
        assert chances[0] < chances[1] == pytest.approx(np.log(len(plain.rows_C)))

    def test_depends_on_the_seed_alone(self, data: TrainingData, catalogue: CatalogueTensors) -> None:
        first, again, other = (probe_of(data, catalogue, seed) for seed in (0, 0, 1))
        assert torch.equal(first.targets_P, again.targets_P)
        assert torch.equal(first.noise_PSZ, again.noise_PSZ)
        assert not torch.equal(first.noise_PSZ, other.noise_PSZ)

    def test_a_sample_of_the_items_holds_all_that_are_needed(
        self, data: TrainingData, catalogue: CatalogueTensors, networks: Networks, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        whole = probe_of(data, catalogue)
        monkeypatch.setattr(module, "MAX_CANDIDATES", 3)
        sampled = probe_of(data, catalogue)
        torch.testing.assert_close(whole.rows_C[whole.targets_P], sampled.rows_C[sampled.targets_P])
        assert sampled.figures(networks, catalogue).keys() == whole.figures(networks, catalogue).keys()


class TestFigures:
    def test_draws_no_random_number_and_changes_nothing(
        self, data: TrainingData, catalogue: CatalogueTensors, networks: Networks
    ) -> None:
        weights = {name: value.clone() for name, value in networks.state_dict().items()}
        state = torch.get_rng_state()
        first = probe_of(data, catalogue).figures(networks, catalogue)
        assert torch.equal(torch.get_rng_state(), state)
        assert networks.training
        assert all(torch.equal(value, weights[name]) for name, value in networks.state_dict().items())
        assert probe_of(data, catalogue).figures(networks, catalogue) == first

    def test_one_wish_for_all_hits_one_item_and_recalls_nothing(
        self, data: TrainingData, catalogue: CatalogueTensors, networks: Networks
    ) -> None:
        with torch.no_grad():
            networks.generator.encoder.output_norm.weight.zero_()
            networks.generator.encoder.output_norm.bias.copy_(torch.randn(CONFIG.embedding_size))
            networks.generator.wish_out.weight.zero_()
        figures = probe_of(data, catalogue).figures(networks, catalogue)
        assert figures["hit_rate"] == 1 / len(catalogue.trained_rows)
        assert figures["spread"] == pytest.approx(0.0, abs=1e-6)
        assert figures["recall"] == 0.0

    def test_equal_items_are_told_no_better_than_by_chance(
        self, data: TrainingData, catalogue: CatalogueTensors, networks: Networks
    ) -> None:
        with torch.no_grad():
            for parameter in networks.items.parameters():
                parameter.zero_()
        figures = probe_of(data, catalogue).figures(networks, catalogue)
        assert figures["guess_likelihood"] == pytest.approx(figures["chance_likelihood"])

    def test_without_a_next_item_there_is_nothing_to_find(
        self, data: TrainingData, catalogue: CatalogueTensors, networks: Networks
    ) -> None:
        sequences = data.sequences
        single = replace(
            sequences,
            user_ids=["u"],
            offsets_U1=np.array([0, 1]),
            item_rows_E=sequences.item_rows_E[:1],
            event_types_E=sequences.event_types_E[:1],
            timestamps_E=sequences.timestamps_E[:1],
        )
        assert Probe.of(single, catalogue, CONFIG, uses_time=True, mask_seen=True).figures(networks, catalogue) == {}
