"""Templates of papers in the console: what is in force, another text, and what there was."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from typing import Any

from litestar import Controller, Response
from litestar.di import NamedDependency
from litestar.params import FromPath

from telecom_crm.application.papers import SAMPLES
from telecom_crm.application.printing import Papers
from telecom_crm.domain.errors import NotFound
from telecom_crm.domain.paper import PaperKind
from telecom_crm.domain.role import Area
from telecom_crm.entrypoints.http.papers import printed
from telecom_crm.entrypoints.http.web.forms import Form
from telecom_crm.entrypoints.http.web.http import Visit, page, redirect
from telecom_crm.entrypoints.http.web.i18n import NAMES
from telecom_crm.entrypoints.http.web.i18n import gettext as _
from telecom_crm.entrypoints.http.web.i18n import marked as N_  # gettext's own word
from telecom_crm.entrypoints.http.web.routes import acts, shows

PATH = "/console/settings/papers"
KINDS: Mapping[PaperKind, str] = {
    PaperKind.CONTRACT: N_("Contract"),
    PaperKind.ACCEPTANCE: N_("Act of acceptance"),
    PaperKind.RECEIPT: N_("Receipt"),
}
LARGEST = 1 << 20
"""So many bytes a form with a template may have."""


class PaperPages(Controller):
    """What papers look like and say."""

    path = PATH

    @shows("/", Area.RULES)
    def index(self, request: Visit, papers: NamedDependency[Papers]) -> Response[bytes]:
        """List the kinds of papers, with the version in force."""
        kinds = [(kind.value, _(words), papers.templates(kind)[0]) for kind, words in KINDS.items()]
        return page(request, "console/papers/index.html", kinds=kinds)

    @shows("/{kind:str}", Area.RULES)
    def show(
        self, request: Visit, kind: FromPath[str], papers: NamedDependency[Papers]
    ) -> Response[bytes]:
        """Show the template of a kind, or an earlier version of it, to be changed."""
        known, asked = _kind(kind), request.query_params.get("version", "")
        seen = papers.templates_version()
        number = int(asked) if asked.isdecimal() and asked.isascii() and len(asked) < 7 else None
        form = Form.filled(source=papers.template(known, number))
        return _shown(request, papers, known, form, seen, number)

    @acts("/{kind:str}", Area.RULES, request_max_body_size=LARGEST)
    def put(
        self,
        request: Visit,
        kind: FromPath[str],
        form: NamedDependency[Form],
        papers: NamedDependency[Papers],
    ) -> Response[bytes]:
        """Have papers printed by another text from now on."""
        known, seen = _kind(kind), form.version
        form.submit(papers.put_template, known, _source(form), expected_version=seen, by=request.by)
        if not form.ok:
            return _shown(request, papers, known, form, papers.templates_version())
        return redirect(request, f"{PATH}/{kind}", toast=_("Saved"))

    @acts("/{kind:str}/preview", Area.RULES, request_max_body_size=LARGEST)
    def preview(
        self,
        request: Visit,
        kind: FromPath[str],
        form: NamedDependency[Form],
        papers: NamedDependency[Papers],
    ) -> Response[bytes]:
        """Print made-up data by the text that was typed, and keep nothing."""
        known, language = _kind(kind), form.choice("language", _language)
        made = form.submit(papers.preview, known, _source(form), language=language or "")
        if made is None:
            return _shown(request, papers, known, form, form.version or 0)
        return printed(made, name=f"{known.value}-sample")


def _kind(kind: str) -> PaperKind:
    if kind not in KINDS:
        raise NotFound("paper", kind[:60])
    return PaperKind(kind)


def _language(code: str) -> str:
    if code not in NAMES:
        raise ValueError(code)
    return code


def _source(form: Form) -> str:
    return form.raw("source").replace("\r\n", "\n")


def _fields(facts: Mapping[str, Any], above: str = "data") -> Iterator[tuple[str, str]]:
    """Go through what a template may use, each with a value it may have."""
    for name, value in facts.items():
        if isinstance(value, Mapping):
            yield from _fields(value, f"{above}.{name}")
        elif isinstance(value, list) and value and isinstance(value[0], Mapping):
            yield from _fields(value[0], f"{above}.{name}.at(0)")
        else:
            yield f"{above}.{name}", json.dumps(value, ensure_ascii=False)


def _shown(
    request: Visit,
    papers: Papers,
    kind: PaperKind,
    form: Form,
    version: int,
    number: int | None = None,
) -> Response[bytes]:
    facts = {"language": "ky", "operator": papers.operator, **SAMPLES[kind]}
    versions = papers.templates(kind)
    return page(
        request,
        "console/papers/edit.html",
        status=200 if form.ok else form.status,
        title=_(KINDS[kind]),
        action=f"{PATH}/{kind.value}",
        form=form,
        version=version,
        versions=versions,
        shown=number or versions[0].number,
        fields=list(_fields(facts)),
        languages_offered=list(NAMES.items()),
    )
