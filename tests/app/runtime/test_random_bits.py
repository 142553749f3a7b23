from app.runtime.random_bits import BYTES_AT_ONCE, RandomBytes


def test_nobody_is_given_the_same_twice():
    drawn = RandomBytes()
    taken = [drawn.take(16) for _ in range(BYTES_AT_ONCE)]
    assert len(set(taken)) == len(taken)
    assert {len(each) for each in taken} == {16}


def test_numbers_stay_below_their_limit_and_reach_far():
    drawn = RandomBytes()
    numbers = [drawn.bits(5) for _ in range(1000)]
    assert set(numbers) == set(range(32))


def test_a_fork_draws_something_else():
    drawn = RandomBytes()
    drawn.take(1)
    left = drawn._unused
    drawn.forget()
    assert drawn.take(len(left)) != left
    assert len(drawn.take(BYTES_AT_ONCE + 1)) == BYTES_AT_ONCE + 1
