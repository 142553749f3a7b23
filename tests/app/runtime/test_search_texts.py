import asyncio
from time import perf_counter

import pytest

from app.runtime.search_texts import SearchTexts
from app.runtime.workers import Deadline
from models.domain.errors import BundleError, DeadlineExceeded
from tests.app.scripted_model import ScriptedModel

pytestmark = pytest.mark.anyio


class Damaged(ScriptedModel):
    """Its text encoder is damaged, the first time."""

    def prepare_search(self):
        super().prepare_search()
        if self.num_prepared == 1:
            raise BundleError("text_encoder.onnx: wrong digest")


class TestSearchTexts:
    async def test_are_loaded_once_however_many_wait(self):
        model, texts = ScriptedModel(), SearchTexts()
        await asyncio.gather(*(texts.ready(model, None) for _ in range(10)))
        await texts.ready(model, None)
        assert model.num_prepared == 1

    async def test_are_loaded_for_each_model(self):
        texts, models = SearchTexts(), [ScriptedModel() for _ in range(6)]
        for number, model in enumerate(models):
            model.model_version = f"scripted-{number}"
            await texts.ready(model, None)
        assert [model.num_prepared for model in models] == [1] * 6

    async def test_who_waits_too_long_is_told_and_loading_goes_on(self):
        model, texts = ScriptedModel(), SearchTexts()
        model.gate.clear()
        with pytest.raises(DeadlineExceeded):
            await texts.ready(model, Deadline(10, started=perf_counter()))
        model.gate.set()
        await texts.ready(model, None)
        assert model.num_prepared == 1

    async def test_a_failure_is_told_and_the_next_one_tries_again(self):
        model, texts = Damaged(), SearchTexts()
        with pytest.raises(BundleError):
            await texts.ready(model, None)
        await texts.ready(model, None)
        assert model.num_prepared == 2
