"""The examples of the guide, sent as they stand there, to a service of a real bundle."""

import json
import re

import httpx
import pytest

from tests.docs.documents import REPOSITORY
from tests.service.process import serving

GUIDE = (REPOSITORY / "docs/guide/lists.md").read_text()
EXAMPLES = re.findall(r"^```http\n(GET|POST) (\S+)\n\n?(.*?)```(?:\n\n```json\n(.*?)```)?", GUIDE, re.M | re.S)
FREE_NAMES = ("sources", "properties")
"""Objects whose keys are data."""


def missing(shown: object, told: object, at: str = "") -> list[str]:
    """Where the answer lacks what the guide shows, or has another kind of value there; of arrays the first entries."""
    if isinstance(shown, dict) and isinstance(told, dict):
        lacking = [f"{at}.{name}" for name in shown.keys() - told.keys()]
        return lacking + [
            place
            for name in shown.keys() & told.keys() - set(FREE_NAMES)
            for place in missing(shown[name], told[name], f"{at}.{name}")
        ]
    if isinstance(shown, list) and isinstance(told, list):
        if len(told) < len(shown):
            return [f"{at}[{len(told)}]"]
        return [place for one, other in zip(shown, told, strict=False) for place in missing(one, other, f"{at}[]")]
    return [] if type(shown) is type(told) else [at]


class TestMissing:
    @pytest.mark.parametrize(("told", "places"), [({"a": [{"b": 2}]}, []), ({"a": []}, [".a[0]"]), ({}, [".a"])])
    def test_finds_what_is_not_there(self, told, places):
        assert missing({"a": [{"b": 1}]}, told) == places


class TestGuide:
    def test_every_example_is_answered_as_it_is_shown(self, tiny_bundle, tmp_path):
        assert len(EXAMPLES) >= 10
        with serving(tmp_path, bundle=tiny_bundle) as service:
            service.wait_until_ready()
            cursor = list_id = ""
            for method, path, body, shown in EXAMPLES:
                typed = body.replace("CURSOR", cursor)
                answer = self.send(service.client, method, path.replace("RECOMMENDATION_ID", list_id), typed)
                assert answer.status_code == 200, f"{path} {typed} {answer.text}"
                told = answer.json()
                assert missing(json.loads(shown or "{}"), told) == []
                cursor, list_id = told.get("next_cursor") or "", told.get("recommendation_id", "")

    def send(self, client: httpx.Client, method: str, path: str, body: str) -> httpx.Response:
        headers = {"content-type": "application/json"} if body else {}
        return client.request(method, path, content=body or None, headers=headers)
