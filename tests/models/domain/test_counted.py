import pytest

from models.domain.counted import counted


@pytest.mark.parametrize(("number", "words"), [(0, "0 lists"), (1, "1 list"), (2, "2 lists"), (12_345, "12,345 lists")])
def test_one_is_no_plural(number: int, words: str) -> None:
    assert counted(number, "list") == words
