from app.store.item_writes import BYTES_A_STEP, ROWS_A_STEP, ItemWrite, in_steps


def writes(*characters):
    return [ItemWrite(str(place), {"title": "x" * number}) for place, number in enumerate(characters)]


class TestInSteps:
    def test_are_all_writes_in_their_order(self):
        asked = writes(*range(2 * ROWS_A_STEP + 1))
        assert [each for step in in_steps(asked) for each in step] == asked

    def test_are_full_of_rows_or_of_bytes(self):
        small, large = [1] * ROWS_A_STEP, [BYTES_A_STEP // 2] * 4
        assert [len(step) for step in in_steps(writes(*small, *large, 1))] == [ROWS_A_STEP, 2, 2, 1]

    def test_of_nothing_are_none(self):
        assert list(in_steps([])) == []
