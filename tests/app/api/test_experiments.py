from functools import partial

import pytest
from fastapi.testclient import TestClient

from app.api.experiments import read_experiments
from app.main import create_app
from app.runtime.shop import ShopRules
from models.domain.errors import SettingsRefused
from tests.app.api.test_errors import check_problem
from tests.app.conftest import wait_until_loaded

SET_UP = {"e1": {"plain": {"weight": 3}, "bold": {"exploration": 1.0, "num_samples": 4}}}


@pytest.fixture
def client(live, model, open_store):
    rules = ShopRules(experiments=read_experiments(SET_UP))
    with TestClient(
        create_app(live, open_store, on_load_failure=partial(pytest.fail, "not loaded"), rules=rules),
        base_url="http://localhost",
    ) as c:
        wait_until_loaded(c)
        model.asked.clear()
        yield c


def ask(client, variant_id=None, experiment_id="e1", **body):
    experiment = {"experiment_id": experiment_id, "variant_id": variant_id}
    return client.post("/v1/recommendations", json={"history": [], "experiment": experiment} | body)


def variant_of(client, **body):
    answer = ask(client, **body)
    assert answer.status_code == 200, answer.text
    return answer.json()["meta"]["variant_id"]


class TestVariant:
    def test_that_is_named_is_echoed_and_overrides_the_request(self, client, model):
        assert variant_of(client, variant_id="bold", exploration=0.1) == "bold"
        assert (model.asked[0].exploration, model.asked[0].num_samples) == (1.0, 4)

    def test_without_overrides_leaves_the_request_alone(self, client, model):
        assert variant_of(client, variant_id="plain", exploration=0.1) == "plain"
        assert (model.asked[0].exploration, model.asked[0].num_samples) == (0.1, 1)

    def test_is_the_same_for_an_account_each_time(self, client):
        for number in range(10):
            user = {"user_id": f"u{number}"}
            assert len({variant_of(client, user={**user, "session_id": f"s{visit}"}) for visit in range(3)}) == 1

    def test_of_a_guest_is_the_session_s(self, client):
        found = [variant_of(client, user={"session_id": f"s{number}"}) for number in range(30)]
        assert found == [variant_of(client, user={"session_id": f"s{number}"}) for number in range(30)]
        assert set(found) == {"plain", "bold"}

    def test_of_somebody_without_a_name_is_the_seed_s(self, client):
        found = [variant_of(client, seed=seed) for seed in range(30)]
        assert found == [variant_of(client, seed=seed) for seed in range(30)]
        assert set(found) == {"plain", "bold"}

    def test_of_somebody_who_wants_nothing_personal_is_not_the_account_s(self, client):
        user = {"user_id": "u1", "personalise": False}
        assert {variant_of(client, user=user, seed=seed) for seed in range(30)} == {"plain", "bold"}

    def test_is_null_outside_experiments(self, client):
        assert client.post("/v1/recommendations", json={"history": []}).json()["meta"]["variant_id"] is None

    def test_that_is_not_set_up_is_refused(self, client):
        told = check_problem(ask(client, "brave"), 422)
        assert told["errors"][0]["pointer"] == "/experiment/variant_id"
        assert "known: plain, bold" in told["detail"]

    def test_of_an_experiment_that_is_not_set_up_is_the_caller_s(self, client, model):
        assert variant_of(client, experiment_id="e2", variant_id="mine") == "mine"
        assert variant_of(client, experiment_id="e2", user={"user_id": "u1"}) in ("a", "b")
        assert {asked.exploration for asked in model.asked} == {0.0}

    @pytest.mark.parametrize("experiment", [{}, {"variant_id": "a"}, {"experiment_id": ""}, {"experiment_id": 1}, "e1"])
    def test_of_no_experiment_is_refused(self, client, experiment):
        check_problem(client.post("/v1/recommendations", json={"history": [], "experiment": experiment}), 422)


class TestReadExperiments:
    @pytest.mark.parametrize(
        ("set_up", "words"),
        [
            ({"e1": {}}, "e1"),
            ({"e1": {"a": {"exploration": 7}}}, "e1.a.exploration 7 is more than the most allowed, 1"),
            ({"e1": {"a": {"k": 7}}}, "e1.a.k is not a known field"),
            ({"e1": {"a": {"weight": 0}}}, "e1.a.weight 0 is not more than 0"),
            ({"e1": {"a": {"num_samples": "4"}}}, "e1.a.num_samples must be an integer"),
            ({"": {"a": {}}}, "0 characters"),
            ({"e1": 5}, "e1"),
            ({"e1": {str(number): {} for number in range(21)}}, "e1"),
        ],
    )
    def test_refuses_what_cannot_be(self, set_up, words):
        with pytest.raises(SettingsRefused) as refusal:
            read_experiments(set_up)
        assert str(refusal.value).startswith("FIGMENT_EXPERIMENTS: ")
        assert words in str(refusal.value)
