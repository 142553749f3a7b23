import numpy as np
import pytest

from models.fraud.attacks import ATTACKS, Shop, draw_campaign
from models.recommend.recommender import Recommender

LENGTHS = np.array([4, 5, 7, 9], np.int64)


@pytest.fixture(scope="module")
def shop(tiny_bundle) -> Shop:
    recommender = Recommender.open(tiny_bundle)
    ranker = recommender.ranker
    return Shop(ranker.source, ranker.spec, ranker.noise_size, ranker.facts.events_N, recommender.items.text_NE)


def campaign(shop, attack, seed=5):
    return draw_campaign(attack, shop, LENGTHS, num_attackers=12, num_targets=3, seed=seed)


@pytest.mark.parametrize("attack", ATTACKS)
class TestCampaigns:
    def test_each_profile_is_as_long_as_a_real_one_and_holds_its_target_once(self, shop, attack):
        made = campaign(shop, attack)
        assert set(made.profiles.lengths_U.tolist()) <= set(LENGTHS.tolist())
        for number, target in enumerate(made.target_of_A):
            rows = made.profiles.items_of(number)
            assert len(set(rows.tolist())) == len(rows)
            assert (rows == target).sum() == 1

    def test_the_seed_decides(self, shop, attack):
        first, again, other = (campaign(shop, attack, seed).profiles.item_rows_E for seed in (1, 1, 2))
        assert first.tolist() == again.tolist() != other.tolist()

    def test_every_target_has_as_many_profiles(self, shop, attack):
        assert set(np.unique(campaign(shop, attack).target_of_A, return_counts=True)[1].tolist()) == {4}


class TestKinds:
    def test_bestsellers_are_in_most_bandwagon_profiles(self, shop):
        best = set(np.argsort(-shop.events_N, kind="stable")[:2].tolist())
        share = [
            np.mean([bool(best & set(campaign(shop, attack).profiles.items_of(one).tolist())) for one in range(12)])
            for attack in ("bandwagon", "random")
        ]
        assert share[0] > share[1]

    def test_a_generated_profile_stays_with_one_taste(self, shop, tiny_bundle):
        """All but its target, in a shop whose two tastes share no item."""
        is_tea_N = np.array([item_id.startswith("tea") for item_id in Recommender.open(tiny_bundle).item_ids])
        made = campaign(shop, "generated")
        purity = []
        for number, target in enumerate(made.target_of_A):
            rows = made.profiles.items_of(number)
            of_tea = is_tea_N[rows[rows != target]].mean()
            purity.append(max(of_tea, 1 - of_tea))
        assert np.mean(purity) > 0.9

    def test_a_walk_stays_with_what_is_taken_together(self, shop, tiny_bundle):
        is_tea_N = np.array([item_id.startswith("tea") for item_id in Recommender.open(tiny_bundle).item_ids])
        made = campaign(shop, "walk")
        purity = []
        for number, target in enumerate(made.target_of_A):
            rows = made.profiles.items_of(number)
            of_tea = is_tea_N[rows[rows != target]].mean()
            purity.append(max(of_tea, 1 - of_tea))
        assert np.mean(purity) > 0.9
