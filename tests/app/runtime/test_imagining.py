import asyncio
import time

import pytest

from app.runtime.imagining import SESSIONS, Imagining
from app.runtime.live_model import LiveModel
from app.runtime.workers import Workers
from app.store.store import Store
from models.recommend.recommender import Recommender
from tests.app.conftest import sqlite_url

pytestmark = pytest.mark.anyio
FAR_TOO_MANY = 500_000
"""Sessions: minutes of work."""


class TestJobs:
    async def test_one_that_is_given_back_keeps_no_thread(self, tiny_bundle, tmp_path):
        workers = Workers(threads=1, max_in_flight=1)
        live = LiveModel(lambda: Recommender.open(tiny_bundle), workers)
        await live.load()
        store = await Store.open(sqlite_url(tmp_path))
        imagining = Imagining(live, store)
        imagining.start()
        asked = {"num": FAR_TOO_MANY, "segment": None, "seed": 1}
        job = await store.jobs.create(SESSIONS, asked)
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
