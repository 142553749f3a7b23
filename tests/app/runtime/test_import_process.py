import asyncio
import os
import signal
import subprocess
import sys
import time
from functools import partial

import numpy as np
import psutil
import pytest

from app.runtime.import_process import NICENESS, ImportProcess
from models.bundle.read import open_bundle
from models.domain.errors import ServiceError
from models.recommend.live.items import Origin
from models.recommend.live.linked import nearest_of_bundle

pytestmark = pytest.mark.anyio

TEXTS = ["oolong", "", 'a "quoted" 🙂', "tea\0\n"]
PATIENCE_SECONDS = 60


def always():
    return True


def never():
    return False


@pytest.fixture
async def process(tiny_bundle):
    process = ImportProcess(tiny_bundle)
    yield process
    await process.end()
    assert process.has_ended


class TestImportProcess:
    async def test_answers_what_this_process_would(self, process, tiny_bundle):
        bundle = open_bundle(tiny_bundle)
        embedded_TE = await process.embed(TEXTS, always)
        np.testing.assert_array_equal(embedded_TE, bundle.text_encoder(threads=1).embed(TEXTS))
        text_NE, tag_rows_NT = bundle.text_features_NE, bundle.tag_rows_NT
        many = np.arange(300) % len(text_NE)
        found = await process.nearest(text_NE[many], tag_rows_NT[many], always)
        expected = nearest_of_bundle(Origin(bundle).likeness, bundle.neighbours, text_NE[many], tag_rows_NT[many])
        np.testing.assert_array_equal(found.rows_AM, expected.rows_AM)
        np.testing.assert_array_equal(found.lent_rows_AL, expected.lent_rows_AL)
        np.testing.assert_allclose(found.likeness_AM, expected.likeness_AM, atol=1e-6)
        np.testing.assert_allclose(found.lent_AL, expected.lent_AL, atol=1e-6)

    async def test_is_put_back_but_shares_the_session(self, process):
        await process.embed(["tea"], always)
        child = psutil.Process(process.process.pid)
        assert child.nice() == psutil.Process().nice() + NICENESS
        assert (os.getsid(child.pid), os.getpgid(child.pid)) == (os.getsid(0), child.pid)

    async def test_gives_way_and_answers_the_next_question_rightly(self, process):
        assert await process.embed(["tea"], never) is None
        one, other = await process.embed(["paint"], always), await process.embed(["tea"], always)
        assert not np.allclose(one, other)
        np.testing.assert_array_equal(await process.embed(["paint"], always), one)

    async def test_killed_is_told_to_whoever_asks(self, process):
        await process.embed(["tea"], always)
        asked = asyncio.ensure_future(process.embed(["tea"] * 5_000 + ["paint " * 2_000], always))
        os.kill(process.process.pid, signal.SIGKILL)
        with pytest.raises(ServiceError, match="has ended"):
            await asked
        with pytest.raises(ServiceError, match="ended"):
            await process.embed(["tea"], always)

    async def test_ended_while_it_starts_leaves_nothing_behind(self, tiny_bundle):
        process = ImportProcess(tiny_bundle)
        asked = asyncio.ensure_future(process.embed(["tea"], always))
        await asyncio.sleep(0)
        await process.end()
        with pytest.raises(ServiceError, match="ended"):
            await asked
        assert process.process is None or process.process.returncode is not None

    def test_ends_with_whoever_started_it_however_that_ended(self, tiny_bundle):
        """Killed, a process can tell its children nothing."""
        program = (
            "import asyncio, sys; from pathlib import Path\n"
            "from app.runtime.import_process import ImportProcess\n"
            "async def ask():\n"
            "    process = ImportProcess(Path(sys.argv[1]))\n"
            "    await process.embed(['tea'], lambda: True)\n"
            "    print(process.process.pid, flush=True)\n"
            "    await asyncio.sleep(600)\n"
            "asyncio.run(ask())"
        )
        parent = subprocess.Popen([sys.executable, "-c", program, str(tiny_bundle)], stdout=subprocess.PIPE, text=True)
        with parent:
            child = int(parent.stdout.readline())
            parent.kill()
        eventually(partial(is_gone, child))


def is_gone(pid):
    return not psutil.pid_exists(pid) or psutil.Process(pid).status() == psutil.STATUS_ZOMBIE


def eventually(is_so):
    give_up = time.monotonic() + PATIENCE_SECONDS
    while not is_so():
        assert time.monotonic() < give_up
        time.sleep(0.05)
