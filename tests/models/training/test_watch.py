import json
import math

import pytest
import torch

from models.domain.errors import TrainingDiverged
from models.training.watch import FALL, LIKELIHOOD_RISE, NEWEST_STEPS, NORM_RISE, Watch, is_unlearned

HEALTHY = {"guess_likelihood": 2.0, "chance_likelihood": 3.0, "hit_rate": 0.8, "coverage": 0.9, "spread": 0.2}


def look(watch: Watch, step: int, **terms: float) -> None:
    watch.look(step, {name: torch.tensor(value) for name, value in terms.items()})


def look_at_all(watch: Watch, name: str, values: list[float]) -> None:
    for step, value in enumerate(values):
        look(watch, step, **{name: value})


class TestLook:
    def test_names_every_term_that_is_not_finite(self) -> None:
        with pytest.raises(TrainingDiverged, match="step 7: not a finite number: bad, worse"):
            look(Watch(), 7, good=1.0, bad=math.nan, worse=math.inf)

    def test_a_likelihood_far_above_its_best_is_divergence(self) -> None:
        watch = Watch()
        look_at_all(watch, "likelihood", [5.0 - step / 100 for step in range(200)])
        with pytest.raises(TrainingDiverged, match=r"divergence: the likelihood term rose from 3\.\d+ to \d"):
            look_at_all(watch, "likelihood", [5.0] * 200)
        assert watch.means["likelihood"] > watch.lowest_likelihood + LIKELIHOOD_RISE

    def test_batches_that_differ_are_no_divergence(self) -> None:
        watch = Watch()
        for step in range(500):
            look(watch, step, likelihood=3.0 + math.sin(step), gradient_norm=1.0 + 0.9 * math.sin(step))

    @pytest.mark.parametrize("name", ["gradient_norm", "critic_gradient_norm"])
    def test_gradients_that_explode_are_divergence(self, name: str) -> None:
        watch = Watch()
        look_at_all(watch, name, [1.0] * 100)
        with pytest.raises(TrainingDiverged, match=f"divergence: {name} rose from 1 to 11"):
            look_at_all(watch, name, [NORM_RISE + 1] * NEWEST_STEPS)

    def test_one_long_gradient_is_none(self) -> None:
        watch = Watch()
        look_at_all(watch, "gradient_norm", [1.0] * 50 + [1000.0] + [1.0] * 50)

    def test_gradients_that_grow_and_are_still_short_are_none(self) -> None:
        """What a shop of one shopper does, once it is learned by heart."""
        watch = Watch()
        look_at_all(watch, "gradient_norm", [0.001] * 100 + [0.04] * NEWEST_STEPS)

    def test_goes_through_a_checkpoint(self) -> None:
        watch = Watch()
        for step in range(30):
            look(watch, step, likelihood=1 / (step + 3), gradient_norm=1 / (step + 7))
        watch.look_at_probe(30, HEALTHY)
        assert Watch(**json.loads(json.dumps(watch.as_dict()))) == watch
        assert Watch(**json.loads(json.dumps(Watch().as_dict()))) == Watch()


class TestLookAtProbe:
    @pytest.mark.parametrize("name", ["hit_rate", "coverage"])
    def test_a_figure_far_below_its_best_is_collapse(self, name: str) -> None:
        watch = Watch()
        watch.look_at_probe(1, HEALTHY)
        watch.look_at_probe(2, {**HEALTHY, name: 1.01 * FALL * HEALTHY[name]})
        with pytest.raises(TrainingDiverged, match=f"step 3: collapse: {name} fell from 0.[89] to"):
            watch.look_at_probe(3, {**HEALTHY, name: 0.99 * FALL * HEALTHY[name]})

    def test_noise_that_changes_nothing_is_collapse(self) -> None:
        with pytest.raises(TrainingDiverged, match=r"collapse: noise changes nothing, the spread is 0\.0001"):
            Watch().look_at_probe(1, {**HEALTHY, "spread": 1e-4})

    def test_what_networks_scatter_before_they_learn_is_no_best(self) -> None:
        watch = Watch()
        watch.look_at_probe(1, {**HEALTHY, "guess_likelihood": 3.5})
        watch.look_at_probe(2, {**HEALTHY, "hit_rate": 0.1, "coverage": 0.1})

    def test_of_a_single_item_nothing_is_to_be_learned(self) -> None:
        assert is_unlearned({**HEALTHY, "guess_likelihood": 3.0})
        assert not is_unlearned({**HEALTHY, "guess_likelihood": 0.0, "chance_likelihood": 0.0})

    def test_a_small_coverage_may_come_and_go(self) -> None:
        watch = Watch()
        watch.look_at_probe(1, {**HEALTHY, "coverage": 0.1})
        watch.look_at_probe(2, {**HEALTHY, "coverage": 0.0})

    def test_a_figure_that_is_no_number_is_named(self) -> None:
        with pytest.raises(TrainingDiverged, match="not a finite number: spread"):
            Watch().look_at_probe(1, {**HEALTHY, "spread": math.nan})

    def test_nothing_found_is_nothing_wrong(self) -> None:
        Watch().look_at_probe(1, {})
