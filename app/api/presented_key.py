"""The key that a request presents in its headers; nothing else of it is looked at, the address least of all."""

import base64
import binascii
from typing import Final

from starlette.datastructures import Headers

from app.api.auth import REALM
from app.api.problem import RequestError

KEY_HEADER: Final = "X-API-Key"
CHALLENGE: Final = f"Bearer {REALM}"
BASIC_CHALLENGE: Final = f'Basic {REALM}, charset="UTF-8"'


def presented_key(headers: Headers, *, basic: bool = False) -> str | None:
    """What is sent as a key, right or wrong; None where nothing is. `basic`: a browser's password is a key too.

    Raises the 401 where more than one is sent: who reads the first and who reads the last would disagree on the caller.
    """
    authorizations, plain = headers.getlist("authorization"), headers.getlist(KEY_HEADER)
    sent = [key for header in authorizations if (key := _from_authorization(header, basic=basic)) is not None]
    sent += [key for header in plain if (key := header.strip())]
    if len(sent) > 1 or len(authorizations) > 1:
        raise unauthorized("more than one key was sent; send one, in one header", basic=basic, error="invalid_request")
    return sent[0] if sent else None


def unauthorized(detail: str, *, basic: bool = False, error: str | None = None) -> RequestError:
    """The 401. With `basic` a browser asks its user for a name, which does not matter, and a password: the key."""
    challenge = CHALLENGE if error is None else f'{CHALLENGE}, error="{error}"'
    return RequestError(
        401, detail, headers={"WWW-Authenticate": f"{challenge}, {BASIC_CHALLENGE}" if basic else challenge}
    )


def _from_authorization(header: str, *, basic: bool) -> str | None:
    """None for the schemes of others, such as a proxy's own Basic."""
    scheme, _, credentials = header.partition(" ")
    if scheme.lower() == "bearer":
        return credentials.strip() or None
    if scheme.lower() == "basic" and basic:
        try:
            name, _, password = base64.b64decode(credentials.strip(), validate=True).decode().partition(":")
        except (binascii.Error, UnicodeDecodeError):
            return ""  # no key at all, which is a wrong one
        return password or name
    return None
