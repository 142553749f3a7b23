import numpy as np

from models.data.baskets import basket_numbers


def test_what_is_of_one_instant_is_one_basket_of_its_user() -> None:
    users = np.array([0, 0, 0, 2, 2, 2])
    assert basket_numbers(users, np.array([5, 5, 8, 8, 8, 9])).tolist() == [0, 0, 1, 0, 0, 1]


def test_what_has_no_instant_is_a_basket_of_its_own() -> None:
    assert basket_numbers(np.array([0, 0, 0, 1]), np.array([-1, -1, -1, -1])).tolist() == [0, 1, 2, 0]


def test_no_event_has_no_basket() -> None:
    assert basket_numbers(np.empty(0, np.int64), np.empty(0, np.int64)).tolist() == []
