import asyncio
import re
import time
from functools import partial

import numpy as np
import pytest
from fastapi.testclient import TestClient

from app.api.jobs import MAX_UNFINISHED
from app.main import create_app
from app.runtime.imagining import Imagining
from app.runtime.live_model import LiveModel
from app.runtime.workers import Workers
from app.store.jobs import SYNTHETIC_SESSIONS, JobStore
from app.store.store import Store
from models.recommend.recommender import Recommender
from tests.app.conftest import sqlite_url, wait_until_loaded

pytestmark = pytest.mark.anyio
FAR_TOO_MANY = 500_000
"""Sessions: minutes of work."""
TEA = {"histories": [[{"item_id": "tea-1"}, {"item_id": "tea-2"}]]}


class TestConcepts:
    def test_of_a_critic_that_likes_nothing_are_none_with_a_warning(self, process, monkeypatch):
        monkeypatch.setattr("models.concepts.imagine.realism", lambda _, tastes_XD, *rest: np.zeros(len(tastes_XD)))
        answer = process.post("/v1/concepts", json={"segment": TEA, "n": 3})
        assert answer.status_code == 200, answer.text
        assert answer.json()["concepts"] == []
        assert answer.json()["warnings"] == ["0 of 3: the segment's wishes hold no more that are unlike"]


class TestSessions:
    @pytest.mark.parametrize("num", [1_000, 1_001])
    def test_of_too_many_events_are_refused_at_once_and_as_a_job(self, process, monkeypatch, num):
        monkeypatch.setattr("app.runtime.imagining.MAX_EVENTS", 200)
        refused = process.post("/v1/synthetic-sessions", json={"num_sessions": num})
        assert refused.status_code == 422, refused.text
        (told,) = refused.json()["errors"]
        assert told["pointer"] == "/num_sessions"
        assert f"{num:,} sessions are about " in told["detail"]
        assert "events in this shop, the limit is 200: ask for at most" in told["detail"]
        most = int(re.search(r"at most (\d+)", told["detail"])[1])
        answer = process.post("/v1/synthetic-sessions", json={"num_sessions": most})
        assert answer.status_code == 200, answer.text
        assert sum(len(session["events"]) for session in answer.json()["sessions"]) == pytest.approx(200, rel=0.3)
        assert process.post("/v1/synthetic-sessions", json={"num_sessions": most + 1}).status_code == 422


class TestJobs:
    def test_that_wait_are_limited(self, process, monkeypatch):
        async def nothing(*_):
            return None

        monkeypatch.setattr(JobStore, "take", nothing)
        orders = [
            ("/v1/synthetic-sessions", {"num_sessions": 1_001}),
            ("/v1/synthetic-items", {"num_items": 1_001}),
        ]
        for path, order in orders:
            waiting = [process.post(path, json=order).status_code for _ in range(MAX_UNFINISHED)]
            assert waiting == [202] * MAX_UNFINISHED
            refused = process.post(path, json=order)
            assert (refused.status_code, refused.headers["Retry-After"]) == (429, "10")
            assert f"{MAX_UNFINISHED} jobs of this kind are not done" in refused.json()["detail"]

    def test_one_that_waits_for_the_next_start_waits_for_its_model_too(self, tiny_bundle, tmp_path):
        async def order() -> str:
            store = await Store.open(sqlite_url(tmp_path))
            job = await store.jobs.create(SYNTHETIC_SESSIONS, {"num": 3, "segment": None, "seed": 1})
            await store.close()
            return job.job_id

        def open_slowly() -> Recommender:
            time.sleep(1)
            return Recommender.open(tiny_bundle)

        job_id = asyncio.run(order())
        live = LiveModel(open_slowly, Workers(threads=1, max_in_flight=1))
        app = create_app(live, partial(Store.open, sqlite_url(tmp_path)), on_load_failure=pytest.fail)
        with TestClient(app, base_url="http://localhost") as client:
            wait_until_loaded(client)
            give_up = time.monotonic() + 60
            while (job := client.get(f"/v1/jobs/{job_id}").json())["state"] in ("queued", "running"):
                assert time.monotonic() < give_up
                time.sleep(0.05)
        assert job["state"] == "done", job

    async def test_one_that_is_given_back_keeps_no_thread(self, tiny_bundle, tmp_path, monkeypatch):
        monkeypatch.setattr("app.runtime.imagining.MAX_EVENTS", 100 * FAR_TOO_MANY)
        workers = Workers(threads=1, max_in_flight=1)
        live = LiveModel(lambda: Recommender.open(tiny_bundle), workers)
        await live.load()
        store = await Store.open(sqlite_url(tmp_path))
        imagining = Imagining(live, store)
        imagining.start()
        asked = {"num": FAR_TOO_MANY, "segment": None, "seed": 1}
        job = await store.jobs.create(SYNTHETIC_SESSIONS, asked)
        imagining.job_written()
        give_up = time.monotonic() + 60
        while not (told := await store.jobs.get(job.job_id)) or not told.progress:
            assert time.monotonic() < give_up
            await asyncio.sleep(0.1)
        await imagining.close()
        given_back = await store.jobs.get(job.job_id)
        assert given_back is not None
        assert (given_back.state, given_back.attempts) == ("queued", 0)
        await asyncio.wait_for(asyncio.get_running_loop().shutdown_default_executor(), 20)
        await store.close()
        workers.close()
