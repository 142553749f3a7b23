"""A baseline that the operator chose, in the real process."""

import pytest

from tests.service.process import serving

TEA = [{"item_id": "tea-1"}, {"item_id": "tea-2"}, {"item_id": "tea-3"}]


@pytest.mark.parametrize(
    ("wish", "system", "popular"), [("popularity", "popularity", 1.0), ("item-knn", "item-knn+content", 0.0)]
)
def test_the_variable_decides_what_serves_and_the_service_says_so(tiny_bundle, tmp_path, wish, system, popular):
    with serving(tmp_path, bundle=tiny_bundle, recommender=wish) as service:
        service.wait_until_ready()
        told = service.client.get("/v1/model").json()
        assert told["serves"] == system
        assert told["winner"] in told["scoreboard"]
        listed = service.ask(history=TEA, k=5).json()
        assert listed["retrieval"]["sources"].get("popularity", 0.0) == popular
        assert len(listed["items"]) == 5
