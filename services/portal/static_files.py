"""Which files do pages load, and how may browsers keep them? All of them lie in memory; no path reaches the disk."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from functools import cache
from pathlib import Path

from fastapi import APIRouter, Request, Response

from services.portal.access import NotHere

FOLDER = Path(__file__).with_name("static")
_TYPES = {
    ".css": "text/css; charset=utf-8",
    ".js": "text/javascript; charset=utf-8",
    ".svg": "image/svg+xml",
}
#: The address of a file names its content, so it never changes.
_FOR_EVER = "public, max-age=31536000, immutable"


@dataclass(frozen=True, slots=True)
class StaticFile:
    """One file as it is sent."""

    content: bytes
    media_type: str
    version: str


@cache
def static_files() -> dict[str, StaticFile]:
    """Every file by its name."""
    found = {}
    for path in sorted(FOLDER.iterdir()):
        if path.suffix in _TYPES:
            content = path.read_bytes()
            version = hashlib.sha256(content).hexdigest()[:16]
            found[path.name] = StaticFile(content, _TYPES[path.suffix], version)
    return found


def static_url(name: str) -> str:
    """The address of a file; a name that is not there is a mistake in a template."""
    return f"/static/{static_files()[name].version}/{name}"


def router() -> APIRouter:
    """The route of all files."""
    routes = APIRouter(include_in_schema=False)

    @routes.get("/static/{version}/{name}")
    @routes.head("/static/{version}/{name}")
    async def file(request: Request, version: str, name: str) -> Response:
        found = static_files().get(name)
        if found is None or found.version != version:
            raise NotHere("there is no such file")
        if request.headers.get("if-none-match") == f'"{version}"':
            return Response(status_code=304)
        headers = {"cache-control": _FOR_EVER, "etag": f'"{version}"'}
        return Response(found.content, media_type=found.media_type, headers=headers)

    return routes
