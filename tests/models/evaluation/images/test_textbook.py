from itertools import islice

import numpy as np

from models.evaluation.images.textbook import Textbook
from tests.models.evaluation.images.photographs import photographs


class TestTextbook:
    def test_learns_an_epoch_at_a_time_and_the_same_for_the_same_seed(self) -> None:
        data = photographs(each=45, seed=0)
        first, again = Textbook(data, seed=3), Textbook(data, seed=3)
        untrained = first.pictures(10)
        assert untrained.shape == (10, 32, 32, 3)
        assert list(islice(first.epochs(), 2)) == [1, 2]
        trained = first.pictures(10)
        assert (trained != untrained).mean() > 0.5
        assert list(islice(again.epochs(), 2)) == [1, 2]
        np.testing.assert_array_equal(again.pictures(10), trained)
        # the photographs are mostly white
        assert abs(trained.mean() - data.photos_NHWC.mean()) < abs(untrained.mean() - data.photos_NHWC.mean())
