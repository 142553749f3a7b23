"""`figment images …`: train a picture model, make pictures with it, and read back where a picture comes from."""

from pathlib import Path
from typing import Annotated, Final

import typer

from app.cli.parts import (
    MAX_SEED,
    ColumnMap,
    Dataset,
    Strict,
    column_map_of,
    interruptible,
    refuse_unwritable,
    training_stopped,
)

images_cli: Final = typer.Typer(no_args_is_help=True, help="Pictures of products that do not exist.")

Model = Annotated[Path, typer.Option("--model", metavar="DIR", help="The picture model.")]


@images_cli.command()
def train(
    dataset: Dataset,
    out: Annotated[Path, typer.Option("--out", metavar="DIR", help="The picture model; must not exist yet.")],
    size: Annotated[int, typer.Option("--size", metavar="N", help="Height and width of the pictures: 32 or 64.")] = 64,
    steps: Annotated[
        int | None, typer.Option("--steps", metavar="N", min=1, max=1_000_000, help="How long; by default 2,400.")
    ] = None,
    seed: Annotated[int, typer.Option("--seed", metavar="N", min=0, max=MAX_SEED, help="Of everything drawn.")] = 0,
    resume: Annotated[bool, typer.Option("--resume", help="Go on from the last checkpoint.")] = False,
    strict: Strict = False,
    column_map: ColumnMap = None,
) -> None:
    """Train on the photographs of a dataset (no events are needed) and seal a picture model."""
    with interruptible("no model was written"):
        from app.observability.data_losses import tell_losses
        from app.observability.progress import TaskProgress
        from models.domain.errors import UnknownName
        from models.pipeline.images.train import ImagesOptions, train_images
        from models.training.images.config import SIZES

        refuse_unwritable("--out", out)
        if size not in SIZES:
            raise UnknownName("picture size", str(size), [str(known) for known in SIZES])
        options = ImagesOptions(
            dataset=dataset,
            out=out,
            size=size,
            steps=steps,
            seed=seed,
            resume=resume,
            strict=strict,
            column_map=column_map_of(column_map),
        )
        with training_stopped("no model", options.checkpoints), TaskProgress() as progress:
            outcome = train_images(options, progress)
        tell_losses(outcome.report)
        print(f"{outcome.folder} in {outcome.seconds:.0f} s")
        for name, value in outcome.manifest.metrics["pictures"].items():
            print(f"  {name:28} {value}")


@images_cli.command()
def generate(
    model: Model,
    out: Annotated[Path, typer.Option("--out", metavar="DIR", help="Folder for the pictures; made if need be.")],
    category: Annotated[str | None, typer.Option("--category", metavar="NAME", help="Or a step of its path.")] = None,
    colour: Annotated[
        str | None, typer.Option("--colour", metavar="NAME", help="A colour that the model knows.")
    ] = None,
    item: Annotated[
        str | None, typer.Option("--item", metavar="ID", help="A product to picture, as with --colour in another one.")
    ] = None,
    query: Annotated[str | None, typer.Option("--query", metavar="TEXT", help="What to picture, in words.")] = None,
    concepts: Annotated[
        Path | None, typer.Option("--concepts", metavar="FILE", help="Written by `figment concepts --json`.")
    ] = None,
    concept: Annotated[
        str | None, typer.Option("--concept", metavar="ID", help="Which of them to picture; by default the first.")
    ] = None,
    num: Annotated[int, typer.Option("--n", metavar="N", min=1, max=10_000, help="How many.")] = 4,
    size: Annotated[int | None, typer.Option("--size", metavar="N", help="By default the model's own.")] = None,
    seed: Annotated[int, typer.Option("--seed", metavar="N", min=0, max=MAX_SEED, help="Of everything drawn.")] = 0,
    no_mark: Annotated[bool, typer.Option("--no-visible-mark", help="Leave out the letters AI in the corner.")] = False,
) -> None:
    """Make pictures: PNG files that say that they are generated."""
    with interruptible("pictures that were written stay"):
        from app.observability.progress import TaskProgress
        from app.runtime.pictures import signing_key_of
        from app.settings import read_settings
        from models.domain.errors import SettingsRefused
        from models.images.model import PictureModel
        from models.images.request import PictureRequest

        request = PictureRequest(
            category=category, colour=colour, item_id=item, query=query, num=num, size=size, seed=seed
        )
        key = signing_key_of(read_settings())
        opened = PictureModel.open(model)
        if concepts is not None or concept is not None:
            request = opened.of_concept(request, *_concept(concepts, concept, others=(category, item, query)))
        opened.check(request)
        opened.check_text(request)
        files = [out / f"{model.name}-{seed}-{number}.png" for number in range(num)]
        if existing := next((file for file in files if file.exists()), None):
            raise SettingsRefused(f"{existing} exists already: name another folder with --out, or another --seed")
        out.mkdir(parents=True, exist_ok=True)
        with TaskProgress() as progress:
            progress.start("Making pictures", num)
            made = []
            for picture in opened.pictures(request, key, visible_mark=not no_mark):
                file = files[picture.facts.number]
                file.write_bytes(picture.png)
                made.append((file, picture))
                progress.advance()
            progress.finish()
        for file, picture in made:
            like = ", ".join(f"{product.item_id} ({product.distance:.3f})" for product in picture.nearest)
            shows = " ".join(filter(None, (picture.asked.colour, picture.asked.category)))
            print(f"{file}: {shows}; nearest products: {like}")


def _concept(file: Path | None, concept_id: str | None, others: tuple[str | None, ...]) -> tuple[str | None, list[str]]:
    """Category and words. Raises SettingsRefused for options that do not go together, InputError for no such file."""
    import json

    from models.domain.errors import InputError, SettingsRefused, UnknownName

    if file is None:
        raise SettingsRefused("--concept needs the file that holds it: name it with --concepts")
    if any(other is not None for other in others):
        raise SettingsRefused("--concepts says what to picture: leave out --category, --item and --query")
    try:
        told = {
            each["concept_id"]: (each["category"], list(each["words"]))
            for each in json.loads(file.read_bytes())["concepts"]
        }
    except (OSError, ValueError, TypeError, KeyError) as error:
        raise InputError(f"{file}: no concepts of `figment concepts --json` ({error!r})") from error
    asked = next(iter(told), "") if concept_id is None else concept_id
    if asked not in told:
        raise UnknownName("concept", asked, list(told))
    return told[asked]


@images_cli.command()
def nearest(
    model: Model,
    file: Annotated[Path, typer.Argument(metavar="FILE", help="A picture: JPEG or PNG.")],
    k: Annotated[int, typer.Option("--k", metavar="N", min=1, max=100, help="How many products.")] = 10,
) -> None:
    """The real products whose photographs are most like a picture."""
    import numpy as np

    from models.data.photos import square
    from models.domain.errors import InputError
    from models.images.model import PictureModel

    opened = PictureModel.open(model)
    try:
        picture = square(file.read_bytes(), opened.picture_size)
    except ValueError as error:
        raise InputError(f"{file}: {error}") from error
    pixels = np.asarray(picture.convert("L" if opened.manifest.picture_channels == 1 else "RGB"))
    for product in opened.nearest(pixels.reshape(opened.picture_size, opened.picture_size, -1), k):
        print(f"{product.distance:.4f}  {product.item_id}")


@images_cli.command()
def verify(
    file: Annotated[Path, typer.Argument(metavar="FILE", help="A PNG.")],
) -> None:
    """Read back where a picture comes from; exit code 1 unless an unbroken signature says that it is generated."""
    from models.domain.errors import InputError
    from models.images.provenance import read_provenance

    try:
        found = read_provenance(file.read_bytes())
    except ValueError as error:
        raise InputError(f"{file}: {error}") from error
    for name, value in (found.facts or {}).items():
        print(f"{name:14} {value}")
    if found.source_type:
        print(f"{'source type':14} {found.source_type}")
        trust = "a maker that readers know" if found.is_trusted else "a maker that readers do not know"
        print(f"{'signed by':14} {found.signed_by}, {trust}")
    for problem in found.problems:
        print(f"{'problem':14} {problem}")
    if not found.is_generated:
        print(f"{file}: nothing intact says where it comes from")
        raise typer.Exit(1)
    print(f"{file}: generated by a model, unchanged since")
