import numpy as np
from scipy.sparse import csr_array

from models.data.split import EvaluationCases
from models.domain.progress import NoProgress
from models.training.choose_neighbours import choose_neighbours
from tests.models.data.histories import sequences_of

NUM_ITEMS = 30
TRAIN = sequences_of({f"u{user}": [((user + step) % NUM_ITEMS, 0) for step in range(5)] for user in range(60)})
CASES = EvaluationCases(TRAIN, np.arange(61), np.array([(user + 5) % NUM_ITEMS for user in range(60)], np.int32))


class TestChooseNeighbours:
    def test_content_that_is_not_there_weighs_nothing(self) -> None:
        nothing = csr_array((NUM_ITEMS, NUM_ITEMS), dtype=np.float32)
        for cases in (CASES, None):
            chosen = choose_neighbours(TRAIN, nothing, cases, exclude_seen=True, seed=0, progress=NoProgress())
            assert (chosen.content, chosen.borrowed) == (0.0, 0.0)
