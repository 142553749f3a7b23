"""The client for programs that wait for each answer."""

import time
from collections.abc import Callable, Iterator
from types import TracebackType
from typing import Concatenate, ParamSpec, Self

import httpx

from figment_client.connection import LONGEST_PAUSE_SECONDS, RETRIES, TIMEOUT_SECONDS, http_options
from figment_client.errors import NoAnswer, no_answer
from figment_client.methods import described_by
from figment_client.operation import Answer, Element, Operation, Series
from figment_client.operations import catalogue, fraud, images, imagining, lists, service, shoppers
from figment_client.retrying import Retrying

P = ParamSpec("P")


def _sends(operation: Callable[P, Operation[Answer]]) -> "Callable[Concatenate[Figment, P], Answer]":
    @described_by(operation)
    def method(client: "Figment", /, *args: P.args, **keywords: P.kwargs) -> Answer:
        return client.send(operation(*args, **keywords))

    return method


def _iterates(series: Callable[P, Series[Element]]) -> "Callable[Concatenate[Figment, P], Iterator[Element]]":
    @described_by(series)
    def method(client: "Figment", /, *args: P.args, **keywords: P.kwargs) -> Iterator[Element]:
        return client.walk(series(*args, **keywords))

    return method


class Figment:
    """Asks a service. Its methods raise NoAnswer and Refused; safe to use from several threads.

    What may be sent again (reading, and events that the service can tell apart) is, `retries` times at most, where no
    answer came or the service asked for patience; no pause is longer than `longest_pause_seconds`.
    """

    def __init__(
        self,
        base_url: str,
        api_key: str | None = None,
        *,
        timeout_seconds: float = TIMEOUT_SECONDS,
        retries: int = RETRIES,
        longest_pause_seconds: float = LONGEST_PAUSE_SECONDS,
    ) -> None:
        self._http = httpx.Client(**http_options(base_url, api_key, timeout_seconds))
        self._retrying = Retrying(retries, longest_pause_seconds)

    recommend = _sends(lists.recommend)
    recommend_batch = _sends(lists.recommend_batch)
    recommend_for_user = _sends(lists.recommend_for_user)
    iterate_recommendations = _iterates(lists.iterate_recommendations)
    search = _sends(lists.search)
    similar = _sends(lists.similar)
    explain = _sends(lists.explain)

    get_item = _sends(catalogue.get_item)
    put_item = _sends(catalogue.put_item)
    patch_item = _sends(catalogue.patch_item)
    delete_item = _sends(catalogue.delete_item)
    import_items = _sends(catalogue.import_items)
    list_items = _sends(catalogue.list_items)
    iterate_items = _iterates(catalogue.iterate_items)

    post_events = _sends(shoppers.post_events)
    list_events = _sends(shoppers.list_events)
    iterate_events = _iterates(shoppers.iterate_events)
    merge_session = _sends(shoppers.merge_session)
    erase_user = _sends(shoppers.erase_user)
    erase_session = _sends(shoppers.erase_session)

    make_images = _sends(images.make_images)
    images_of_job = _sends(images.images_of_job)

    score_sessions = _sends(fraud.score_sessions)
    score_items = _sends(fraud.score_items)

    concepts = _sends(imagining.concepts)
    synthetic_sessions = _sends(imagining.synthetic_sessions)
    synthetic_items = _sends(imagining.synthetic_items)
    sessions_of_job = _sends(imagining.sessions_of_job)
    items_of_job = _sends(imagining.items_of_job)

    model = _sends(service.model)
    models = _sends(service.models)
    activate_model = _sends(service.activate_model)
    job = _sends(service.job)
    health_live = _sends(service.health_live)
    health_ready = _sends(service.health_ready)
    health_startup = _sends(service.health_startup)
    metrics = _sends(service.metrics)

    def send(self, operation: Operation[Answer]) -> Answer:
        """Its answer."""
        attempt, outcome = 0, self._attempt(operation)
        while (pause_seconds := self._retrying.pause_seconds(operation, outcome, attempt)) is not None:
            time.sleep(pause_seconds)
            attempt, outcome = attempt + 1, self._attempt(operation)
        return operation.answer_in(outcome)

    def walk(self, series: Series[Element]) -> Iterator[Element]:
        """All elements of all pages."""
        page = self.send(series.page(None))
        yield from page[series.name]
        while page["next_cursor"] is not None:
            page = self.send(series.page(page["next_cursor"]))
            yield from page[series.name]

    def close(self) -> None:
        """Gives the connections back."""
        self._http.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def _attempt(self, operation: Operation[Answer]) -> httpx.Response | NoAnswer:
        try:
            return self._http.send(operation.request(self._http))
        except httpx.RequestError as error:
            return no_answer(error)
