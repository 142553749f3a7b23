"""Models and long work of a service with real bundles."""

import time

import pytest

from figment_client import NotFound
from tests.second_bundle import write_second_bundle
from tests.service.process import serving

VERSIONS = ("tiny-1", "tiny-2")
MANY = 101
"""More new items than are taken in at once."""
JOB_SECONDS = 120


@pytest.fixture(scope="module")
def service(tiny_bundle, tmp_path_factory):
    root = tmp_path_factory.mktemp("bundles")
    for version in VERSIONS:
        write_second_bundle(tiny_bundle, root / version)
    with serving(tmp_path_factory.mktemp("models"), bundles=root) as service:
        service.wait_until_ready()
        yield service


@pytest.fixture
def figment(connect, service):
    return connect(str(service.client.base_url))


class TestModels:
    def test_are_switched(self, figment):
        for version in VERSIONS:
            assert figment.activate_model(version)["model_version"] == version
            assert figment.recommend(history=[])["meta"]["model_version"] == version
            assert [one["version"] for one in figment.models()["models"] if one["is_active"]] == [version]
        assert figment.model()["model_version"] == VERSIONS[-1]

    def test_unknown_one_is_not_found(self, figment):
        with pytest.raises(NotFound):
            figment.activate_model("no/such model")


class TestJobs:
    def test_large_import_is_one(self, figment):
        prefix = time.monotonic_ns()
        imported = figment.import_items(items=[{"item_id": f"{prefix}-{n}", "title": f"tea {n}"} for n in range(MANY)])
        assert imported["accepted"] == MANY
        give_up = time.monotonic() + JOB_SECONDS
        while (job := figment.job(imported["job_id"]))["state"] != "done":
            assert job["state"] != "failed", job
            assert time.monotonic() < give_up
            time.sleep(0.1)
        assert job["progress"] == 1

    def test_unknown_one_is_not_found(self, figment):
        with pytest.raises(NotFound):
            figment.job("no-such-job")
