import pytest

from app.store.embeddings import KEPT, TEXTS_A_QUERY, EmbeddingStore

pytestmark = pytest.mark.anyio


@pytest.fixture
def embeddings(database, clock):
    return EmbeddingStore(database, clock)


class TestFind:
    async def test_what_was_kept_comes_back_by_its_text(self, embeddings):
        await embeddings.keep("minilm", {"green tea": b"\x00\x01", "Tee \u0000": b"\xff"})
        found = await embeddings.find("minilm", ["Tee \u0000", "green tea", "black tea", "green tea"])
        assert found == {"green tea": b"\x00\x01", "Tee \u0000": b"\xff"}

    async def test_encoders_share_nothing(self, embeddings):
        await embeddings.keep("minilm", {"green tea": b"a"})
        assert await embeddings.find("other", ["green tea"]) == {}

    async def test_finds_more_than_one_query_asks_for(self, embeddings):
        kept = {f"tea {number}": bytes([number % 256]) for number in range(TEXTS_A_QUERY + 7)}
        await embeddings.keep("minilm", kept)
        assert await embeddings.find("minilm", kept) == kept


class TestKeep:
    async def test_what_is_there_stays(self, embeddings):
        await embeddings.keep("minilm", {"green tea": b"first"})
        await embeddings.keep("minilm", {"green tea": b"second", "black tea": b"new"})
        found = await embeddings.find("minilm", ["green tea", "black tea"])
        assert found == {"green tea": b"first", "black tea": b"new"}

    async def test_nothing_is_no_problem(self, embeddings):
        await embeddings.keep("minilm", {})


class TestPurge:
    async def test_deletes_what_nobody_read_for_long(self, embeddings, clock):
        await embeddings.keep("minilm", {"green tea": b"a", "black tea": b"b"})
        clock.forward(days=KEPT.days)
        assert await embeddings.find("minilm", ["green tea"]) == {"green tea": b"a"}
        clock.forward(days=1)
        assert await embeddings.purge() == 1
        assert await embeddings.find("minilm", ["green tea", "black tea"]) == {"green tea": b"a"}
