"""The service's own description."""

from __future__ import annotations

from html import escape
from typing import Any

import msgspec
from litestar import Controller, Litestar, Response, get

from telecom_crm.entrypoints.http.access import Public
from telecom_crm.entrypoints.http.calls import Call
from telecom_crm.entrypoints.http.openapi import schema_of

WHY = "the description of a service is no secret, and tools read it without a token"
STYLE = """
body { font: 16px/1.5 system-ui, sans-serif; margin: 2rem auto; max-width: 60rem; padding: 0 1rem }
code { font-family: ui-monospace, monospace } h2 { margin: 2rem 0 .5rem } p { margin: .25rem 0 }
table { border-collapse: collapse; width: 100% } td { border-top: 1px solid #8884; padding: .3rem }
td:first-child { width: 5rem; text-transform: uppercase }
"""


class SchemaController(Controller):
    """OpenAPI 3.1, as JSON and as a page that needs nothing from elsewhere."""

    path = "/schema"
    include_in_schema = False

    @get("/", access=Public(WHY), sync_to_thread=True)
    def document(self, request: Call) -> Response[bytes]:
        """Show the OpenAPI document."""
        return Response(_document(request.app), media_type="application/json")

    @get("/browse", access=Public(WHY), sync_to_thread=True)
    def browse(self, request: Call) -> Response[str]:
        """Show every operation on one page."""
        page = _page(msgspec.json.decode(_document(request.app)))
        headers = {"Content-Security-Policy": "default-src 'none'; style-src 'unsafe-inline'"}
        return Response(page, media_type="text/html; charset=utf-8", headers=headers)


def _document(app: Litestar) -> bytes:
    """Return the document, which is made when it is first asked for."""
    made: bytes | None = app.state.get("openapi")
    if made is None:
        made = app.state["openapi"] = msgspec.json.encode(schema_of(app))
    return made


def _page(document: dict[str, Any]) -> str:
    """Lay out the operations by tag."""
    by_tag: dict[str, list[str]] = {}
    for path, methods in document["paths"].items():
        for method, operation in methods.items():
            row = (
                f"<tr><td>{escape(method)}</td><td><code>{escape(path)}</code></td>"
                f"<td>{escape(operation['summary'])}</td></tr>"
            )
            by_tag.setdefault(operation["tags"][0], []).append(row)
    title = escape(f"{document['info']['title']} {document['info']['version']}")
    sections = "".join(
        f"<h2>{escape(tag)}</h2><table>{''.join(rows)}</table>" for tag, rows in by_tag.items()
    )
    return (
        f'<!doctype html><html lang="en"><meta charset="utf-8"><title>{title}</title>'
        f"<style>{STYLE}</style><h1>{title}</h1>"
        f'<p><a href="/schema">The OpenAPI document</a></p>{sections}</html>'
    )
