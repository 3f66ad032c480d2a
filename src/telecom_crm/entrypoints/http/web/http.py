"""
How pages answer: whole or as a fragment, with what browsers have to know. Only this knows htmx.

A page is rendered by `page`, a form that succeeded is answered by `redirect`. Both carry toasts:
short messages that are shown once.
"""

from __future__ import annotations

import base64
import binascii
import gzip
import json
import secrets
from collections.abc import Iterable, Mapping
from types import MappingProxyType
from typing import TYPE_CHECKING, Any
from urllib.parse import quote, urlsplit

import attrs
from litestar import Request, Response
from litestar.datastructures import Cookie, State

from telecom_crm.domain.lifecycle import Actor
from telecom_crm.domain.role import NO_RIGHTS, Action, Area, Rights, Visitor
from telecom_crm.domain.session import Subscriber
from telecom_crm.domain.user import Theme, User
from telecom_crm.entrypoints.http.access import address_in
from telecom_crm.entrypoints.http.served import served
from telecom_crm.entrypoints.http.web import csrf
from telecom_crm.entrypoints.http.web.assets import ASSETS
from telecom_crm.entrypoints.http.web.audit_labels import actor_named
from telecom_crm.entrypoints.http.web.cookies import FLASH, SEED, THEME, baked, eaten, named
from telecom_crm.entrypoints.http.web.forms import Form
from telecom_crm.entrypoints.http.web.i18n import here

if TYPE_CHECKING:
    from telecom_crm.entrypoints.http.web.templating import Pages

CSP = (
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; font-src 'self'; "
    "connect-src 'self'; manifest-src 'self'; form-action 'self'; base-uri 'none'; "
    "frame-ancestors 'none'"
)
"""What a page may load and do; nothing inline, nothing evaluated, nothing from elsewhere."""

HEADERS = {
    "Content-Security-Policy": CSP,
    "Cache-Control": "no-store",  # pages show personal data
    "Cross-Origin-Opener-Policy": "same-origin",
    "Permissions-Policy": "camera=(), geolocation=(), microphone=()",
    "Referrer-Policy": "same-origin",
    "Vary": "HX-Request, HX-Request-Type, Cookie, Accept-Encoding",
    "X-Frame-Options": "DENY",
}
PERSON, SUBSCRIBER = "telecom_crm_person", "telecom_crm_subscriber"
"""Where a request's state has the user, or the subscriber, who is signed in."""
CALLED = "telecom_crm_called"
"""Where it has what users are called, once the page names anybody."""
PACKED_FROM_BYTES = 1024
MOST_FLASH = 3000


@attrs.frozen
class Toast:
    """
    A message that is shown once; `tone` is ok, bad, warn or info.

    Where what was done can be undone, `undo` is the path that a form posts to for it with `values`,
    and `version` that of the thing as it was left: once somebody else changed it, it is not undone.
    `then` is the path where one goes on, and its words.
    """

    text: str
    tone: str = "ok"
    undo: str = ""
    version: int | None = None
    then: tuple[str, str] | None = None
    values: Mapping[str, str] = MappingProxyType({})


class Visit(Request[Any, Any, State]):
    """A request of a browser: who sends it, how they like their pages, and which part they want."""

    __slots__ = ()

    @property
    def visitor(self) -> Visitor | None:
        """Who is signed in, and what they may do; None for a guest."""
        found: Visitor | None = self.scope.get("user")
        return found

    @property
    def person(self) -> User | None:
        """The user who is signed in: their name, and how they like their pages."""
        found: User | None = self.scope["state"].get(PERSON)
        return found

    @property
    def subscriber(self) -> Subscriber:
        """The subscriber who is signed in to self-care."""
        found: Subscriber = self.scope["state"][SUBSCRIBER]
        return found

    @property
    def pages(self) -> Pages:
        """What all pages of the operator share."""
        return served(self.scope).pages

    def called(self, actor: object) -> str:
        """Return who did something, in words: a user by their name, a program by its own."""
        name = str(actor)
        if named := actor_named(name):
            return named
        state = self.scope["state"]
        if CALLED not in state:  # once for a page: a long history has many who wrote it
            state[CALLED] = self.pages.names()
        users: Mapping[str, str] = state[CALLED]
        return users.get(name, name)

    @property
    def by(self) -> Actor:
        """Who gives the command."""
        assert self.visitor is not None, "a page that gives commands is not for guests"
        return self.visitor.actor

    @property
    def rights(self) -> Rights:
        """What they may do; a guest may nothing."""
        return NO_RIGHTS if self.visitor is None else self.visitor.rights

    def may(self, area: Area | str, action: Action | str = Action.READ) -> bool:
        """Tell whether the visitor may do something; a guest may nothing."""
        return self.visitor is not None and self.visitor.may(Area(area), Action(action))

    @property
    def theme(self) -> str:
        """How the pages are coloured: auto, light or dark."""
        if self.person is not None:
            return self.person.preferences.theme.value
        wish = self.cookies.get(named(THEME, self.scope["scheme"]), "")
        return wish if wish in list(Theme) else Theme.AUTO.value

    @property
    def keys_off(self) -> bool:
        """Whether shortcuts of a single key are switched off (WCAG 2.1.4)."""
        return self.person is not None and not self.person.preferences.shortcuts

    @property
    def seconds_left(self) -> int:
        """How long the session goes on if nothing more comes; 0 where there is none."""
        until = None if self.visitor is None else self.visitor.until
        if until is None:
            return 0
        return max(1, int((until - self.pages.clock()).total_seconds()))

    @property
    def address(self) -> str:
        """Where the request comes from: the browser, or whom a proxy of ours speaks for."""
        return address_in(self.scope)

    @property
    def seed(self) -> str:
        """What this visitor's form tokens are made of; "" for a guest who has none yet."""
        if self.visitor is not None:
            return self.visitor.csrf
        return self.cookies.get(named(SEED, self.scope["scheme"]), "")

    @property
    def by_htmx(self) -> bool:
        """Whether htmx sends it."""
        return self.headers.get("hx-request") == "true"

    @property
    def wants_fragment(self) -> bool:
        """Whether a part of the page will do."""
        restores = self.headers.get("hx-history-restore-request") == "true"
        return self.by_htmx and self.headers.get("hx-request-type") == "partial" and not restores

    @property
    def here(self) -> str:
        """The path and query of this request."""
        query = self.scope["query_string"].decode("latin-1")
        return self.scope["path"] + (f"?{query}" if query else "")

    @property
    def came_from(self) -> str:
        """The path of ours that the browser was at, to go back to."""
        shown = self.headers.get("hx-current-url") or self.headers.get("referer") or ""
        parts = urlsplit(shown)
        same = parts.netloc == self.headers.get("host")
        return local_path(f"{parts.path}?{parts.query}".rstrip("?")) if same else ""


def page(
    visit: Visit,
    template: str,
    *,
    fragment: str | None = None,
    status: int = 200,
    toasts: Iterable[Toast] = (),
    **context: Any,
) -> Response[bytes]:
    """
    Answer with a page; with its `fragment` alone where a part is asked for.

    A fragment is a template whose name begins with `_`; the page includes it too.
    """
    scheme, cookies = visit.scope["scheme"], list[Cookie]()
    seed = visit.seed
    if not seed:
        seed = secrets.token_urlsafe(16)
        cookies.append(baked(SEED, seed, scheme))
    flashed = visit.cookies.get(named(FLASH, scheme))
    if flashed:
        cookies.append(eaten(FLASH, scheme))
    part = fragment if visit.wants_fragment else None
    told = {
        "visit": visit,
        "person": visit.person,
        "may": visit.may,
        "language": here().code,
        "csrf_token": csrf.issued(seed),
        "toasts": [*_read_flash(flashed), *toasts],
        "is_part": part is not None,
        **context,
    }
    body = visit.pages.render(part or template, **told)
    for form in context.values():
        if isinstance(form, Form):
            body = form.labelled(body)
    if part and told["toasts"]:
        body += visit.pages.render("ui/_toasts.html", **told)
    return html(visit, body, status=status, cookies=cookies)


def html(
    visit: Visit,
    body: str,
    *,
    status: int,
    cookies: Iterable[Cookie] = (),
    headers: Mapping[str, str] = MappingProxyType({}),
) -> Response[bytes]:
    """Answer with HTML, packed where the browser takes it, and with what guards it."""
    raw = body.encode("utf-8", "replace")  # a lone surrogate can be typed
    told = {**HEADERS, "X-App-Version": ASSETS.version, "Content-Language": here().code, **headers}
    if visit.scope["scheme"] == "https":
        told["Strict-Transport-Security"] = "max-age=31536000"
    if len(raw) >= PACKED_FROM_BYTES and "gzip" in visit.headers.get("accept-encoding", ""):
        raw, told["Content-Encoding"] = gzip.compress(raw, 5), "gzip"
    return Response(
        raw,
        status_code=status,
        headers=told,
        cookies=list(cookies),
        media_type="text/html",
    )


def redirect(
    visit: Visit,
    to: str,
    *,
    toast: str | Toast | None = None,
    cookies: Iterable[Cookie] = (),
) -> Response[bytes]:
    """
    Answer a form that succeeded: the browser goes to a path of ours, where the toast is shown.

    fetch would follow a 303 by itself, and htmx put a whole page in a place for a part.
    """
    baking = list(cookies)
    if toast is not None:
        message = toast if isinstance(toast, Toast) else Toast(toast)
        baking.append(baked(FLASH, _flash(message), visit.scope["scheme"], seconds=60))
    target = local_path(to) or "/"
    headers = {**HEADERS, "HX-Redirect" if visit.by_htmx else "Location": quote(target, safe=_SAFE)}
    status = 200 if visit.by_htmx else 303
    return Response(b"", status_code=status, headers=headers, cookies=baking)


def local_path(path: str | None) -> str:
    """Return a path of this site; "" for an address of any other, or nonsense."""
    if not path or not path.startswith("/") or path.startswith(("//", "/\\")):
        return ""
    if not path.isprintable() or "\\" in path:
        return ""
    parts = urlsplit(path)
    return "" if parts.scheme or parts.netloc else path


_SAFE = "/?&=%#:,;@!$'()*+~-._"


def _flash(toast: Toast) -> str:
    told = [toast.text, toast.tone, toast.undo, toast.version, toast.then, dict(toast.values)]
    raw = json.dumps(told, ensure_ascii=False).encode()
    return base64.urlsafe_b64encode(raw).decode()[:MOST_FLASH]


def _read_flash(raw: str | None) -> list[Toast]:
    """Read the toast that a redirect left; one that somebody made up counts for nothing."""
    if not raw or len(raw) > MOST_FLASH:
        return []
    try:
        text, tone, undo, version, then, values = json.loads(base64.urlsafe_b64decode(raw))
        path, seen = local_path(str(undo)), version if isinstance(version, int) else None
        to, words = then or ("", "")
        sent = {str(name): str(value) for name, value in dict(values).items()}
    except (ValueError, TypeError, binascii.Error):
        return []
    tone = tone if tone in ("ok", "bad", "warn", "info") else "info"
    onward = (local_path(str(to)), str(words))
    return [Toast(str(text), tone, path, seen, onward if onward[0] else None, sent)]
