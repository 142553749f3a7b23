"""`figment keys`: make, list and revoke API keys, in the database that the service uses."""

import sys
from collections.abc import Awaitable, Callable
from typing import TYPE_CHECKING, Annotated, Final

import typer

from app.cli.parts import DatabaseUrl, Result, in_database
from app.store.key_ring import KEY_LIKE, SCOPES, ApiKey, split_key
from models.domain.errors import UnknownName

if TYPE_CHECKING:
    from app.store.keys import KeyStore

PUBLISHABLE_PER_MINUTE: Final = 600
"""Of each address, where nothing else is said: whoever sees the page has the key."""

keys_cli = typer.Typer(no_args_is_help=True, help="Make, list and revoke API keys.")


@keys_cli.command()
def create(
    name: Annotated[str, typer.Option("--name", metavar="N", help="For people: who or what uses the key.")],
    scopes: Annotated[
        list[str],
        typer.Option("--scope", metavar="|".join(SCOPES), help="What the key may do; once for each scope."),
    ],
    publishable: Annotated[
        bool, typer.Option("--publishable", help="For a web page: recommend and events only, from its --origin only.")
    ] = False,
    origins: Annotated[
        list[str] | None, typer.Option("--origin", metavar="URL", help="A web page's, as in https://shop.example.")
    ] = None,
    per_minute: Annotated[
        int | None,
        typer.Option(
            "--per-minute", metavar="N", min=1,
            help="Requests a minute; of a publishable key for each address, there 600 by default."
            " By default FIGMENT_REQUESTS_PER_MINUTE.",
        ),
    ] = None,
    database: DatabaseUrl = None,
) -> None:  # fmt: skip
    """Make a key and print it, this once. The service knows it at once."""
    if publishable and per_minute is None:
        per_minute = PUBLISHABLE_PER_MINUTE
    key, kept = _run(
        database,
        lambda keys: keys.create(
            name,
            scopes,
            kind="publishable" if publishable else "secret",
            origins=origins or (),
            requests_per_minute=per_minute,
        ),
    )
    print(f"{_told(kept)}\nThe key itself, which is not shown again:", file=sys.stderr)
    print(key)


@keys_cli.command("list")
def list_keys(
    revoked: Annotated[bool, typer.Option("--revoked", help="Those that were revoked, too.")] = False,
    database: DatabaseUrl = None,
) -> None:
    """All keys by id, in the order in which they were made; never the keys themselves."""
    found = _run(database, lambda keys: keys.list_keys(revoked=revoked))
    for key in found:
        print(_told(key))
    if not found:
        print("no keys", file=sys.stderr)


@keys_cli.command()
def revoke(
    key_id: Annotated[str, typer.Argument(metavar="KEY_ID", help="As `list` shows it, or the key itself.")],
    database: DatabaseUrl = None,
) -> None:
    """Revoke a key. Running services refuse it within two seconds."""
    parts = split_key(key_id)
    wanted = parts.key_id if parts else key_id

    async def work(keys: "KeyStore") -> bool:
        if await keys.revoke(wanted):
            return True
        known = await keys.list_keys(revoked=True)
        if wanted not in [key.key_id for key in known]:
            raise UnknownName(
                "key", "that was given" if KEY_LIKE.search(key_id) else wanted, [key.key_id for key in known]
            )
        return False

    print(f"{wanted} is revoked" if _run(database, work) else f"{wanted} was revoked before")


def _run(database_url: str | None, work: "Callable[[KeyStore], Awaitable[Result]]") -> Result:
    """What `work` returns."""
    from app.settings import read_settings
    from app.store.keys import KeyStore

    url = read_settings(database_url=database_url).database_url
    return in_database(url, lambda database: work(KeyStore(database)))


def _told(key: ApiKey) -> str:
    """One line, without anything secret."""
    parts = [key.key_id, key.kind, " ".join(key.scopes)]
    if key.origins:
        parts.append("from " + " ".join(key.origins))
    if key.requests_per_minute:
        parts.append(f"{key.requests_per_minute:,} a minute")
    parts.append(f"made {key.created_at:%Y-%m-%d}")
    parts.append(f"used {key.last_used_on}" if key.last_used_on else "never used")
    if key.revoked_at:
        parts.append(f"revoked {key.revoked_at:%Y-%m-%d}")
    return "  ".join([*parts, key.name])
