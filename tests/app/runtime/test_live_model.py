import gc
import weakref
from datetime import UTC, datetime

import pytest
from structlog.testing import capture_logs

from app.runtime.live_model import LiveModel, Loaded
from app.runtime.workers import Workers
from tests.app.scripted_model import MANIFEST, ScriptedModel

MADE_AT = datetime(2026, 1, 1, tzinfo=UTC)


@pytest.fixture
def workers():
    workers = Workers(threads=1, max_in_flight=1)
    yield workers
    workers.close()


def lines_of(workers, **changed):
    """What is logged when a model of this manifest begins to answer."""
    model = ScriptedModel()
    model.manifest = MANIFEST.model_copy(update=changed)
    with capture_logs() as lines:
        LiveModel(None, workers).publish(Loaded(model, [], MADE_AT))
    return lines


class TestPublish:
    def test_tells_data_set_and_system(self, workers):
        (line,) = lines_of(workers)
        assert line["event"] == "model loaded"
        told = {name: line[name] for name in ("model_version", "dataset", "serves", "chosen_by")}
        assert told == {
            "model_version": "scripted",
            "dataset": "thirty items",
            "serves": "figment",
            "chosen_by": "nothing to compare",
        }

    def test_warns_of_a_bundle_that_never_saw_a_part_of_the_items(self, workers):
        hidden = {"kind": "cold-items", "seed": 0}
        _, warning = lines_of(workers, split=hidden)
        assert (warning["log_level"], warning["model_version"]) == ("warning", "scripted")
        assert "a tenth of the items was hidden" in warning["event"]
        assert len(lines_of(workers, split=hidden, refitted=True)) == 1


class TestCheckReady:
    @pytest.mark.anyio
    async def test_asks_the_index_of_what_answers(self, workers):
        """Not of a model that was opened after it and is not served."""
        asked = []
        live = LiveModel(None, workers, check_index=asked.append)
        for version in ("older", "newer"):
            model = ScriptedModel()
            model.manifest = MANIFEST.model_copy(update={"model_version": version})
            live.publish(Loaded(model, [], MADE_AT))
            await live.check_ready()
        assert [manifest.model_version for manifest in asked] == ["older", "newer"]


class TestMadeOnce:
    def test_what_stands_on_a_state_is_made_once_and_goes_with_it(self):
        class Checker:
            pass

        loaded = Loaded(ScriptedModel(), [], MADE_AT)
        made = weakref.ref(loaded.made_once("checker", lambda _: Checker()))
        assert loaded.made_once("checker", lambda _: Checker()) is made()
        del loaded
        gc.collect()
        assert made() is None

    def test_what_cannot_be_made_is_tried_again(self):
        loaded = Loaded(ScriptedModel(), [], MADE_AT)

        def fails(_):
            raise ValueError

        with pytest.raises(ValueError):  # noqa: PT011  made two lines above
            loaded.made_once("checker", fails)
        assert loaded.made_once("checker", lambda model: model) is loaded.model
