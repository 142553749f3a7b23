"""Wires the service; nothing else."""

import asyncio
import os
import sys
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from contextlib import asynccontextmanager
from datetime import timedelta
from functools import partial
from importlib.metadata import version
from typing import Any

# numerical threads that wait by spinning take the core from whoever else needs it; read when FAISS loads, below
os.environ.setdefault("OMP_WAIT_POLICY", "PASSIVE")
# ONNX Runtime otherwise notes a device id in the home directory and may report events to its maker
os.environ.setdefault("ORT_DISABLE_TELEMETRY", "1")

import uvicorn
from fastapi import FastAPI
from starlette.exceptions import HTTPException
from starlette.requests import ClientDisconnect

from app.api import docs_page, events, health, model, openapi, recommendations, users
from app.api.connection import BoundedHttpProtocol
from app.api.dependencies import ServiceState
from app.api.errors import answer_error
from app.api.problem import RequestError
from app.api.request_context import RequestContext
from app.observability.logs import configure_logs, get_log
from app.runtime.event_times import EventTimes
from app.runtime.live_model import LiveModel, ServedModel
from app.runtime.purging import purge_forever
from app.runtime.server import DrainingServer, listen
from app.runtime.shop import AS_IT_COMES, Shop, ShopRules
from app.runtime.workers import Workers
from app.settings import ServiceSettings, is_loopback, read_settings, refuse_exposure
from app.store.store import Store
from models.bundle.versions import resolve_bundle
from models.domain.errors import FigmentError, InputError, NotReady, ServiceError
from models.recommend.recommender import Recommender
from models.retrieval.faiss_index import set_search_threads

log = get_log(__name__)


def create_app(
    live: LiveModel,
    open_store: Callable[[], Awaitable[Store]],
    *,
    on_load_failure: Callable[[BaseException], None],
    on_ready: Callable[[], None] = lambda: None,
    read_seconds: float = 15.0,
    rules: ShopRules = AS_IT_COMES,
) -> FastAPI:
    """The application; its lifespan opens the store and loads the model behind the first answered probes.

    `on_load_failure` is told why either could not be had, `on_ready` that the model is there.
    """

    def tell_outcome(loading: "asyncio.Task[None]") -> None:
        if loading.cancelled():
            return
        if failure := loading.exception():
            on_load_failure(failure)
        elif live.phase == "serving":
            on_ready()

    @asynccontextmanager
    async def lifespan(_: FastAPI) -> AsyncIterator[Mapping[str, Any]]:
        try:
            store = await open_store()
        except FigmentError as failure:
            on_load_failure(failure)
            yield {}  # to raise here would end the process with a stack instead of the reason
            return
        purging = asyncio.create_task(purge_forever(store))
        loading = asyncio.create_task(live.load())
        loading.add_done_callback(tell_outcome)
        shop = Shop.open(store, rules)
        yield ServiceState(live=live, shop=shop, read_seconds=read_seconds)
        loading.cancel()
        purging.cancel()
        live.workers.close()
        await shop.close()

    app = FastAPI(
        title="Figment",
        version=version("figment"),
        description="Recommendations by a generative adversarial network.",
        lifespan=lifespan,
        openapi_url=None,
        docs_url=None,
        redoc_url=None,
        redirect_slashes=False,
    )
    for resource in (recommendations, events, users, model, health, openapi, docs_page):
        app.include_router(resource.router)
    for error in (RequestError, InputError, ServiceError, HTTPException, ClientDisconnect):
        app.add_exception_handler(error, answer_error)
    app.add_middleware(RequestContext)
    return app


def serve(settings: ServiceSettings) -> None:
    """Serves in the foreground until SIGTERM or Ctrl-C.

    Raises AddressTaken before anything else, SettingsRefused where the address is open to strangers, and the
    BundleError that says why the bundle must not be served.
    """
    configure_logs(settings.log_level)
    with listen(settings.host, settings.port) as listener:
        refuse_exposure(settings)
        folder = resolve_bundle(settings.bundles, settings.bundle)
        live = LiveModel(partial(Recommender.open, folder, wish=settings.recommender), _workers(settings))
        failures: list[BaseException] = []

        def stop(failure: BaseException) -> None:
            failures.append(failure)
            server.should_exit = True

        config = uvicorn.Config(
            create_app(
                live,
                partial(Store.open, settings.database_url),
                on_load_failure=stop,
                on_ready=partial(_tell_ready, settings, folder.name),
                read_seconds=settings.read_seconds,
                rules=_rules(settings),
            ),
            loop="uvloop" if sys.platform != "win32" else "asyncio",
            http=BoundedHttpProtocol,
            ws="none",
            lifespan="on",
            log_config=None,
            access_log=False,
            server_header=False,
            timeout_graceful_shutdown=settings.drain_seconds,
        )
        server = DrainingServer(config, live, notice_seconds=settings.drain_notice_seconds)
        if not is_loopback(settings.host):
            log.warning("anyone who reaches this address may ask: there is no API key", address=_address(settings))
        log.info("loading", bundle=folder.name, live=f"{_address(settings)}/health/live")
        server.run(sockets=[listener])
        if failures:
            raise failures[0]
        log.info("stopped")


def contract_without_bundle() -> dict[str, Any]:
    """docs/openapi.json."""

    def open_nothing() -> ServedModel:
        raise NotReady("no bundle is served")

    async def open_no_store() -> Store:
        raise NotReady("nothing is stored")

    live = LiveModel(open_nothing, Workers(threads=1, max_in_flight=1))
    app = create_app(live, open_no_store, on_load_failure=lambda _: None)
    return openapi.contract(app, openapi.PLACEHOLDER_ITEM_IDS)


def main() -> int:
    """`python -m app.main`: serves with the environment's settings; the exit code."""
    try:
        serve(read_settings())
    except FigmentError as error:
        print(f"figment: {error}", file=sys.stderr)
        return error.exit_code
    return 0


def _workers(settings: ServiceSettings) -> Workers:
    return Workers(
        threads=settings.worker_threads,
        max_in_flight=settings.max_in_flight,
        prepare=partial(set_search_threads, 1),  # the workers share the cores already
    )


def _rules(settings: ServiceSettings) -> ShopRules:
    return ShopRules(event_times=EventTimes(max_age=timedelta(days=settings.event_max_age_days)))


def _address(settings: ServiceSettings) -> str:
    return f"http://{f'[{settings.host}]' if ':' in settings.host else settings.host}:{settings.port}"


def _tell_ready(settings: ServiceSettings, bundle: str) -> None:
    address = _address(settings)
    log.info("serving", bundle=bundle, docs=f"{address}/docs", ready=f"{address}/health/ready")


if __name__ == "__main__":
    sys.exit(main())
