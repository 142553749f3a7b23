"""The application around the scripted model as a process: `FIGMENT_PORT=… python -m tests.app.scripted_service`.

For tests, and for measurements, of what does not depend on a model; it starts without a bundle.
"""

import sys
from functools import partial

import uvicorn

from app.api.connection import BoundedHttpProtocol
from app.main import access_rules_of, create_app
from app.observability.logs import configure_logs
from app.runtime.live_model import LiveModel
from app.runtime.workers import Workers
from app.settings import read_settings
from app.store.store import Store
from tests.app.scripted_model import ScriptedModel


def main() -> None:
    settings = read_settings()
    configure_logs(settings.log_level)
    failures: list[BaseException] = []
    live = LiveModel(ScriptedModel, Workers(threads=settings.worker_threads, max_in_flight=settings.max_in_flight))
    uvicorn.run(
        create_app(
            live,
            partial(Store.open, settings.database_url),
            on_load_failure=failures.append,
            read_seconds=settings.read_seconds,
            answer_seconds=settings.answer_seconds,
            access_rules=access_rules_of(settings),
        ),
        host=settings.host,
        port=settings.port,
        loop="uvloop" if sys.platform != "win32" else "asyncio",
        http=BoundedHttpProtocol,
        ws="none",
        lifespan="on",
        log_config=None,
        access_log=False,
        server_header=False,
    )


if __name__ == "__main__":
    main()
