"""The built files of the pages: found once, served with their digest, kept by browsers for long."""

from __future__ import annotations

import gzip
import hashlib
from collections.abc import Mapping
from functools import cached_property
from pathlib import Path
from typing import Any

import attrs
from litestar import Request, Response, get
from litestar.exceptions import NotFoundException
from litestar.params import FromPath, FromQuery

from telecom_crm.entrypoints.http.access import Public

STATIC = Path(__file__).parent / "static"
PREFIX = "/static/"

MEDIA = {
    ".css": "text/css; charset=utf-8",
    ".js": "text/javascript; charset=utf-8",
    ".svg": "image/svg+xml",
    ".woff2": "font/woff2",
}
PACKED = frozenset({".css", ".js", ".svg"})
FOR_A_YEAR = "public, max-age=31536000, immutable"


@attrs.frozen
class Asset:
    """One file: as it is, packed where that makes it shorter, and the digest in its address."""

    media: str
    raw: bytes = attrs.field(repr=False)
    packed: bytes | None = attrs.field(repr=False)
    digest: str


@attrs.define(eq=False)
class Assets:
    """All built files by name."""

    @cached_property
    def files(self) -> Mapping[str, Asset]:
        """The files, read once."""
        found = sorted(path for path in STATIC.rglob("*") if path.suffix in MEDIA)
        return {path.relative_to(STATIC).as_posix(): _read(path) for path in found}

    @cached_property
    def version(self) -> str:
        """What browsers compare, to load anew whatever a deployment changed."""
        digests = "".join(asset.digest for asset in self.files.values())
        return hashlib.sha256(digests.encode()).hexdigest()[:12]

    def url(self, name: str) -> str:
        """Return the address of a file; raise `KeyError` for one that is not there."""
        return f"{PREFIX}{name}?v={self.files[name].digest}"


def _read(path: Path) -> Asset:
    raw = path.read_bytes()
    packed = gzip.compress(raw, 9, mtime=0) if path.suffix in PACKED else None
    return Asset(MEDIA[path.suffix], raw, packed, hashlib.sha256(raw).hexdigest()[:16])


ASSETS = Assets()


@get(
    "/static/{name:path}",
    access=Public("stylesheet, scripts, icons and fonts are the same for everybody"),
    query=(),  # the digest
    include_in_schema=False,
    sync_to_thread=False,
)
def static_file(
    request: Request[Any, Any, Any], name: FromPath[Path], v: FromQuery[str | None] = None
) -> Response[bytes]:
    """Serve a built file: for a year where the address carries its digest, else to be asked for."""
    asset = ASSETS.files.get(name.as_posix().lstrip("/"))
    if asset is None:
        raise NotFoundException
    told = {
        "Cache-Control": FOR_A_YEAR if v == asset.digest else "no-cache",
        "ETag": f'"{asset.digest}"',
        "Vary": "Accept-Encoding",
    }
    if request.headers.get("if-none-match") == f'"{asset.digest}"':
        return Response(b"", status_code=304, headers=told, media_type=asset.media)
    body = asset.raw
    if asset.packed is not None and "gzip" in request.headers.get("accept-encoding", ""):
        body, told["Content-Encoding"] = asset.packed, "gzip"
    return Response(body, headers=told, media_type=asset.media)


@get(
    "/",
    access=Public("nothing is here but the way to the console, which has a gate of its own"),
    include_in_schema=False,
    sync_to_thread=False,
)
def front_door(request: Request[Any, Any, Any]) -> Response[bytes]:
    """Lead a browser that was given the bare address to the console; programs find nothing here."""
    if "text/html" not in request.headers.get("accept", ""):
        raise NotFoundException
    return Response(b"", status_code=303, headers={"Location": "/console", "Vary": "Accept"})


@get(
    "/brand.css",
    access=Public("one declaration, which the address says itself"),
    query=(),  # the hue
    include_in_schema=False,
    sync_to_thread=False,
)
def brand_sheet(hue: FromQuery[int]) -> Response[bytes]:
    """Serve the one declaration that colours the pages; pages have no styles of their own."""
    told = {"Cache-Control": FOR_A_YEAR}
    body = f":root{{--brand-h:{hue % 360}}}".encode()
    return Response(body, headers=told, media_type=MEDIA[".css"])
