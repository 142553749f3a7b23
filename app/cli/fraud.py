"""`figment fraud`: make a bundle with a detector, and score files of sessions and listings."""

from pathlib import Path
from typing import Annotated, Literal

import typer

from app.cli.bundles import named_bundle
from app.cli.parts import ColumnMap, column_map_of, interruptible, refuse_unwritable, training_stopped

BundleGiven = Annotated[Path, named_bundle("Made by `figment fraud fit`.")]
Out = Annotated[Path, typer.Option("--out", metavar="FILE", help="Scores: .parquet, .csv or .jsonl.")]

fraud_cli = typer.Typer(no_args_is_help=True, help="How implausible behaviours and listings are, and why.")


@fraud_cli.command()
def fit(
    dataset: Annotated[Path, typer.Option("--dataset", metavar="DIR", help="What the bundle was trained on.")],
    bundle: Annotated[Path, named_bundle("The bundle that gets a detector.")],
    out: Annotated[Path, typer.Option("--out", metavar="BUNDLE", help="The new bundle; must not exist yet.")],
    profile: Annotated[
        Literal["full", "quick"] | None,
        typer.Option("--profile", help="Of the pair that half of the shoppers train; the bundle's unless said."),
    ] = None,
    seed: Annotated[int, typer.Option("--seed", metavar="N", min=0, max=2**32 - 1, help="Of everything drawn.")] = 0,
    resume: Annotated[bool, typer.Option("--resume", help="Go on from the last checkpoint.")] = False,
    column_map: ColumnMap = None,
) -> None:
    """Train a second pair on half of the shoppers, fit a detector on attacks among the others, seal a new bundle."""
    with interruptible("no bundle was written"):
        from app.observability.progress import TaskProgress
        from models.pipeline.fit_detector import FitOptions, fit_detector

        refuse_unwritable("--out", out)
        options = FitOptions(
            dataset=dataset,
            bundle=bundle,
            out=out,
            profile=profile,
            seed=seed,
            resume=resume,
            column_map=column_map_of(column_map),
        )
        with training_stopped("no bundle", options.checkpoints), TaskProgress() as progress:
            fit_detector(options, progress)
        print(out)


@fraud_cli.command()
def sessions(
    bundle: BundleGiven,
    events: Annotated[Path, typer.Option("--events", metavar="FILE", help="Sessions: .parquet, .csv or .jsonl.")],
    out: Out,
    column_map: ColumnMap = None,
) -> None:
    """A verdict for every shopper of an events file; from 200 on they are judged as one group."""
    with interruptible("nothing was written"):
        from app.observability.data_losses import tell_losses
        from app.observability.progress import TaskProgress
        from models.domain.counted import counted
        from models.fraud.files import score_events
        from models.fraud.sessions import MIN_POOL

        with TaskProgress() as progress:
            written = score_events(bundle, events, out, progress, tell_losses, column_map_of(column_map))
        print(f"{counted(written.num_scored, 'verdict')} in {out}: {written.num_review:,} to review")
        if 0 < written.num_scored < MIN_POOL:
            print(f"each was judged by itself: a group, and what its members share, takes {MIN_POOL}")
        if written.num_short:
            print(f"{written.num_short:,} with too few events of known items were not judged")


@fraud_cli.command()
def items(
    bundle: BundleGiven,
    catalogue: Annotated[Path, typer.Option("--catalogue", metavar="FILE", help="Items: .parquet, .csv or .jsonl.")],
    out: Out,
    column_map: ColumnMap = None,
) -> None:
    """A verdict for every listing of a catalogue file."""
    with interruptible("nothing was written"):
        from app.observability.data_losses import tell_losses
        from app.observability.progress import TaskProgress
        from models.domain.counted import counted
        from models.fraud.files import score_catalogue

        with TaskProgress() as progress:
            written = score_catalogue(bundle, catalogue, out, progress, tell_losses, column_map_of(column_map))
        print(f"{counted(written.num_scored, 'verdict')} in {out}: {written.num_review:,} to review")
        if written.num_short:
            print(f"{written.num_short:,} without any text were not judged")
