from dataclasses import asdict, replace

from models.metrics.bootstrap import Difference
from models.recommend.profiles import ProfileFigures
from models.retrieval.choice import ChosenIndex, IndexFigures
from tests.app.conftest import bearer
from tests.app.scripted_model import MANIFEST


class TestModel:
    def test_tells_the_manifest_s_facts(self, client):
        told = client.get("/v1/model").json()
        assert told["model_version"] == "scripted"
        assert told["dataset"]["name"] == "thirty items"
        assert told["scoreboard"] == {"popularity": {"hr@10": 0.25}}
        assert (told["serves"], told["num_items"]) == (MANIFEST.serves, 30)

    def test_names_what_is_ahead_of_what_serves(self, model, client, monkeypatch):
        assert client.get("/v1/model").json()["ahead"] == {}
        reached = {"figment": 0.25, "ease": 0.375, "popularity": 0.125}
        scoreboard = {name: {"ndcg@10": value} for name, value in reached.items()}
        monkeypatch.setattr(model, "manifest", MANIFEST.model_copy(update={"scoreboard": scoreboard}))
        assert client.get("/v1/model").json()["ahead"] == {"ease": 0.125}
        monkeypatch.setattr(model, "serves", "popularity")
        assert client.get("/v1/model").json()["ahead"] == {"ease": 0.25, "figment": 0.125}

    def test_tells_how_sure_that_is(self, model, client, monkeypatch):
        assert client.get("/v1/model").json()["standing"] is None
        changed = {
            "scoreboard": {"figment": {"ndcg@10": 0.25}, "ease": {"ndcg@10": 0.375}},
            "num_test_users": 90,
            "differences": {"figment": {"ease": Difference(0.125, -0.125, 0.25)}},
        }
        monkeypatch.setattr(model, "manifest", MANIFEST.model_copy(update=changed))
        told = client.get("/v1/model").json()
        assert told["num_test_users"] == 90
        assert told["differences"] == {
            "ease": {"mean": 0.125, "low": -0.125, "high": 0.25, "verdict": "within chance", "can_serve": False}
        }
        assert told["standing"].startswith(
            "Over 90 held-out shoppers, ahead of figment in NDCG@10: ease by 0.1250 (95 %"
        )

    def test_tells_what_chose_the_system_that_serves(self, model, client, monkeypatch):
        nothing = {"by": "nothing to compare", "validation_ndcg": {}, "num_validation_users": None}
        assert client.get("/v1/model").json()["chosen"] == nothing
        reached = {"popularity": 0.25, "figment": 0.5}
        changed = {"metrics": {"validation_ndcg@10": {"neighbours=4": 0.75, **reached}}, "num_validation_users": 7}
        monkeypatch.setattr(model, "manifest", MANIFEST.model_copy(update=changed))
        chosen = client.get("/v1/model").json()["chosen"]
        assert chosen == {"by": "validation", "validation_ndcg": reached, "num_validation_users": 7}
        assert list(chosen["validation_ndcg"]) == ["figment", "popularity"]
        monkeypatch.setattr(model, "wish", "figment")
        assert client.get("/v1/model").json()["chosen"]["by"] == "FIGMENT_RECOMMENDER"

    def test_tells_what_can_be_returned(self, client):
        assert client.get("/v1/model").json()["property_names"] == ["title", "price"]

    def test_tells_how_the_index_was_chosen(self, model, client):
        assert client.get("/v1/model").json()["index"] is None
        figures = IndexFigures("inverted lists", 30, 0.96, 55.5, 67.1, 0.2, 1.6)
        model.index_figures = ChosenIndex(None, figures, [figures, replace(figures, kind="exact")]).as_dict()
        told = client.get("/v1/model").json()["index"]
        assert (told["kind"], told["recall"], told["p95_microseconds"]) == ("inverted lists", 0.96, 67.1)
        assert [other["kind"] for other in told["others"]] == ["exact"]

    def test_tells_what_each_profile_finds_and_takes(self, model, client):
        assert client.get("/v1/model").json()["profiles"] is None
        model.profile_figures = {"fast": asdict(ProfileFigures(0.96, 410.5, 633.0))}
        told = client.get("/v1/model").json()["profiles"]
        assert told == {"fast": {"recall": 0.96, "p50_microseconds": 410.5, "p95_microseconds": 633.0}}


class TestOutcomes:
    def test_are_told_to_keys_with_the_scope_admin_alone(self, client, make_key):
        whole = client.get("/v1/model").json()
        others, admin = (make_key(*scopes)[0] for scopes in (["recommend", "catalogue", "events", "studio"], ["admin"]))
        told = client.get("/v1/model", headers=bearer(others))
        assert (told.status_code, told.json().keys()) == (200, whole.keys() - {"outcomes"})
        assert client.get("/v1/model", headers=bearer(admin)).json()["outcomes"] == whole["outcomes"]
