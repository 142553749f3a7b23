import pytest
from sqlalchemy import text

from app.store.keys import KeyStore
from models.domain.errors import SettingsRefused, UnknownName

pytestmark = pytest.mark.anyio


@pytest.fixture
def keys(database, clock):
    return KeyStore(database, clock)


class TestCreate:
    async def test_key_says_its_kind_and_carries_256_random_bits(self, keys):
        secret, _ = await keys.create("shop", ["recommend"])
        publishable, _ = await keys.create("page", ["recommend"], kind="publishable", origins=["https://a.example"])
        assert secret.startswith("figsk_")
        assert publishable.startswith("figpk_")
        assert len(secret.split("_", 2)[2]) == 43  # base64 of 32 bytes

    async def test_what_is_kept_comes_back(self, keys, clock):
        secret, made = await keys.create(
            "page",
            ["recommend", "events"],
            kind="publishable",
            origins=["HTTPS://Shop.Example:443/", "https://shop.example"],
            requests_per_minute=60,
        )
        found = await keys.find(secret)
        assert (found.key_id, found.name, found.kind) == (made.key_id, "page", "publishable")
        assert list(found.scopes) == ["recommend", "events"]
        assert list(found.origins) == ["https://shop.example"]
        assert (found.requests_per_minute, found.created_at) == (60, clock.now)
        assert (found.revoked_at, found.last_used_on) == (None, None)

    async def test_secret_is_nowhere_in_the_table(self, keys, database):
        secret, _ = await keys.create("shop", ["admin"])
        rows = await database.read(lambda transaction: transaction.execute(text("SELECT * FROM api_keys")))
        assert secret.split("_", 2)[2] not in repr(rows.all())

    @pytest.mark.parametrize(
        ("scopes", "options", "words"),
        [
            ([], {}, "needs a scope: recommend, catalogue, events, studio, admin"),
            (["recommend"], {"name": " "}, "name has 1 to 128"),
            (["recommend"], {"name": "x" * 129}, "name has 1 to 128"),
            (["recommend"], {"requests_per_minute": 0}, "a limit of 0 requests"),
            (["recommend"], {"requests_per_minute": 1_000_001}, "1 to 1,000,000"),
            (["recommend"], {"origins": ["https://a.example"]}, "must not be in a web page of https://a.example"),
            (["recommend"], {"kind": "publishable"}, "needs the origins"),
            (["recommend"], {"kind": "publishable", "origins": ["https://*.a.example"]}, "without path or wildcard"),
            (["recommend", "admin"], {"kind": "publishable", "origins": ["https://a.example"]}, "not admin"),
        ],
    )
    async def test_what_no_key_may_be_is_refused(self, keys, scopes, options, words):
        with pytest.raises(SettingsRefused, match=words.replace("*", r"\*")):
            await keys.create(**{"name": "key", "scopes": scopes} | options)
        assert await keys.list_keys() == []

    async def test_unknown_scope_is_named(self, keys):
        with pytest.raises(UnknownName, match=r"admn.*admin"):
            await keys.create("key", ["admn"])


class TestFind:
    async def test_every_other_text_is_nobody_s(self, keys):
        secret, made = await keys.create("shop", ["recommend"])
        other, _ = await keys.create("other", ["recommend"])
        _, key_id, random = secret.split("_", 2)
        wrong = [
            "", "_", "figsk", secret[:-1], secret + "A", secret.upper(), f"figpk_{key_id}_{random}", random,
            f"figsk_{key_id}_", f"figsk__{random}", f"figsk_{key_id}_{other.split('_', 2)[2]}", f"figsk_\0_{random}",
            f"figsk_{key_id}_\ud800", f"figsk_\u0661_{random}", f" {secret}", f"figsk_' OR 1=1 --_{random}",
        ]  # fmt: skip
        assert [text for text in wrong if await keys.find(text)] == []
        assert (await keys.find(secret)).key_id == made.key_id

    async def test_revoked_key_is_nobody_s(self, keys):
        secret, made = await keys.create("shop", ["recommend"])
        assert await keys.revoke(made.key_id)
        assert await keys.find(secret) is None


class TestRing:
    async def test_recognises_what_find_does(self, keys):
        secret, made = await keys.create("shop", ["recommend"])
        revoked, gone = await keys.create("gone", ["recommend"])
        await keys.revoke(gone.key_id)
        ring = await keys.ring()
        for presented in (secret, revoked, secret[:-1], secret + "A", "", "figsk"):
            assert ring.find(presented) == await keys.find(presented)
        assert ring.get(made.key_id) == made
        assert ring.get("nobody") is None

    async def test_is_empty_until_the_first_key_and_never_again(self, keys):
        assert (await keys.ring()).is_empty
        _, made = await keys.create("shop", ["recommend"])
        await keys.revoke(made.key_id)
        assert not (await keys.ring()).is_empty

    async def test_names_the_pages_of_publishable_keys_that_still_count(self, keys):
        for origin in ("https://a.example", "https://b.example"):
            _, made = await keys.create("page", ["events"], kind="publishable", origins=[origin])
        await keys.revoke(made.key_id)
        assert (await keys.ring()).origins == {"https://a.example"}


class TestRevoke:
    async def test_tells_whether_there_was_a_key(self, keys, clock):
        _, made = await keys.create("shop", ["recommend"])
        assert await keys.revoke(made.key_id)
        assert not await keys.revoke(made.key_id)
        assert not await keys.revoke("nobody")
        (gone,) = await keys.list_keys(revoked=True)
        assert gone.revoked_at == clock.now


class TestListKeys:
    async def test_is_in_the_order_of_making_without_revoked_ones(self, keys, clock):
        made = []
        for name in ("first", "second", "third"):
            made.append((await keys.create(name, ["recommend"]))[1])
            clock.forward(seconds=1)
        await keys.revoke(made[1].key_id)
        assert [key.name for key in await keys.list_keys()] == ["first", "third"]
        assert [key.name for key in await keys.list_keys(revoked=True)] == ["first", "second", "third"]


class TestAnyMade:
    async def test_revoking_the_last_key_does_not_undo_it(self, keys):
        assert not await keys.any_made()
        _, made = await keys.create("shop", ["recommend"])
        assert await keys.any_made()
        await keys.revoke(made.key_id)
        assert await keys.any_made()


class TestNoteUse:
    async def test_keeps_the_day_and_nothing_finer(self, keys, clock):
        secret, made = await keys.create("shop", ["recommend"])
        for _ in range(3):
            await keys.note_use(made.key_id)
        assert (await keys.find(secret)).last_used_on == clock.now.date()
        clock.forward(days=1)
        await keys.note_use(made.key_id)
        assert (await keys.find(secret)).last_used_on == clock.now.date()
        await keys.note_use("nobody")
