"""Wires the service; nothing else."""

import asyncio
import gc
import os
import sys
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping, Sequence
from contextlib import asynccontextmanager
from datetime import timedelta
from functools import cache, partial
from importlib.metadata import version
from pathlib import Path
from typing import Any, Final

# numerical threads that wait by spinning take the core from whoever else needs it; read when FAISS loads, below
os.environ.setdefault("OMP_WAIT_POLICY", "PASSIVE")
# several threads multiply at once: were each product on all cores, what is built would take the cores that answers need
os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")
# ONNX Runtime otherwise notes a device id in the home directory and may report events to its maker
os.environ.setdefault("ORT_DISABLE_TELEMETRY", "1")

import uvicorn
from fastapi import APIRouter, Depends, FastAPI
from fastapi.telemetry import TelemetryConfig
from starlette.exceptions import HTTPException
from starlette.requests import ClientDisconnect
from starlette.routing import BaseRoute
from starlette.types import Lifespan

from app.api import (
    batch,
    concepts,
    docs_page,
    events,
    explanations,
    fraud,
    health,
    images,
    item_import,
    items,
    jobs,
    metrics,
    model,
    models,
    openapi,
    recommendations,
    search,
    sessions,
    similar,
    synthetic,
    users,
)
from app.api.admission import THIS_MACHINE, Access, AccessRules, OpenTo
from app.api.connection import BoundedHttpProtocol
from app.api.dependencies import Makers, ServiceState
from app.api.direct_route import DirectRoutes
from app.api.errors import answer_error
from app.api.experiments import read_experiments
from app.api.problem import RequestError
from app.api.request_context import RequestContext
from app.api.undeclared import MAY_BEFALL_ALL, REFUSALS, refuse_undeclared
from app.observability.logs import configure_logs, get_log, log_loop_error
from app.observability.otlp import open_tracing
from app.observability.traces import Tracing
from app.runtime.bundles import Bundles
from app.runtime.event_times import EventTimes
from app.runtime.fraud import FraudCheckers
from app.runtime.heaps import give_back_forever, share_heap
from app.runtime.imagining import Imagining
from app.runtime.known_keys import any_key_made
from app.runtime.live_model import LiveModel
from app.runtime.live_serving import LiveServing
from app.runtime.pictures import PictureRules, Pictures
from app.runtime.purging import purge_forever
from app.runtime.search_texts import SearchTexts
from app.runtime.server import DrainingServer, listen
from app.runtime.serving import FixedServing, Serving
from app.runtime.shop import AS_IT_COMES, Shop, ShopRules
from app.runtime.workers import Workers
from app.settings import ServiceSettings, is_loopback, read_settings, refuse_exposure
from app.store.store import Store
from models.bundle.manifest import Manifest
from models.bundle.versions import resolve_bundle
from models.domain.errors import FigmentError, InputError, NotReady, ServiceError, SettingsRefused
from models.recommend.recommender import PlacesIndex, Recommender
from models.retrieval.faiss_index import set_search_threads

RESOURCES: Final = (
    *(recommendations, batch, explanations, search, similar),
    *(events, users, sessions, items, item_import, jobs, model, models),
    *(concepts, fraud, images, synthetic, metrics),
)
OPEN_RESOURCES: Final = (health, openapi, docs_page)
"""For probes and browsers, which may say more in an address than is asked for here."""
DIRECT: Final = (recommendations.DIRECT,)
OTHERS_TELEMETRY: Final[TelemetryConfig] = {
    "tracing": False,  # FastAPI's spans tell a request's path and query
    "metrics": False,
    "logs": False,
    "auto_configure": False,
}
SWITCH_SECONDS: Final = 0.0002
"""The longest that one thread keeps the interpreter where others wait for it. An answer gives it up dozens of times;
beside a thread that builds an index, even 1 ms each adds up to a tenth of a second. Requests/s are the same."""
YOUNG_OBJECTS: Final = 20_000
"""Made and still there before garbage is looked for. The usual 700 are those of three requests that are not answered
yet, looked through in vain: a twentieth of what a request costs."""
SLOW_THREADS: Final = 1
SLOW_IN_FLIGHT: Final = 16
"""Pieces of work that take seconds, queued or running: a thread of their own, so that lists need not wait for them."""

log = get_log(__name__)


def create_app(
    live: LiveModel,
    open_store: Callable[[], Awaitable[Store]],
    *,
    on_load_failure: Callable[[BaseException], None],
    on_ready: Callable[[], None] = lambda: None,
    read_seconds: float = 15.0,
    answer_seconds: float = 120.0,
    rules: ShopRules = AS_IT_COMES,
    picture_rules: PictureRules | None = None,
    access_rules: AccessRules = THIS_MACHINE,
    tracing: Tracing | None = None,
    serve_from: Callable[[Store], Serving] | None = None,
) -> FastAPI:
    """The application; its lifespan opens the store and loads the model behind the first answered probes.

    `on_load_failure` is told why either could not be had, `on_ready` that the model is there. `serve_from` makes what
    answers from the store; without it, the model of `live` does, as it is.
    """
    access = Access(access_rules)
    tell_outcome = partial(_tell_outcome, live, on_load_failure, on_ready)

    @asynccontextmanager
    async def lifespan(_: FastAPI) -> AsyncIterator[Mapping[str, Any]]:
        asyncio.get_running_loop().set_exception_handler(log_loop_error)
        try:
            store = await open_store()
            await access.open(store)
        except FigmentError as failure:
            on_load_failure(failure)
            yield {}  # to raise here would end the process with a stack instead of the reason
            return
        forever = (purge_forever(store), access.keys.follow(), give_back_forever())
        background = [asyncio.create_task(work) for work in forever]
        shop = Shop.open(store, rules, live.metrics, serve_from(store) if serve_from else FixedServing(live))
        loading = asyncio.create_task(shop.serving.load())
        loading.add_done_callback(tell_outcome)
        async with _makers(live, store, picture_rules or PictureRules(), loading) as makers:
            yield ServiceState(
                live=live,
                shop=shop,
                keys=access.keys,
                texts=SearchTexts(),
                fraud=FraudCheckers(),
                **makers,
                read_seconds=read_seconds,
                answer_seconds=answer_seconds,
            )
        for task in (loading, *background):
            task.cancel()
        live.workers.close()
        await shop.close()

    app = _with_routes(lifespan)
    app.add_middleware(DirectRoutes, routes={route.path: route for route in DIRECT})
    access.guard(app)
    app.add_middleware(RequestContext, metrics=live.metrics, tracing=tracing)
    return app


@asynccontextmanager
async def _makers(
    live: LiveModel, store: Store, rules: PictureRules, loading: "asyncio.Task[None]"
) -> AsyncIterator[Makers]:
    """What makes pictures and what does not exist, with their jobs, while the service runs."""
    pictures, imagining = Pictures(rules), Imagining(live, store)

    def work_on_jobs(loaded: "asyncio.Task[None]") -> None:
        # earlier, they would take jobs that wait, and fail them for want of a model
        if not loaded.cancelled() and loaded.exception() is None:
            pictures.attend(store.jobs, live)
            imagining.start()

    loading.add_done_callback(work_on_jobs)
    slow = Workers(
        threads=SLOW_THREADS,
        max_in_flight=SLOW_IN_FLIGHT,
        prepare=partial(set_search_threads, 1),
        metrics=live.metrics,
        is_watched=False,
    )
    yield Makers(pictures=pictures, imagining=imagining, slow=slow)
    loading.remove_done_callback(work_on_jobs)
    await asyncio.gather(pictures.close(), imagining.close())
    slow.close()


def _with_routes(lifespan: Lifespan[FastAPI]) -> FastAPI:
    app = FastAPI(
        title="Figment",
        version=version("figment"),
        description="Recommendations by a generative adversarial network.",
        lifespan=lifespan,
        openapi_url=None,
        docs_url=None,
        redoc_url=None,
        redirect_slashes=False,
        telemetry=OTHERS_TELEMETRY,
    )
    app.router.routes.extend(_routes())
    for error in (RequestError, InputError, ServiceError, HTTPException, ClientDisconnect):
        app.add_exception_handler(error, answer_error)
    return app


@cache
def _routes() -> Sequence[BaseRoute]:
    """Every route; they know no app, and are built once a process: 50 ms."""
    router = APIRouter()
    for resource in RESOURCES:
        router.include_router(resource.router, dependencies=[Depends(refuse_undeclared)], responses=REFUSALS)
    for resource in OPEN_RESOURCES:
        router.include_router(resource.router, responses=MAY_BEFALL_ALL)
    return router.routes


def tune_process() -> None:
    """For one that answers, before it has threads; what measures one sets the same."""
    share_heap(os.environ)
    sys.setswitchinterval(SWITCH_SECONDS)
    gc.set_threshold(YOUNG_OBJECTS, *gc.get_threshold()[1:])


def serve(settings: ServiceSettings) -> None:
    """Serves in the foreground until SIGTERM or Ctrl-C.

    Raises AddressTaken before anything else, SettingsRefused where the address is open to strangers, and the
    BundleError that says why the bundle must not be served.
    """
    configure_logs(settings.log_level)
    tune_process()
    with listen(settings.host, settings.port) as listener:
        refuse_exposure(settings, lambda: asyncio.run(any_key_made(settings.database_url)))
        first = resolve_bundle(settings.bundles, settings.bundle)
        check_index, place_index = _index_elsewhere(settings.index_url)
        live = LiveModel(None, _workers(settings), check_index=check_index)
        bundles = Bundles(settings.bundles, first if settings.bundle else None)
        tracing = open_tracing()
        failures: list[BaseException] = []

        def stop(failure: BaseException) -> None:
            failures.append(failure)
            server.should_exit = True

        app = create_app(
            live,
            partial(Store.open, settings.database_url),
            on_load_failure=stop,
            on_ready=partial(_tell_ready, settings, live),
            read_seconds=settings.read_seconds,
            answer_seconds=settings.answer_seconds,
            rules=_rules(settings),
            picture_rules=PictureRules.of(settings),
            serve_from=partial(
                _follow, live, bundles, partial(Recommender.open, wish=settings.recommender, place_index=place_index)
            ),
            access_rules=access_rules_of(settings),
            tracing=tracing,
        )
        server = DrainingServer(http_of(app, settings), live, notice_seconds=settings.drain_notice_seconds)
        log.info("loading", live=f"{_address(settings)}/health/live")
        server.run(sockets=[listener])
        if tracing:
            tracing.close()
        if failures:
            raise failures[0]
        log.info("stopped")


def http_of(app: FastAPI, settings: ServiceSettings) -> uvicorn.Config:
    """How the application is served over HTTP."""
    return uvicorn.Config(
        app,
        loop="uvloop" if sys.platform != "win32" else "asyncio",
        http=BoundedHttpProtocol,
        ws="none",
        lifespan="on",
        log_config=None,
        access_log=False,
        server_header=False,
        timeout_graceful_shutdown=settings.drain_seconds,
        # the server's own default believes whoever asks from this machine, and FORWARDED_ALLOW_IPS
        proxy_headers=bool(settings.trusted_proxies),
        forwarded_allow_ips=list(settings.trusted_proxies),
    )


def contract_without_bundle() -> dict[str, Any]:
    """docs/openapi.json."""

    async def open_no_store() -> Store:
        raise NotReady("nothing is stored")

    live = LiveModel(None, Workers(threads=1, max_in_flight=1))
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


def _tell_outcome(
    live: LiveModel,
    on_load_failure: Callable[[BaseException], None],
    on_ready: Callable[[], None],
    loading: "asyncio.Task[None]",
) -> None:
    if loading.cancelled():
        return
    if failure := loading.exception():
        on_load_failure(failure)
    elif live.phase == "serving":
        on_ready()


def _workers(settings: ServiceSettings) -> Workers:
    return Workers(
        threads=settings.worker_threads,
        max_in_flight=settings.max_in_flight,
        prepare=partial(set_search_threads, 1),  # the workers share the cores already
    )


def _index_elsewhere(url: str | None) -> tuple[Callable[[Manifest], None] | None, PlacesIndex | None]:
    """What asks the server that keeps a bundle's index whether it answers, and what lays a bundle's items there.

    Nobody else pays for loading its client. Raises SettingsRefused where that is not installed.
    """
    if url is None:
        return None, None
    try:
        from models.retrieval.milvus import MilvusServer
    except ModuleNotFoundError as error:
        reason = f'needs {error.name}, which is not installed: pip install "figment[milvus]"'
        raise SettingsRefused(f"FIGMENT_INDEX_URL {reason}") from error
    server = MilvusServer(url, lambda task, so_far: log.info(task, **so_far))
    return (
        lambda manifest: server.check(manifest.features_name),
        lambda bundle: server.index_of(bundle.manifest.features_name, bundle.item_features_ND),
    )


def _rules(settings: ServiceSettings) -> ShopRules:
    return ShopRules(
        event_times=EventTimes(max_age=timedelta(days=settings.event_max_age_days)),
        attribution_window=timedelta(hours=settings.attribution_hours),
        experiments=read_experiments(settings.experiments),
    )


def access_rules_of(settings: ServiceSettings) -> AccessRules:
    """Who may ask, by these settings."""
    is_alone = is_loopback(settings.host) and not settings.trusted_proxies
    unnamed: OpenTo = "this machine" if is_alone else "nobody"
    return AccessRules(
        open_to="everyone" if settings.allow_anonymous else unnamed,
        allowed_origins=settings.allowed_origins,
        requests_per_minute=settings.requests_per_minute,
        public_attributes=frozenset(settings.public_attributes),
    )


def _address(settings: ServiceSettings) -> str:
    return f"http://{f'[{settings.host}]' if ':' in settings.host else settings.host}:{settings.port}"


def _follow(live: LiveModel, bundles: Bundles, open_model: Callable[[Path], Recommender], store: Store) -> Serving:
    return LiveServing(live, store, bundles, open_model)


def _tell_ready(settings: ServiceSettings, live: LiveModel) -> None:
    address, model = _address(settings), live.loaded.model
    ready = f"{address}/health/ready"
    log.info("serving", bundle=model.model_version, serves=model.serves, docs=f"{address}/docs", ready=ready)


if __name__ == "__main__":
    sys.exit(main())
