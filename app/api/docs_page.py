"""The contract as a page to try it from, with nothing that another host would have to send."""

from importlib.metadata import version
from pathlib import Path
from typing import Final

import swagger_ui_bundle
from fastapi import APIRouter
from fastapi.openapi.docs import get_swagger_ui_html
from starlette.exceptions import HTTPException
from starlette.responses import FileResponse, HTMLResponse, Response

from app.api.auth import needs

ASSETS_FOLDER: Final = Path(swagger_ui_bundle.swagger_ui_path)
ASSETS_VERSION: Final = version("swagger-ui-bundle-v2")
"""In their address, so that browsers can keep them for ever and still get the next version."""
SCRIPT: Final = "swagger-ui-bundle.js"
STYLE: Final = "swagger-ui.css"
ICON: Final = "favicon-32x32.png"
FOR_EVER: Final = {"Cache-Control": "public, max-age=31536000, immutable"}
OWN_HOST_ONLY: Final = {
    "Content-Security-Policy": "default-src 'self'; script-src 'self' 'unsafe-inline'; "
    "style-src 'self' 'unsafe-inline'; img-src 'self' data:"
}

router = APIRouter(include_in_schema=False, dependencies=[needs()])


@router.get("/docs")
async def docs() -> HTMLResponse:
    """The page."""
    folder = f"docs/assets/{ASSETS_VERSION}"
    page = get_swagger_ui_html(
        openapi_url="openapi.json",
        title="Figment",
        swagger_js_url=f"{folder}/{SCRIPT}",
        swagger_css_url=f"{folder}/{STYLE}",
        swagger_favicon_url=f"{folder}/{ICON}",
        swagger_ui_parameters={
            "validatorUrl": None,  # by default another host is asked to judge the contract
            "tryItOutEnabled": True,
            "displayRequestDuration": True,
        },
    )
    page.headers.update(OWN_HOST_ONLY)
    return page


@router.get("/docs/assets/{assets_version}/{name}")
async def asset(assets_version: str, name: str) -> Response:
    """What the page names."""
    if assets_version != ASSETS_VERSION or name not in (SCRIPT, STYLE, ICON):
        raise HTTPException(404)
    return FileResponse(ASSETS_FOLDER / name, headers=FOR_EVER)
