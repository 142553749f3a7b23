"""The application around the scripted model as a process: `FIGMENT_PORT=… python -m tests.app.scripted_service`.

For tests, and for measurements, of what does not depend on a model; it starts without a bundle.
"""

from functools import partial

import uvicorn

from app.main import access_rules_of, create_app, http_of
from app.observability.logs import configure_logs
from app.runtime.live_model import LiveModel
from app.runtime.server import listen
from app.runtime.workers import Workers
from app.settings import read_settings
from app.store.store import Store
from tests.app.scripted_model import ScriptedModel


def main() -> None:
    settings = read_settings()
    configure_logs(settings.log_level)
    failures: list[BaseException] = []
    live = LiveModel(ScriptedModel, Workers(threads=settings.worker_threads, max_in_flight=settings.max_in_flight))
    app = create_app(
        live,
        partial(Store.open, settings.database_url),
        on_load_failure=failures.append,
        read_seconds=settings.read_seconds,
        answer_seconds=settings.answer_seconds,
        access_rules=access_rules_of(settings),
    )
    with listen(settings.host, settings.port) as listener:
        uvicorn.Server(http_of(app, settings)).run(sockets=[listener])


if __name__ == "__main__":
    main()
