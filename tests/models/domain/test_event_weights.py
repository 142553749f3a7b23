import pytest

from models.domain.errors import SettingsRefused
from models.domain.event_weights import read_event_weights


class TestReadEventWeights:
    def test_reads_what_is_written(self) -> None:
        assert read_event_weights(["view=0.1", "add_to_cart=0.75"]) == {"view": 0.1, "add_to_cart": 0.75}
        assert read_event_weights([]) == {}

    @pytest.mark.parametrize(
        ("written", "told"),
        [
            ("wink=1", "'wink=1' names no type of event that is history: view, click, add_to_cart, purchase"),
            ("dislike=1", "names no type"),
            ("view", "'view' is not TYPE=WEIGHT, as in view=0.1"),
            ("view=much", "'view=much' is not TYPE=WEIGHT"),
            ("view=0", "a weight is above 0 and at most 10"),
            ("view=nan", "a weight is above 0"),
            ("click=10.5", "at most 10"),
            ("purchase=2", "a purchase is the unit"),
        ],
    )
    def test_says_what_is_wrong(self, written: str, told: str) -> None:
        with pytest.raises(SettingsRefused, match=told):
            read_event_weights([written])
