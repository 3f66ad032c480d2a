"""Billing policies in the settings: one more, with the terms of another, and one less."""

from __future__ import annotations

from litestar import Controller, Response
from litestar.di import NamedDependency

from telecom_crm.application.rules import RuleBook
from telecom_crm.domain.role import Action, Area
from telecom_crm.domain.text import read_text
from telecom_crm.entrypoints.http.web.forms import Form
from telecom_crm.entrypoints.http.web.http import Visit, page, redirect
from telecom_crm.entrypoints.http.web.i18n import gettext as _
from telecom_crm.entrypoints.http.web.labels import policy_title
from telecom_crm.entrypoints.http.web.routes import acts, shows

SETTINGS = "/console/settings"
PATH = f"{SETTINGS}/policies"


class PolicyPages(Controller):
    """Which billing policies there are; the terms of each are a sheet of the settings."""

    path = PATH

    @shows("/new", Area.RULES, Action.WRITE)
    def ask_new(self, request: Visit, rules: NamedDependency[RuleBook]) -> Response[bytes]:
        """Ask for the name of another policy, and whose terms it begins with."""
        return _asked(request, rules, "new", Form())

    @acts("/new", Area.RULES)
    def create(
        self, request: Visit, form: NamedDependency[Form], rules: NamedDependency[RuleBook]
    ) -> Response[bytes]:
        """Add a policy, to be changed next."""
        policy_id = form.read("id", lambda raw: read_text(raw, field="id", limit=30)) or ""
        name, like = form.text("name", limit=100), form.text("like")
        done = form.submit(rules.create_policy, policy_id, name=name, like=like, by=request.by)
        if done is None:
            return _asked(request, rules, "new", form)
        return redirect(request, f"{SETTINGS}/policy-{done.id}", toast=_("The policy is added"))

    @shows("/remove", Area.RULES, Action.WRITE)
    def ask_remove(self, request: Visit, rules: NamedDependency[RuleBook]) -> Response[bytes]:
        """Ask which policy is not offered any more."""
        form = Form.filled(policy=request.query_params.get("policy", ""))
        return _asked(request, rules, "remove", form)

    @acts("/remove", Area.RULES)
    def remove(
        self, request: Visit, form: NamedDependency[Form], rules: NamedDependency[RuleBook]
    ) -> Response[bytes]:
        """Offer a policy no more."""
        form.submit(rules.delete_policy, form.text("policy"), by=request.by)
        if not form.ok:
            return _asked(request, rules, "remove", form)
        return redirect(request, SETTINGS, toast=_("The policy is removed"))


def _asked(request: Visit, rules: RuleBook, what: str, form: Form) -> Response[bytes]:
    return page(
        request,
        f"console/settings/policy_{what}.html",
        status=200 if form.ok else form.status,
        form=form,
        policies=[(one.id, f"{policy_title(one)} · {one.id}") for one in rules.policies()],
    )
