import runpy
from pathlib import Path

import orjson
import pytest

from app.api.dependencies import MAX_TIMEOUT_MS, TIMEOUT_HEADER
from models.domain.events import EVENT_ALIASES, EVENT_TYPES
from models.domain.recommendation import MAX_EXCLUDED_ITEMS, MAX_HISTORY_EVENTS, MAX_ID_CHARACTERS, MAX_K, MAX_SAMPLES

DOCS = Path(__file__).parents[2] / "docs"


@pytest.fixture(scope="module")
def schemas():
    return orjson.loads((DOCS / "openapi.json").read_bytes())["components"]["schemas"]


class TestGeneratedDocuments:
    @pytest.mark.parametrize("name", ["openapi.json", "settings.md"])
    def test_committed_file_is_what_the_code_says(self, name):
        made = runpy.run_path(str(DOCS / "generate.py"))["documents"]()
        assert (DOCS / name).read_text() == made[name], "run: python docs/generate.py"


class TestContract:
    def test_exactly_the_agreed_fields_are_known(self, schemas):
        every_list = {
            "user", "history", "k", "page", "filter", "exclude", "include_out_of_stock", "boosts", "max_per",
            "diversity", "exploration", "num_samples", "seed", "explain", "return_properties", "search_profile",
            "query", "experiment", "validate_only",
        }  # fmt: skip
        assert set(schemas["RecommendationBody"]["properties"]) == every_list
        assert set(schemas["SearchBody"]["properties"]) == {*every_list, "candidates"}
        assert set(schemas["Shopper"]["properties"]) == {"user_id", "session_id", "personalise"}
        assert set(schemas["PostedEvent"]["properties"]) == {"item_id", "event_type", "timestamp"}
        assert set(schemas["Exclusions"]["properties"]) == {"item_ids", "seen"}

    def test_time_limit_is_the_one_that_is_checked(self):
        paths = orjson.loads((DOCS / "openapi.json").read_bytes())["paths"]
        (parameter,) = paths["/v1/recommendations"]["post"]["parameters"]
        assert parameter["name"] == TIMEOUT_HEADER
        assert parameter["schema"] == {"type": "integer", "minimum": 1, "maximum": MAX_TIMEOUT_MS}

    def test_limits_are_those_of_the_learning_code(self, schemas):
        body, event = schemas["RecommendationBody"]["properties"], schemas["PostedEvent"]["properties"]
        k = body["k"]
        assert (k["anyOf"][0]["minimum"], k["anyOf"][0]["maximum"], k["default"]) == (1, MAX_K, 10)
        samples, exploration = (body[name]["anyOf"][0] for name in ("num_samples", "exploration"))
        assert (samples["minimum"], samples["maximum"]) == (1, MAX_SAMPLES)
        assert (exploration["minimum"], exploration["maximum"]) == (0, 1)
        assert body["history"]["anyOf"][0]["maxItems"] == MAX_HISTORY_EVENTS
        assert (body["seed"]["anyOf"][0]["minimum"], body["seed"]["anyOf"][0]["maximum"]) == (0, 2**63 - 1)
        assert schemas["Exclusions"]["properties"]["item_ids"]["anyOf"][0]["maxItems"] == MAX_EXCLUDED_ITEMS
        assert (event["item_id"]["minLength"], event["item_id"]["maxLength"]) == (1, MAX_ID_CHARACTERS)
        assert event["event_type"]["anyOf"][0]["enum"] == [*EVENT_TYPES, *EVENT_ALIASES]
