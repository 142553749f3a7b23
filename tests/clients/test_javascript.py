"""The example for a shop's page, run by Node against the service."""

import json
import shutil
import subprocess
from pathlib import Path

import pytest

from tests.app.conftest import bearer, key_made, sqlite_url
from tests.service.process import SCRIPTED, serving

PAGE = Path(__file__).with_name("page.mjs")


@pytest.fixture
def node():
    found = shutil.which("node")
    assert found, "this test needs Node 18 or newer; on Debian and Ubuntu: apt install nodejs"
    return found


@pytest.mark.long
class TestPage:
    def test_gets_a_list_and_reports_a_click_with_a_publishable_key(self, node, tmp_path):
        database = sqlite_url(tmp_path)
        publishable = {"kind": "publishable", "origins": ["https://shop.example"]}
        key, _ = key_made(database, "recommend", "events", **publishable)
        secret, _ = key_made(database, "admin")
        with serving(tmp_path, command=SCRIPTED) as service:
            service.wait_until_ready()
            told = run(node, str(service.client.base_url), key)
            outcomes = service.client.get("/v1/model", headers=bearer(secret)).json()["outcomes"]
        assert [item["item_id"] for item in told["list"]["items"]] == ["item-0", "item-2", "item-3"]
        assert told["list"]["items"][0]["properties"] == {"title": "title 0"}
        assert [item["item_id"] for item in told["beside"]["items"]] == ["item-3", "item-4", "item-5"]
        assert told["reported"] == {"accepted": 1, "duplicates": 0, "errors": []}
        assert told["problem"]["errors"][0]["pointer"] == "/k"
        assert [arm["events"] for arm in outcomes["arms"]] == [{"click": 1}]


def run(node, *arguments):
    finished = subprocess.run([node, PAGE, *arguments], capture_output=True, text=True, timeout=60, check=False)
    assert finished.returncode == 0, finished.stderr
    return json.loads(finished.stdout)
