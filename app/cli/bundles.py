"""`figment bundle`: look at bundles and choose which one serves; and how every verb is told a bundle."""

import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from app.cli.parts import DatabaseUrl, in_database, interruptible
from models.domain.errors import BundleError

if TYPE_CHECKING:
    from app.store.active_model import ActiveModel
    from models.bundle.manifest import Manifest

NamedBundle = typer.Argument(metavar="BUNDLE", help="A name in the folder of bundles, or a path.", show_default=False)
BundleRoot = Annotated[
    Path | None, typer.Option("--bundles", metavar="DIR", help="Folder of bundles; by default FIGMENT_BUNDLES.")
]

bundles_cli = typer.Typer(no_args_is_help=True, help="Look at bundles and choose which one serves.")


def named_bundle(help_text: str) -> Any:
    """The option `--bundle`: a name in FIGMENT_BUNDLES, or a path."""
    return typer.Option("--bundle", metavar="BUNDLE", parser=_find, help=help_text, show_default=False)


@bundles_cli.command("verify")
def verify_one(bundle: Annotated[str | None, NamedBundle] = None, root: BundleRoot = None) -> None:
    """Verify every file's digest and replay the golden requests; without BUNDLE, of the promoted or newest one."""
    with interruptible("nothing was changed"):
        from models.bundle.read import verify_bundle
        from models.bundle.versions import find_bundle, resolve_bundle
        from models.domain.counted import counted
        from models.recommend.recommender import Recommender

        folder = find_bundle(_root(root), bundle) if bundle else resolve_bundle(_root(root))
        manifest = verify_bundle(folder)
        Recommender.open(folder)
        print(f"{folder}: {counted(len(manifest.files), 'file')} as sealed, golden requests answered as recorded")


@bundles_cli.command("list")
def list_all(root: BundleRoot = None, database: DatabaseUrl = None) -> None:
    """All bundles, newest first, with what they were trained on and what they serve; `*` marks the one that `figment
    serve` begins with, and the end of its line says why.

    What services were told to serve is read from the database, if there is one yet.
    """
    from app.runtime.bundles import Bundles
    from app.settings import read_settings
    from models.bundle.versions import list_bundles, resolve_bundle

    settings = read_settings(database_url=database)
    folder = root or settings.bundles
    found = list_bundles(folder)
    if not found:
        print(f"no bundles in {folder}; `figment train --dataset DIR --out {folder}/NAME` makes one", file=sys.stderr)
        return
    active = _active(settings.database_url)
    first, why = None, ""
    try:
        named = resolve_bundle(folder, settings.bundle) if settings.bundle else None
        first, why = Bundles(folder, named).choice(active)
    except BundleError as error:
        print(f"`figment serve` has nothing to begin with: {error}", file=sys.stderr)
    for bundle in found:
        told = _told(bundle.manifest) if bundle.manifest else [f"damaged: {bundle.problem}"]
        is_first = first is not None and bundle.folder.resolve() == first.resolve()
        notes = [why] if is_first else []
        if active and active.version == bundle.version and why != "activated":
            notes.append(f"services that ran at {active.switched_at:%Y-%m-%d %H:%M:%S} UTC went over to it")
        print("  ".join([f"{'*' if is_first else ' '} {bundle.version}", *told, *notes]))
    if first is not None and first.resolve() not in {bundle.folder.resolve() for bundle in found}:
        print(f"`figment serve` begins with {first}, {why}", file=sys.stderr)


@bundles_cli.command("promote")
def promote_one(bundle: Annotated[str, NamedBundle], root: BundleRoot = None) -> None:
    """Verify a bundle and serve it from the next start on, however new others are."""
    from models.bundle.versions import promote

    promoted = promote(_root(root), bundle)
    print(f"{promoted.current} serves from the next start on")
    if promoted.previous:
        print(f"`figment bundle rollback` goes back to {promoted.previous}")


@bundles_cli.command("rollback")
def roll_back(root: BundleRoot = None) -> None:
    """Go back to the bundle that was promoted before the last `promote`. A second rollback undoes the first."""
    from models.bundle.versions import rollback

    print(f"{rollback(_root(root)).current} serves from the next start on")


def _told(manifest: "Manifest") -> list[str]:
    """When it was made, what of, what it serves and what that finds."""
    from models.domain.counted import counted

    split = manifest.split["kind"] + (", refitted" if manifest.refitted else "")
    trained = [manifest.dataset.name, manifest.training.get("profile"), split]
    found = manifest.scoreboard.get(manifest.serves, {}).get("ndcg@10")
    over = "" if manifest.num_test_users is None else f" ({counted(manifest.num_test_users, 'shopper')})"
    return [
        manifest.created_at.isoformat(timespec="seconds"),
        " · ".join(filter(None, trained)),
        f"serves {manifest.serves}" + ("" if found is None else f", NDCG@10 {found:.4f}{over}"),
        *(["for a benchmark: items were hidden from training"] if manifest.is_for_benchmarks else []),
    ]


def _find(named: str) -> Path:
    from models.bundle.versions import find_bundle

    return find_bundle(_root(None), named)


def _root(root: Path | None) -> Path:
    from app.settings import read_settings

    return root or read_settings().bundles


def _active(database_url: str) -> "ActiveModel | None":
    """What services were told to serve, without making a database where there is none."""
    from app.store.active_model import ActiveModelStore
    from app.store.location import locate_store

    file = locate_store(database_url).file
    if file is not None and not file.exists():
        return None
    return in_database(database_url, lambda database: ActiveModelStore(database).get())
