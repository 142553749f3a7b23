from tests.app.conftest import bearer
from tests.app.scripted_model import MANIFEST


class TestModel:
    def test_tells_the_manifest_s_facts(self, client):
        told = client.get("/v1/model").json()
        assert told["model_version"] == "scripted"
        assert told["dataset"]["name"] == "thirty items"
        assert told["scoreboard"] == {"popularity": {"hr@10": 0.25}}
        assert (told["serves"], told["num_items"]) == (MANIFEST.serves, 30)

    def test_tells_what_can_be_returned(self, client):
        assert client.get("/v1/model").json()["property_names"] == ["title", "price"]


class TestOutcomes:
    def test_are_told_to_keys_with_the_scope_admin_alone(self, client, make_key):
        whole = client.get("/v1/model").json()
        others, admin = (make_key(*scopes)[0] for scopes in (["recommend", "catalogue", "events", "studio"], ["admin"]))
        told = client.get("/v1/model", headers=bearer(others))
        assert (told.status_code, told.json().keys()) == (200, whole.keys() - {"outcomes"})
        assert client.get("/v1/model", headers=bearer(admin)).json()["outcomes"] == whole["outcomes"]
