import time
from datetime import UTC, datetime
from statistics import median

import pytest

from app.store.key_ring import KEY_LIKE, MAX_KEY_CHARACTERS, ApiKey, KeyRing, digest_of, split_key

SECRET = "s" * 43
KEY = ApiKey("0123456789ab", "shop", "secret", ("recommend",), (), None, datetime(2026, 11, 24, tzinfo=UTC), None, None)


@pytest.fixture
def ring():
    return KeyRing({KEY.key_id: (KEY, digest_of(SECRET))})


class TestFind:
    def test_takes_as_long_for_a_secret_that_is_almost_right(self, ring):
        # compare_digest is what guarantees it; this notices a shortcut put before it
        almost, far = f"figsk_{KEY.key_id}_{SECRET[:-1]}t", f"figsk_{KEY.key_id}_{'t' * 43}"
        unknown = f"figsk_{'f' * 12}_{SECRET}"
        micros = {presented: [] for presented in (almost, far, unknown)}
        for _ in range(3000):
            for presented, found in micros.items():
                started = time.perf_counter()
                assert ring.find(presented) is None
                found.append(time.perf_counter() - started)
        middle = [median(found) for found in micros.values()]
        assert max(middle) < 2 * min(middle)

    def test_compares_in_constant_time(self, ring, monkeypatch):
        compared = []
        monkeypatch.setattr("hmac.compare_digest", lambda *pair: compared.append(pair) or False)
        assert ring.find(f"figsk_{KEY.key_id}_{SECRET}") is None
        assert compared == [(digest_of(SECRET), digest_of(SECRET))]

    def test_kind_in_the_prefix_must_be_the_key_s(self, ring):
        assert ring.find(f"figsk_{KEY.key_id}_{SECRET}") is KEY
        assert ring.find(f"figpk_{KEY.key_id}_{SECRET}") is None


class TestSplitKey:
    @pytest.mark.parametrize(
        "text",
        [
            "",
            "_",
            "__",
            "figsk",
            "figsk_",
            "figsk_a",
            "figsk_a_",
            "figsk__s",
            "FIGSK_a_s",
            "fig_a_s",
            "figsk_é_s",
            "figsk_a_é",
        ],
    )
    def test_what_could_be_no_key_has_no_parts(self, text):
        assert split_key(text) is None

    def test_secret_may_hold_underscores(self):
        assert split_key("figpk_ab_c_d-e") == ("figpk", "ab", "c_d-e")

    def test_huge_texts_are_not_even_hashed(self):
        assert split_key("figsk_a_" + "s" * (MAX_KEY_CHARACTERS - 8)) is not None
        assert split_key("figsk_a_" + "s" * MAX_KEY_CHARACTERS) is None


class TestKeyLike:
    def test_finds_keys_anywhere(self):
        assert KEY_LIKE.search(f"id figsk_{KEY.key_id}_{SECRET}")
        assert KEY_LIKE.search(f"FIGPK_{KEY.key_id}_{SECRET}")
        assert not KEY_LIKE.search("figskate")
