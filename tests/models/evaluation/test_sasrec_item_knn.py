from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from models.data.read import load_dataset
from models.data.sequences_from_events import build_sequences
from models.data.split import Split, split_sequences
from models.evaluation.ranker_system import RankerSystem
from models.evaluation.rival_data import RivalData, RivalTraining
from models.evaluation.sasrec import fit_sasrec
from models.evaluation.sasrec_item_knn import fit_sasrec_item_knn
from models.recommend.ranker import Ranker
from tests.models.evaluation.rivals import without_content


@pytest.fixture(scope="module")
def fitted(tiny_shop: Path, warm_cache: Path) -> tuple[RankerSystem, Split, RivalData]:
    dataset = load_dataset(tiny_shop).dataset
    split = split_sequences(build_sequences(dataset, seed=0), "temporal", time="real", seed=0)
    training = RivalTraining(profile="quick", cache=warm_cache)
    data = RivalData(dataset, "temporal", split.train, split.validation, exclude_seen=True, training=training)
    data.fitted["sasrec"] = fit_sasrec(data, without_content(data))
    return fit_sasrec_item_knn(data), split, data


class TestFitSasrecItemKnn:
    def test_knows_the_taste_groups(self, fitted: tuple[RankerSystem, Split, RivalData]) -> None:
        system, split, data = fitted
        item_ids = data.dataset.catalogue["item_id"].to_list()
        assert split.test is not None
        histories = split.test.histories.take_users(np.flatnonzero(split.test.histories.lengths_U > 0))
        rows, _ = system.rank(histories, 5, exclude_seen=True)
        of_group = [
            item_ids[row].split("-")[0] == user_id.split("-")[0]
            for user_id, listed in zip(histories.user_ids, rows, strict=True)
            for row in listed
        ]
        assert np.mean(of_group) > 0.95

    def test_has_a_judge_that_the_list_is_ordered_by(self, fitted: tuple[RankerSystem, Split, RivalData]) -> None:
        system, split, _ = fitted
        assert split.test is not None
        assert system.ranker.judge is not None
        judged, _ = system.rank(split.test.histories, 5, exclude_seen=True)
        without = replace(system, ranker=replace(system.ranker, judge=None))
        fused, _ = without.rank(split.test.histories, 5, exclude_seen=True)
        assert (judged != fused).any()

    def test_builds_on_the_sasrec_of_the_same_events(self, fitted: tuple[RankerSystem, Split, RivalData]) -> None:
        system, _, data = fitted
        assert np.shares_memory(system.ranker.source.item_features_ND, data.fitted["sasrec"].features_ND)

    def test_has_no_use_for_noise(self, fitted: tuple[RankerSystem, Split, RivalData]) -> None:
        system, split, _ = fitted
        assert split.test is not None
        ranker: Ranker = system.ranker
        user = int(np.flatnonzero(split.test.histories.lengths_U)[0])
        plain = ranker.best_guess(split.test.histories, user, 5, True)
        noisy = replace(plain, noise_SZ=np.ones((3, ranker.noise_size), np.float32))
        (first,), (second,) = ranker.rank([plain]), ranker.rank([noisy])
        assert first.rows_K.tolist() == second.rows_K.tolist()
