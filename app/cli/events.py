"""`figment events`: what the service stored, as the events of a dataset."""

from pathlib import Path
from typing import Annotated

import typer

from app.cli.parts import DatabaseUrl, in_database, interruptible, refuse_unwritable_file

events_cli = typer.Typer(no_args_is_help=True, help="What shoppers did, as the service stored it.")


@events_cli.callback()
def _group() -> None:
    """A group, though it has one verb."""


@events_cli.command()
def export(
    out: Annotated[Path, typer.Option("--out", metavar="FILE", help="Events: .parquet, .csv or .jsonl.")],
    database: DatabaseUrl = None,
) -> None:
    """Every stored event, in the format that `figment train` reads; the service may go on meanwhile.

    A guest's `user_id` stands for the session.
    """
    with interruptible("nothing was written"):
        from app.runtime.event_export import export_events
        from app.settings import read_settings
        from app.store.events import EventStore
        from models.data.write_table import refuse_unwritable_table
        from models.domain.counted import counted

        refuse_unwritable_table(out, "events")
        refuse_unwritable_file("--out", out)
        url = read_settings(database_url=database).database_url
        exported = in_database(url, lambda store: export_events(EventStore(store), out))
        print(f"{counted(exported.num_events, 'event')} in {out}")
        if exported.num_guest_events:
            print(f"{exported.num_guest_events:,} of guests, whose user_id stands for the session")
