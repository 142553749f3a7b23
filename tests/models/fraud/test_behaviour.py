import numpy as np
import pytest

from models.baselines.item_facts import ItemFacts
from models.fraud.attacks import profiles_of
from models.fraud.behaviour import BEHAVIOUR, REASONS, behaviour_figures
from models.fraud.steps import COMPARISONS, VOICES

# E events, V voices, K comparisons

NUM_ITEMS = 12
REASON_VOICES = [VOICES.index(voice) for voice in REASONS]


def figures_of(percentiles_EVK) -> dict[str, float]:
    """Of one history of as many different items."""
    nothing_N = np.zeros(NUM_ITEMS, np.float32)
    no_category_NP = np.full((NUM_ITEMS, 1), -1, np.int32)
    facts = ItemFacts(nothing_N, nothing_N, nothing_N, np.full(NUM_ITEMS, -1, np.int32), no_category_NP)
    figures_BF = behaviour_figures(
        profiles_of([np.arange(len(percentiles_EVK), dtype=np.int32)]),
        percentiles_EVK.astype(np.float32),
        facts,
        nothing_N,
        np.eye(NUM_ITEMS, dtype=np.float32),
    )
    return dict(zip(BEHAVIOUR, figures_BF[0].tolist(), strict=True))


@pytest.fixture
def even():
    """Four steps of which nobody says anything."""
    return np.full((4, len(VOICES), len(COMPARISONS)), 0.5)


class TestPooled:
    def test_a_step_that_nobody_speaks_of_counts_for_nothing(self, even):
        figures = figures_of(even)
        assert [figures[f"{pooled}_any_mean"] for pooled in ("reasons_mean", "reasons_most")] == pytest.approx([0, 0])

    def test_the_mean_is_of_the_log_odds(self, even):
        even[:, REASON_VOICES[0]] = 0.9
        assert figures_of(even)["reasons_mean_any_mean"] == pytest.approx(np.log(9) / len(REASONS), abs=1e-4)

    def test_one_reason_is_enough(self, even):
        even[:, REASON_VOICES] = 0.1
        even[np.arange(4), np.resize(REASON_VOICES, 4)] = 0.9  # each step has another one
        figures = figures_of(even)
        assert figures["reasons_most_any_least"] == pytest.approx(np.log(9), abs=1e-4)
        assert figures["reasons_mean_any_mean"] < 0

    def test_the_least_step_has_no_reason_at_all(self, even):
        even[:, REASON_VOICES] = 0.9
        even[2, REASON_VOICES] = 0.1
        figures = figures_of(even)
        assert figures["reasons_most_any_least"] == pytest.approx(-np.log(9), abs=1e-4)
        assert figures["reasons_most_any_second_least"] == pytest.approx(np.log(9), abs=1e-4)

    def test_the_critic_is_no_reason(self, even):
        before = figures_of(even)["reasons_most_popular_most"]
        even[:, VOICES.index("critic")] = 0.99
        assert figures_of(even)["reasons_most_popular_most"] == before
