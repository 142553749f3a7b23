"""The demo from beginning to end."""

from dataclasses import dataclass
from pathlib import Path
from typing import Final, cast

from app.demo.bundle import bundle_folder, ensure_bundle
from app.demo.page import SHOWN_PROPERTIES, open_page, print_figures, print_shopper, print_source
from app.demo.service import HOST, refuse_busy_port, running_service
from app.demo.shoppers import choose_shoppers
from app.observability.data_losses import tell_losses
from app.settings import read_settings
from models.data.read import load_dataset
from models.data.sources import write_known_source
from models.data.split import SplitKind
from models.domain.counted import counted
from models.domain.errors import BundleError
from models.domain.progress import Progress

DEMO_SOURCE: Final = "complete-journey"
K: Final = 10


@dataclass(frozen=True, slots=True)
class DemoOptions:
    """What the command line says."""

    dataset: Path | None = None
    """None: the demo's own data."""
    port: int | None = None
    keep_serving: bool = False
    var: Path = Path("var")


def run_demo(options: DemoOptions, progress: Progress) -> None:
    """Trains where no bundle of this data is there, serves, asks for three shoppers and prints the answers.

    Raises AddressTaken before anything else is done.
    """
    settings = read_settings(host=HOST, port=options.port)
    refuse_busy_port(settings.port)
    folder = options.dataset or write_known_source(DEMO_SOURCE, options.var / "datasets" / DEMO_SOURCE, progress)
    progress.start("reading")
    loaded = load_dataset(folder)
    dataset = loaded.dataset
    progress.finish(f"{counted(dataset.catalogue.height, 'item')}, {counted(dataset.events.height, 'event')}")
    tell_losses(loaded.report)
    bundle = bundle_folder(settings.bundles, folder, dataset)
    page = open_page()
    try:
        manifest = ensure_bundle(bundle, folder, progress)
    except BundleError:
        page.print(f"Remove {bundle} to have it trained again.")
        raise
    kind = cast(SplitKind, manifest.split["kind"])
    shoppers = choose_shoppers(dataset, kind, int(manifest.split["seed"]))
    log = options.var / "logs" / "demo-service.log"
    progress.start("starting the service")
    with running_service(bundle, settings.port, log, options.var / "demo.db") as service:
        progress.finish(f"ready at {service.address}")
        shown = [name for name in service.property_names() if name in SHOWN_PROPERTIES]
        answers = [service.recommend(shopper.history, K, shown) for shopper in shoppers]
        hits = [print_shopper(page, *pair, dataset) for pair in zip(shoppers, answers, strict=True)]
        print_figures(page, manifest, sum(hits), len(hits))
        print_source(page, dataset, folder)
        page.print()
        page.print(f"Bundle: {bundle}")
        if options.keep_serving:
            page.print(f"Serving until Ctrl-C: {service.address}/docs and {service.address}/health/ready (log: {log})")
            service.wait()
    page.print("Service stopped." if options.keep_serving else "Service stopped; `make serve` keeps it running.")
