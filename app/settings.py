"""Settings of the service, read from the environment (FIGMENT_*) and, above it, the command line."""

import ipaddress
import json
import os
import re
from collections.abc import Callable
from pathlib import Path
from typing import Annotated, Any, Final, Literal, get_args, get_origin
from urllib.parse import urlsplit

from annotated_types import Ge, Le
from pydantic import BeforeValidator, Field, ValidationError
from pydantic.fields import FieldInfo
from pydantic_settings import BaseSettings, NoDecode, SettingsConfigDict

from models.domain.attributes import SHOP_WINDOW
from models.domain.errors import SettingsRefused
from models.recommend.systems import Wish

PREFIX: Final = "FIGMENT_"
VARIABLES_OF_OTHERS: Final = ("FIGMENT_SHARED_DATA",)
"""Read by the tests only; the service leaves it alone, so that one shell can do both."""
SERVICE_LINKS: Final = re.compile(r"FIGMENT_(SERVICE_(HOST|PORT)\w*|PORT_\d+_\w+)")
"""What Kubernetes gives every container where a Service is called `figment`, and in `FIGMENT_PORT` a tcp:// address."""
PORT: Final = 8000
DEFAULT_PORTS: Final = {"http": 80, "https": 443}
HOST: Final = re.compile(r"[a-z0-9._-]+|[0-9a-f:.]*:[0-9a-f:.]*")
MAX_PER_MINUTE: Final = 1_000_000
"""More is no limit."""


def web_origin(text: str) -> str:
    """The origin as browsers send it. Raises ValueError for anything but scheme, host and port."""
    try:
        parts = urlsplit(text)
        port = parts.port
    except ValueError:
        raise ValueError(f"{text[:100]!r} cannot be read as a web origin") from None
    host = parts.hostname or ""
    bare = not (parts.path.strip("/") or parts.query or parts.fragment or "@" in parts.netloc)
    if parts.scheme not in DEFAULT_PORTS or not bare or not HOST.fullmatch(host):
        raise ValueError(
            f"{text[:100]!r} is no web origin such as https://shop.example or http://localhost:3000: scheme and host, "
            "without path or wildcard (other scripts in their xn-- form)"
        )
    address = f"[{host}]" if ":" in host else host
    return f"{parts.scheme}://{address}" + ("" if port in (None, DEFAULT_PORTS[parts.scheme]) else f":{port}")


def _origins(value: object) -> object:
    """`https://a.example,https://b.example` as the environment has it."""
    if not isinstance(value, str):
        return value
    return tuple(web_origin(origin) for origin in value.replace(",", " ").split())


def _names(value: object) -> object:
    """`title,price` as the environment has it."""
    if not isinstance(value, str):
        return value
    return tuple(dict.fromkeys(filter(None, (name.strip() for name in value.split(",")))))


def _proxies(value: object) -> object:
    """`127.0.0.1,10.0.0.0/8` as the environment has it. Raises ValueError for what is neither address nor network."""
    if not isinstance(value, str):
        return value
    try:
        return tuple(str(ipaddress.ip_network(each)) for each in value.replace(",", " ").split())
    except ValueError as error:
        raise ValueError(f"is no address, and no network such as 10.0.0.0/8: {error}") from None


def _index_url(value: object) -> object:
    is_url = isinstance(value, str) and (re.match(r"https?://[^/]", value) or value.endswith(".db"))
    if value is not None and not is_url:
        raise ValueError("is neither http://host:19530 nor a path that ends in .db")
    return value


def _json_object(value: Any) -> Any:
    if not isinstance(value, str):
        return value
    try:
        return json.loads(value)
    except ValueError as error:
        raise ValueError(f"is no JSON: {error}") from None


class ServiceSettings(BaseSettings):
    """Everything that can be set about a serving process; nothing else reads the environment."""

    model_config = SettingsConfigDict(
        env_prefix=PREFIX, extra="forbid", frozen=True, env_ignore_empty=True, use_attribute_docstrings=True
    )

    host: str = "127.0.0.1"
    """Address to listen on. An address other than loopback needs an API key, or `FIGMENT_ALLOW_ANONYMOUS`."""
    port: Annotated[int, BeforeValidator(lambda given: PORT if _is_service_link(given) else given)] = Field(
        default=PORT, ge=1, le=65535
    )
    """Port to listen on."""
    bundle: Path | None = None
    """Bundle to serve: its folder, or its name in `FIGMENT_BUNDLES`. Unset: the one promoted or activated last, else
    the newest."""
    bundles: Path = Path("var/bundles")
    """Folder that holds one folder for each bundle."""
    database_url: str = Field(default="sqlite+aiosqlite:///var/figment.db", repr=False)  # may hold a password
    """Where the shop's catalogue, events, keys and jobs are kept: a SQLite file for one machine, or for several
    `postgresql+asyncpg://user:password@host/database`. Tables are made and brought up to date at the start."""
    # repr=False: it may hold a password
    index_url: Annotated[str | None, BeforeValidator(_index_url)] = Field(default=None, repr=False)
    """Milvus that keeps the index of item features: `http://user:password@host:19530`, with `/name` for a database
    other than the default one; for trials a path that ends in `.db`, for the edition that runs in the process. Needs
    the extra `milvus`. Unset: FAISS in the process."""
    event_max_age_days: int = Field(default=1095, ge=1, le=36_500)
    """Events that are older are refused. What a shopper did years ago says little of what comes next."""
    attribution_hours: float = Field(default=24.0, ge=0.1, le=720)
    """How long after a list was served a click or a purchase that names it is put down to it. Lists are kept for an
    hour more, in the database."""
    experiments: Annotated[dict[str, Any], NoDecode, BeforeValidator(_json_object)] = {}
    """JSON: experiment → variant → what it overrides in requests, and its `weight` (1). For example
    `{"e1": {"plain": {"weight": 3}, "bold": {"exploration": 0.4}}}`."""
    recommender: Wish = "auto"
    """Which system orders the lists, by its name in the scoreboard; every bundle holds all of them. `auto`: the one
    that won on validation events when the bundle was made. `item-knn`: another name of `item-knn+content`."""
    allow_anonymous: bool = False
    """Serve on other addresses than loopback, and through a proxy on this machine, although no API key exists. Anyone
    who reaches the port may ask. Without effect once a key was made."""
    allowed_origins: Annotated[tuple[str, ...], NoDecode, BeforeValidator(_origins)] = ()
    """Web pages whose scripts may call (CORS), such as `https://shop.example`; several with commas between them.
    Pages that a publishable key names need not be named here. None: no page may."""
    trusted_proxies: Annotated[tuple[str, ...], NoDecode, BeforeValidator(_proxies)] = ()
    """Addresses, or networks such as `10.0.0.0/8`, of proxies whose `X-Forwarded-For` says who asks; several with
    commas between them. Where one is named, nobody is answered without a key unless FIGMENT_ALLOW_ANONYMOUS says so,
    on loopback neither. None: nobody is believed, this machine neither: what counts is who is connected."""
    public_attributes: Annotated[tuple[str, ...], NoDecode, BeforeValidator(_names)] = SHOP_WINDOW
    """Attributes of the catalogue that publishable keys may name: to be returned, in filters, boosts and limits; with
    commas between them. `item_id` may always be named. All others are, for them, as if they were not there."""
    requests_per_minute: int | None = Field(default=None, ge=1, le=MAX_PER_MINUTE)
    """For each API key that has no limit of its own, and for each address that asks without a key. Unset: as many
    as the service takes."""
    images: Path | None = None
    """Folder of a picture model (`figment images train`). Unset: the one in the bundle, if it was trained with one."""
    visible_mark: bool = True
    """Whether generated pictures show the letters AI in a corner. What their files say stays in any case."""
    c2pa_certificates: Path | None = None
    """PEM file: the shop's certificates, leaf first, that generated pictures are signed with. Unset: a key is made in
    `FIGMENT_PROVENANCE`, whose signatures are valid but unknown to C2PA's readers."""
    c2pa_key: Path | None = Field(default=None, repr=False)
    """PEM file with the private key of `FIGMENT_C2PA_CERTIFICATES`."""
    provenance: Path = Path("var/provenance")
    """Folder for the key that signs generated pictures where the shop names none: made there with the first picture,
    and the same from then on."""
    log_level: Literal["debug", "info", "warning", "error"] = "info"
    """Least severity that is logged."""
    worker_threads: int = Field(default=2, ge=1, le=256)
    """Threads that compute recommendations, off the event loop."""
    max_in_flight: int = Field(default=64, ge=1, le=10_000)
    """Permits for what is computed or queued at once. A request takes one, a batch one for every 32 lists; what
    finds too few is answered 503 at once."""
    read_seconds: float = Field(default=15.0, ge=0.1, le=300)
    """The longest that a request's head may take to arrive, and then its body; answered 408 after that. Of an import of
    items, the longest pause in its body."""
    answer_seconds: float = Field(default=120.0, ge=0.1, le=600)
    """The longest that a list, an explanation or a batch may take where its request has no `X-Request-Timeout-Ms`;
    answered 504 after that, and the work ends before its next stage."""
    drain_notice_seconds: float = Field(default=1.0, ge=0, le=300)
    """After SIGTERM, how long `/health/ready` says 503 while requests are still accepted, so that a load balancer
    notices before the port closes."""
    drain_seconds: int = Field(default=30, ge=1, le=3600)
    """After the port is closed, the longest that requests in flight may take to finish."""


def _is_service_link(port: Any) -> bool:
    return isinstance(port, str) and port.startswith("tcp://")


def read_settings(**overrides: Any) -> ServiceSettings:
    """The settings; an override of None means that the command line did not say.

    Raises SettingsRefused, naming every variable that is unknown or has an unusable value.
    """
    known = {PREFIX + name.upper(): name for name in ServiceSettings.model_fields}
    problems = [
        f"{variable} is not a setting; known: {', '.join(known)}"
        for variable in os.environ
        if variable.upper().startswith(PREFIX)
        and variable.upper() not in known
        and variable not in VARIABLES_OF_OTHERS
        and not SERVICE_LINKS.fullmatch(variable)
    ]
    given = {name: value for name, value in overrides.items() if value is not None}
    try:
        settings = ServiceSettings(**given)
    except ValidationError as error:
        for problem in error.errors(include_url=False):
            name = str(problem["loc"][0])
            field = ServiceSettings.model_fields.get(name)
            given_value = f", got {str(problem['input'])[:100]!r}" if field is None or field.repr else ""
            problems.append(f"{PREFIX}{name.upper()}: {problem['msg']}{given_value}")
        raise SettingsRefused("; ".join(problems)) from None
    if problems:
        raise SettingsRefused("; ".join(problems))
    return settings


def refuse_exposure(settings: ServiceSettings, any_key: Callable[[], bool] = lambda: False) -> None:
    """Raises SettingsRefused where everyone on the network could ask without a key and nobody said so.

    `any_key`, whether there is one, is asked only where that matters.
    """
    if not is_loopback(settings.host) and not settings.allow_anonymous and not any_key():
        raise SettingsRefused(
            f"host {settings.host!r} is reachable from other machines and no API key exists; "
            f"make one (figment keys create), or set {PREFIX}ALLOW_ANONYMOUS=true to serve anyone who reaches it, "
            "or listen on 127.0.0.1"
        )


def is_loopback(host: str) -> bool:
    """Whether only this machine reaches the address; a name other than localhost counts as reachable."""
    if host == "localhost":
        return True
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False


def settings_page() -> str:
    """docs/settings.md, made from the fields above."""
    rows = [
        f"| `{PREFIX}{name.upper()}` | {_default(field)} | {_allowed(field)} | {_meaning(field)} |"
        for name, field in ServiceSettings.model_fields.items()
    ]
    others = ", ".join(f"`{name}`" for name in VARIABLES_OF_OTHERS)
    return "\n".join(
        [
            "# Settings of the service",
            "",
            "Read from the environment when the service starts; options of `figment serve` go above them.",
            f"A variable that begins with `{PREFIX}` and is not listed here stops the start,",
            f"so that a misspelt setting is never silently without effect ({others} is left to the tests).",
            "This page is generated by `python docs/generate.py`; a test compares it with the code.",
            "",
            "| variable | default | allowed | meaning |",
            "|---|---|---|---|",
            *rows,
            "",
        ]
    )


def _meaning(field: FieldInfo) -> str:
    return " ".join((field.description or "").split())


def _default(field: FieldInfo) -> str:
    if field.default is None or field.default == ():
        return "none"
    if isinstance(field.default, tuple):
        return f"`{','.join(field.default)}`"
    return f"`{str(field.default).lower() if isinstance(field.default, bool) else field.default}`"


def _allowed(field: FieldInfo) -> str:
    if field.annotation is bool:
        return "`true`, `false`"
    if get_origin(field.annotation) is Literal:
        return ", ".join(f"`{choice}`" for choice in get_args(field.annotation))
    least = next((rule.ge for rule in field.metadata if isinstance(rule, Ge)), None)
    most = next((rule.le for rule in field.metadata if isinstance(rule, Le)), None)
    return "any" if least is None else f"{least} to {most}"
