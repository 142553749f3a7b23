import pytest

from app.main import access_rules_of
from app.settings import is_loopback, read_settings, refuse_exposure, web_origin
from models.domain.attributes import SHOP_WINDOW
from models.domain.errors import SettingsRefused
from models.recommend.systems import STAGE_OF


@pytest.fixture(autouse=True)
def no_settings(monkeypatch):
    import os

    for name in [name for name in os.environ if name.startswith("FIGMENT_")]:
        monkeypatch.delenv(name)


class TestReadSettings:
    def test_defaults_listen_on_loopback_only(self):
        settings = read_settings()
        assert (settings.host, settings.port, settings.allow_anonymous) == ("127.0.0.1", 8000, False)

    def test_environment_is_read(self, monkeypatch):
        monkeypatch.setenv("FIGMENT_PORT", "8123")
        assert read_settings().port == 8123

    def test_command_line_goes_above_the_environment(self, monkeypatch):
        monkeypatch.setenv("FIGMENT_PORT", "8123")
        assert read_settings(port=8124).port == 8124

    def test_what_the_command_line_did_not_say_leaves_the_environment(self, monkeypatch):
        monkeypatch.setenv("FIGMENT_PORT", "8123")
        assert read_settings(port=None).port == 8123

    def test_misspelt_variable_is_named(self, monkeypatch):
        monkeypatch.setenv("FIGMENT_PROT", "8123")
        with pytest.raises(SettingsRefused, match=r"FIGMENT_PROT is not a setting.*FIGMENT_PORT"):
            read_settings()

    @pytest.mark.parametrize("name", [*STAGE_OF, "item-knn", "auto"])
    def test_any_system_of_the_bundle_may_serve_by_its_name_in_the_scoreboard(self, monkeypatch, name):
        monkeypatch.setenv("FIGMENT_RECOMMENDER", name)
        assert read_settings().recommender == name

    def test_a_rival_that_no_bundle_holds_is_refused_with_what_they_hold(self, monkeypatch):
        monkeypatch.setenv("FIGMENT_RECOMMENDER", "ease")
        with pytest.raises(SettingsRefused, match=r"FIGMENT_RECOMMENDER: .*'figment-fused'.*, got 'ease'"):
            read_settings()

    def test_all_problems_are_told_at_once(self, monkeypatch):
        monkeypatch.setenv("FIGMENT_PROT", "8123")
        monkeypatch.setenv("FIGMENT_PORT", "65536")
        monkeypatch.setenv("FIGMENT_MAX_IN_FLIGHT", "many")
        with pytest.raises(SettingsRefused) as refusal:
            read_settings()
        for part in ("FIGMENT_PROT", "FIGMENT_PORT", "65535", "65536", "FIGMENT_MAX_IN_FLIGHT", "many"):
            assert part in str(refusal.value)

    def test_variables_of_the_tests_are_left_alone(self, monkeypatch):
        monkeypatch.setenv("FIGMENT_SHARED_DATA", "anywhere")
        read_settings()

    def test_what_kubernetes_sets_for_a_service_called_figment_is_left_alone(self, monkeypatch):
        monkeypatch.setenv("FIGMENT_PORT", "tcp://10.0.0.7:8000")
        for name in ("SERVICE_HOST", "SERVICE_PORT", "SERVICE_PORT_HTTP", "PORT_8000_TCP", "PORT_8000_TCP_ADDR"):
            monkeypatch.setenv(f"FIGMENT_{name}", "8000")
        assert read_settings().port == 8000

    def test_password_of_the_database_is_not_shown(self, monkeypatch):
        monkeypatch.setenv("FIGMENT_DATABASE_URL", "postgresql+asyncpg://shop:hunter2@db.example/shop")
        settings = read_settings()
        assert "hunter2" in settings.database_url
        assert "hunter2" not in f"{settings!r} {settings}"

    def test_unknown_override_is_refused(self):
        with pytest.raises(SettingsRefused, match="PROT"):
            read_settings(prot=1)


class TestRefuseExposure:
    @pytest.mark.parametrize("host", ["127.0.0.1", "localhost", "::1", "127.8.9.10"])
    def test_loopback_needs_nothing(self, host):
        refuse_exposure(read_settings(host=host))

    @pytest.mark.parametrize("host", ["0.0.0.0", "::", "10.0.0.7", "shop.example"])
    def test_other_addresses_are_refused_with_the_way_out(self, host):
        with pytest.raises(SettingsRefused, match="FIGMENT_ALLOW_ANONYMOUS=true"):
            refuse_exposure(read_settings(host=host))

    def test_other_addresses_pass_when_somebody_said_so(self):
        refuse_exposure(read_settings(host="0.0.0.0", allow_anonymous=True))

    def test_other_addresses_pass_when_there_is_a_key(self):
        refuse_exposure(read_settings(host="0.0.0.0"), lambda: True)

    def test_keys_are_asked_for_only_where_that_matters(self):
        refuse_exposure(read_settings(), pytest.fail)
        refuse_exposure(read_settings(host="0.0.0.0", allow_anonymous=True), pytest.fail)


class TestAccessRulesOf:
    @pytest.mark.parametrize(("settings", "open_to"), [
        ({}, "this machine"),
        ({"host": "10.0.0.7"}, "nobody"),
        ({"trusted_proxies": "127.0.0.1"}, "nobody"),
        ({"trusted_proxies": "127.0.0.1", "allow_anonymous": True}, "everyone"),
    ])  # fmt: skip
    def test_a_proxy_that_is_named_hands_on_what_comes_from_elsewhere(self, settings, open_to):
        assert access_rules_of(read_settings(**settings)).open_to == open_to


class TestAllowedOrigins:
    def test_are_read_as_browsers_send_them(self, monkeypatch):
        monkeypatch.setenv("FIGMENT_ALLOWED_ORIGINS", "https://Shop.example:443/, http://localhost:3000")
        assert read_settings().allowed_origins == ("https://shop.example", "http://localhost:3000")

    @pytest.mark.parametrize("origin", [
        "*", "shop.example", "https://*.shop.example", "https://a.example/page", "null",
        "ftp://a.example", "https://user@a.example", "https://bücher.example",
    ])  # fmt: skip
    def test_anything_but_an_origin_is_refused(self, monkeypatch, origin):
        monkeypatch.setenv("FIGMENT_ALLOWED_ORIGINS", origin)
        with pytest.raises(SettingsRefused, match="FIGMENT_ALLOWED_ORIGINS"):
            read_settings()


class TestPublicAttributes:
    def test_are_the_shop_window_s_unless_they_are_named(self, monkeypatch):
        assert read_settings().public_attributes == SHOP_WINDOW
        monkeypatch.setenv("FIGMENT_PUBLIC_ATTRIBUTES", "title, shoe size,,title")
        assert read_settings().public_attributes == ("title", "shoe size")


class TestTrustedProxies:
    def test_are_addresses_and_networks(self, monkeypatch):
        assert read_settings().trusted_proxies == ()
        monkeypatch.setenv("FIGMENT_TRUSTED_PROXIES", "127.0.0.1, 10.0.0.0/8 ::1")
        assert read_settings().trusted_proxies == ("127.0.0.1/32", "10.0.0.0/8", "::1/128")

    @pytest.mark.parametrize("proxies", ["*", "proxy.example", "10.0.0.1/8", "10.0.0.0/33", "1"])
    def test_anything_else_is_refused(self, monkeypatch, proxies):
        monkeypatch.setenv("FIGMENT_TRUSTED_PROXIES", proxies)
        with pytest.raises(SettingsRefused, match="FIGMENT_TRUSTED_PROXIES"):
            read_settings()


class TestWebOrigin:
    @pytest.mark.parametrize(
        ("text", "origin"),
        [
            ("https://a.example", "https://a.example"),
            ("HTTP://A.example:80", "http://a.example"),
            ("https://a.example:8443/", "https://a.example:8443"),
            ("http://[2001:db8::1]:80", "http://[2001:db8::1]"),
        ],
    )
    def test_has_no_default_port_no_slash_and_small_letters(self, text, origin):
        assert web_origin(text) == origin


class TestIsLoopback:
    def test_a_name_could_be_anywhere(self):
        assert not is_loopback("127.0.0.1.shop.example")
