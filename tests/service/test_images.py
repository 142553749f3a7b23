"""Pictures over real HTTP, from a model that was really trained."""

import asyncio
import base64
import io
import shutil
import time
from collections.abc import Iterator
from pathlib import Path

import httpx
import numpy as np
import pytest
from PIL import Image

from app.store.concepts import KeptConcept
from app.store.store import Store
from models.images.folder import place_images
from models.images.layout import IN_BUNDLE
from models.images.provenance import read_provenance
from tests.app.conftest import sqlite_url
from tests.service.process import ServingProcess, fails_to_start, serving

PATH = "/v1/images"


@pytest.fixture(scope="module")
def service(
    tiny_bundle: Path, picture_model: Path, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[ServingProcess]:
    folder = tmp_path_factory.mktemp("pictures")
    with serving(folder, bundle=tiny_bundle, images=picture_model, provenance=folder / "key") as process:
        process.wait_until_ready()
        yield process


@pytest.fixture(scope="module")
def told(service: ServingProcess) -> None:
    """A concept in the store of the service, as `POST /v1/concepts` puts it there."""

    async def keep() -> None:
        store = await Store.open(sqlite_url(service.log.parent))
        await store.concepts.keep({"c-plates": KeptConcept("Home > Plates > Deep plates", ["fine", "red", "plate"])})
        await store.close()

    asyncio.run(keep())


def pictures_in(answer: httpx.Response) -> list[np.ndarray]:
    assert answer.status_code == 200, answer.text
    files = [base64.b64decode(image["png_base64"]) for image in answer.json()["images"]]
    return [np.asarray(Image.open(io.BytesIO(file))) for file in files]


class TestImages:
    def test_are_signed_marked_and_told_with_their_nearest_products(self, service: ServingProcess) -> None:
        answer = service.client.post(PATH, json={"category": "Plates", "colour": "Red", "n": 2, "seed": 3}).json()
        assert (answer["model_version"], answer["seed"], answer["job_id"]) == ("pictures-1", 3, None)
        assert len(answer["images"]) == 2
        for number, image in enumerate(answer["images"]):
            assert (image["category"], image["colour"]) == ("Home > Plates", "Red")
            assert len(image["nearest"]) == 3
            assert image["provenance"] | {"made_at": "", "program": ""} == {
                "generated": True,
                "program": "",
                "model_version": "pictures-1",
                "seed": 3,
                "number": number,
                "made_at": "",
                "visible_mark": True,
                "self_signed": True,
            }
            assert read_provenance(base64.b64decode(image["png_base64"])).is_generated

    def test_are_the_same_for_the_same_seed(self, service: ServingProcess) -> None:
        four, two = (service.client.post(PATH, json={"n": n, "seed": 11}) for n in (4, 2))
        np.testing.assert_array_equal(pictures_in(four)[:2], pictures_in(two))
        drawn = [service.client.post(PATH, json={"n": 1}).json()["seed"] for _ in range(2)]
        assert drawn[0] != drawn[1]

    def test_one_comes_as_png_where_that_is_asked_for(self, service: ServingProcess) -> None:
        headers = {"Accept": "image/png"}
        answer = service.client.post(PATH, json={"query": "a fine blue plate", "seed": 2}, headers=headers)
        assert answer.headers["content-type"] == "image/png"
        assert read_provenance(answer.content).is_generated
        several = service.client.post(PATH, json={"n": 2}, headers=headers)
        assert (several.status_code, several.json()["errors"][0]["pointer"]) == (422, "/n")

    def test_many_are_a_job_that_makes_the_same(self, service: ServingProcess) -> None:
        accepted = service.client.post(PATH, json={"n": 17, "seed": 11})
        assert accepted.status_code == 202
        assert accepted.json()["images"] == []
        job = self._ended(service, accepted.json()["status_url"])
        assert (job["state"], job["progress"]) == ("done", 1.0)
        made = service.client.get(job["result_url"])
        at_once = service.client.post(PATH, json={"n": 4, "seed": 11})
        np.testing.assert_array_equal(pictures_in(made)[:4], pictures_in(at_once))
        assert len(made.json()["images"]) == 17

    def test_a_concept_that_was_told_is_pictured(self, service: ServingProcess, told: None) -> None:
        answer = service.client.post(PATH, json={"concept_id": "c-plates", "n": 1, "seed": 3})
        assert answer.status_code == 200, answer.text
        (image,) = answer.json()["images"]
        assert (image["category"], image["colour"]) == ("Home > Plates", "Red")
        again = service.client.post(PATH, json={"concept_id": "c-plates", "colour": "Blue", "n": 1, "seed": 3})
        assert again.json()["images"][0]["colour"] == "Blue"
        many = service.client.post(PATH, json={"concept_id": "c-plates", "n": 17, "seed": 3})
        job = self._ended(service, many.json()["status_url"])
        assert {image["category"] for image in service.client.get(job["result_url"]).json()["images"]} == {
            "Home > Plates"
        }

    def test_a_concept_of_this_shop_shows_nothing_that_the_photographs_do(self, service: ServingProcess) -> None:
        segment = {"histories": [[{"item_id": "tea-1"}, {"item_id": "tea-2"}]]}
        concepts = service.client.post("/v1/concepts", json={"segment": segment, "n": 1, "seed": 1}).json()["concepts"]
        answer = service.client.post(PATH, json={"concept_id": concepts[0]["concept_id"]})
        assert answer.status_code == 422
        assert f"unknown category '{concepts[0]['category']}'" in answer.json()["detail"]

    @staticmethod
    def _ended(service: ServingProcess, status_url: str) -> dict:
        give_up = time.monotonic() + 120
        while (job := service.client.get(status_url).json())["state"] not in {"done", "failed"}:
            assert time.monotonic() < give_up
            time.sleep(0.05)
        return job


class TestRefused:
    @pytest.mark.parametrize(
        ("body", "status", "told"),
        [
            ({"category": "Boats"}, 422, "unknown category 'Boats'; known: Home > Plates, Home > Shelves"),
            ({"colour": "Mauve"}, 422, "unknown colour 'Mauve'; known: Blue, Green, Red"),
            ({"size": 64}, 422, "unknown picture size '64'; known: 32"),
            ({"n": 257}, 422, "257 is more than the most allowed, 256"),
            ({"n": 17, "category": "Boats"}, 422, "unknown category 'Boats'"),
            ({"query": "   "}, 422, "query holds no word"),
            ({"n": 17, "query": "   "}, 422, "query holds no word"),
            ({"concept": "c1"}, 422, "is not a known field"),
            ({"concept_id": "c1", "query": "a plate"}, 422, "says what to picture already"),
            ({"concept_id": "nothing"}, 404, "no concept 'nothing' was told"),
            ({"item_id": "nothing"}, 404, "nothing"),
        ],
    )
    def test_says_what_is_missing(
        self, service: ServingProcess, body: dict[str, object], status: int, told: str
    ) -> None:
        answer = service.client.post(PATH, json=body)
        assert answer.status_code == status
        assert told in answer.json()["detail"]

    def test_a_job_that_nobody_asked_for(self, service: ServingProcess) -> None:
        assert service.client.get(f"{PATH}/nothing").status_code == 404


class TestWithoutSetting:
    def test_a_bundle_without_pictures_says_so_and_one_with_them_makes_them(
        self, tiny_bundle: Path, picture_model: Path, tmp_path: Path
    ) -> None:
        bundle = tmp_path / "bundles" / "without"
        shutil.copytree(tiny_bundle, bundle)
        with serving(tmp_path, bundle=bundle, provenance=tmp_path / "key") as service:
            service.wait_until_ready()
            answer = service.client.post(PATH, json={})
            assert answer.status_code == 409
            assert "has no pictures: make them with `figment images train`" in answer.json()["detail"]
            place_images(picture_model, bundle / IN_BUNDLE)  # what `figment train --images` does before it seals
            assert len(pictures_in(service.client.post(PATH, json={"n": 1, "seed": 1}))) == 1


class TestStart:
    def test_no_picture_model_stops_it(self, tiny_bundle: Path, tmp_path: Path) -> None:
        exit_code, told = fails_to_start(bundle=tiny_bundle, images=tmp_path)
        assert exit_code == 2
        assert f"no picture model at {tmp_path}" in told

    def test_half_of_a_key_stops_it(self, tiny_bundle: Path, tmp_path: Path) -> None:
        exit_code, told = fails_to_start(bundle=tiny_bundle, c2pa_key=tmp_path / "key.pem")
        assert exit_code == 2
        assert "FIGMENT_C2PA_CERTIFICATES and FIGMENT_C2PA_KEY belong together" in told
