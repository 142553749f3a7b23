import pytest

from app.api.host_name import is_loopback_name
from tests.app.api.lists import HISTORY, ask
from tests.app.api.test_errors import check_problem


class TestIsLoopbackName:
    @pytest.mark.parametrize(
        "host",
        ["localhost", "LOCALHOST:8000", "127.0.0.1", "127.0.0.1:8000", "127.9.9.9:1", "[::1]", "[::1]:8000"],
    )
    def test_knows_this_machine(self, host):
        assert is_loopback_name(host)

    @pytest.mark.parametrize(
        "host",
        [
            "", ":8000", "evil.example", "evil.example:8000", "localhost.evil.example", "127.0.0.1.evil.example:8000",
            "0.0.0.0", "10.0.0.1:8000", "[::2]:8000", "[127.0.0.1]", "::1", "localhost:", "localhost:x",
            "localhost:1:2", "localhost@evil.example", "evil.example#127.0.0.1", "2130706433", "127.1", "[::1",
            "[::1]x:1",
        ],
    )  # fmt: skip
    def test_knows_no_other_name(self, host):
        assert not is_loopback_name(host)


class TestRefuseFromElsewhere:
    def test_a_page_whose_name_leads_here_is_refused(self, client):
        told = check_problem(ask(client, {"history": HISTORY}, Host="evil.example:8000"), 403)
        assert 'Host names "evil.example:8000"' in told["detail"]
        assert ask(client, {"history": HISTORY}, Host="127.0.0.1:8000").status_code == 200

    def test_probes_answer_by_any_name(self, client):
        assert client.get("/health/ready", headers={"Host": "evil.example"}).status_code == 200


class TestWhatAProxyHandsOn:
    @pytest.mark.parametrize("name", ["Forwarded", "X-Forwarded-For", "X-Forwarded-Proto", "X-Real-IP", "Via"])
    def test_is_refused_while_there_is_no_key(self, client, name):
        told = check_problem(ask(client, {"history": HISTORY}, Host="127.0.0.1", **{name: "for=203.0.113.9"}), 403)
        assert f"{name.lower()} says that a proxy hands this on" in told["detail"]
