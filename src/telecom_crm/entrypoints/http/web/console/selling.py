"""
A contract sold, step by step: customer, SIM and number, tariff, billing; then there is a draft.

What was chosen is in the address until there is a draft, so that every step is a page that one can
go back to; the SIM card and the number are kept meanwhile under the name in `reservation`.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date, datetime
from typing import Any
from urllib.parse import urlencode
from uuid import UUID

import attrs
from litestar import Controller, Response
from litestar.di import NamedDependency

from telecom_crm.application.contracts.previewing import Plan
from telecom_crm.domain.account import AccountState
from telecom_crm.domain.application import Application
from telecom_crm.domain.charging import Charge
from telecom_crm.domain.compatibility import OptionsIncompatible
from telecom_crm.domain.customer import Customer
from telecom_crm.domain.errors import InvalidValue, NotFound
from telecom_crm.domain.identifiers import ICCID, MSISDN, AccountId, ApplicationId, CustomerId
from telecom_crm.domain.identity_document import IdentityDocument
from telecom_crm.domain.number import Number
from telecom_crm.domain.policy import FirstFee, PaymentMode
from telecom_crm.domain.reservation import sale_to
from telecom_crm.domain.role import Action, Area
from telecom_crm.domain.sim import Sim
from telecom_crm.domain.tariff import NotOnSale
from telecom_crm.entrypoints.crm import Crm
from telecom_crm.entrypoints.http.web.console.contract_facts import PATH, once_due, total_due
from telecom_crm.entrypoints.http.web.console.customer_head import in_debt
from telecom_crm.entrypoints.http.web.console.drafts import STEPS, steps_shown
from telecom_crm.entrypoints.http.web.console.finding import CHOOSE, choosing
from telecom_crm.entrypoints.http.web.console.offers import (
    accounts_offered,
    card_chosen,
    cards_offered,
    numbers_offered,
    options_offered,
    options_refused,
    tariffs_offered,
    whole_iccid,
)
from telecom_crm.entrypoints.http.web.forms import Form
from telecom_crm.entrypoints.http.web.http import Toast, Visit, page, redirect
from telecom_crm.entrypoints.http.web.i18n import gettext as _
from telecom_crm.entrypoints.http.web.i18n import here
from telecom_crm.entrypoints.http.web.i18n import marked as N_  # gettext's own word
from telecom_crm.entrypoints.http.web.labels import label, policy_title
from telecom_crm.entrypoints.http.web.messages import worded
from telecom_crm.entrypoints.http.web.routes import acts, shows

NEW = f"{PATH}/new"
PAID = {
    PaymentMode.PREPAID: N_("Pays first: fees are taken from the balance"),
    PaymentMode.POSTPAID: N_("Pays later: owes up to a credit limit"),
}
"""What each way of paying means."""
FIRST = {
    FirstFee.REQUIRED: N_("The first fees are paid before the activation"),
    FirstFee.ON_CREDIT: N_("The first fees go on the first bill"),
    FirstFee.WAIVED: N_("No first fees: for those whom another system served until now"),
}
"""What each rule of the first fees means."""
_TAKEN = {"customer": "customer", "number": "reservation", "tariff": "tariff"}
"""The first steps, and what says in the address that each was taken."""
PAYING = "pay"
"""What the step of the tariff is narrowed by: how somebody pays."""
_CHOSEN = ("application", "customer", "reservation", "iccid", "msisdn", "tariff")


@attrs.frozen(kw_only=True)
class Choice:
    """What was chosen so far, as the address says it; "" for what was not."""

    customer: str = ""
    application: str = ""
    reservation: str = ""
    iccid: str = ""
    msisdn: str = ""
    tariff: str = ""
    options: tuple[str, ...] = ()

    @classmethod
    def of(cls, request: Visit) -> Choice:
        """Read the address."""
        query = request.query_params
        options = tuple(one[:60] for one in query.getall("option", []))[:50]
        return cls(options=options, **{name: query.get(name, "")[:100] for name in _CHOSEN})

    @classmethod
    def wanted(cls, crm: Crm, application: Application) -> Choice:
        """Return what an application asks for, so far as there is such a thing, and it is free."""
        known = crm.catalog.names()
        options = application.data.get("options", application.raw.get("options"))
        tariff, listed = application.said("tariff"), options if isinstance(options, list) else []
        number = free_number(crm, application.said("msisdn"))
        return cls(
            customer=str(application.customer_id or ""),
            application=str(application.id),
            tariff=tariff if tariff in known else "",
            options=tuple(one for one in known if one in listed and one != tariff),
            msisdn=number.digits if number else "",
        )

    def url(self, step: str, **changes: Any) -> str:
        """Return the address of a step, with changes."""
        pairs = attrs.evolve(self, **changes).pairs
        path = NEW if step == "customer" else f"{NEW}/{step}"
        return f"{path}?{urlencode(pairs)}" if pairs else path

    @property
    def pairs(self) -> list[tuple[str, str]]:
        """What was chosen, as an address has it."""
        pairs = [(name, getattr(self, name)) for name in _CHOSEN if getattr(self, name)]
        return [*pairs, *(("option", one) for one in self.options)]

    def due(self, step: str) -> str | None:
        """Return the address of the first step before another that was not taken, if there is."""
        for earlier, chosen in _TAKEN.items():
            if earlier == step:
                return None
            if not getattr(self, chosen):
                return self.url(earlier)
        return None

    def keeping(self, name: str, sim: Sim, number: Number) -> Choice:
        """Return the choice with a card and a number that are kept under a name."""
        return attrs.evolve(self, reservation=name, iccid=sim.key, msisdn=number.key)

    @property
    def anew(self) -> str:
        """The address at which another customer is chosen."""
        return self.url("customer", customer="")

    @property
    def kept(self) -> tuple[ICCID, MSISDN] | None:
        """The card and the number that are kept under the reservation."""
        if not self.reservation:
            return None
        try:
            return ICCID(self.iccid), MSISDN(self.msisdn)
        except InvalidValue:  # an address that somebody made up
            return None


class SellingPages(Controller):
    """The wizard."""

    path = PATH

    @shows("/new", Area.CONTRACTS, Action.WRITE)
    def customer(self, request: Visit, crm: NamedDependency[Crm]) -> Response[bytes]:
        """Ask who signs."""
        choice = Choice.of(request)
        if choice.customer:
            return redirect(request, choice.url("number"))

        def leads(customer: CustomerId) -> str:
            return choice.url("number", customer=str(customer))

        found = choosing(request, crm, at=NEW, leads=leads, kept=choice.pairs)
        owing = _owing(request, crm, [one.id for one in found["hits"]])
        found |= {"sells": True, "owing": owing}
        if request.wants_fragment:  # with each letter that is typed
            return page(request, CHOOSE, fragment=CHOOSE, **found)
        return _step(request, crm, choice, "customer", Form(), **found)

    @shows("/new/later", Area.CONTRACTS, Action.WRITE)
    def later(self, request: Visit, crm: NamedDependency[Crm]) -> Response[bytes]:
        """Leave a sale that has no draft yet: tell how long what it keeps is kept."""
        choice = Choice.of(request)
        until = _kept_until(crm, choice, _kept(crm, choice))
        known = _customer(request, crm, choice)
        to = f"/console/customers/{known.id}" if known else PATH
        if until is None:
            return redirect(request, to)
        words = _("The SIM card and the number are kept for you until:")
        onward = _("To go on, begin a new contract for this customer.")
        told = f"{words} {here().instant(until, crm.zone)}. {onward}"
        return redirect(request, to, toast=Toast(told, "info"))

    @shows("/new/number", Area.CONTRACTS, Action.WRITE)
    def number(self, request: Visit, crm: NamedDependency[Crm]) -> Response[bytes]:
        """Ask for the card and the number."""
        choice = Choice.of(request)
        if due := choice.due("number"):
            return redirect(request, due)
        name = sale_to(_customer_id(choice), by=request.by.name)
        kept = crm.inventory.kept_for_sale(name)
        if kept and choice.iccid in ("", kept[0].key):
            choice = choice.keeping(name, *kept)
        find = request.query_params.get("find", "")[:100]
        form = Form.filled(iccid=find, card=choice.iccid, msisdn=choice.msisdn)
        return _numbers(request, crm, choice, form)

    @acts("/new/number", Area.CONTRACTS)
    def keep(
        self, request: Visit, form: NamedDependency[Form], crm: NamedDependency[Crm]
    ) -> Response[bytes]:
        """Keep the card and the number for this sale."""
        choice = Choice.of(request)
        if due := choice.due("number"):
            return redirect(request, due)
        if form.flag("look"):
            return redirect(request, _looking(choice, form))
        iccid, msisdn = card_chosen(form, crm), form.read("msisdn", MSISDN)
        name = sale_to(_customer_id(choice), by=request.by.name)
        if iccid is None or msisdn is None:
            return _numbers(request, crm, choice, form)
        kept = form.submit(crm.inventory.reserve_for_sale, iccid, msisdn, for_=name, by=request.by)
        if kept is None:
            return _numbers(request, crm, choice, form)
        return redirect(request, choice.keeping(name, *kept).url("tariff"))

    @shows("/new/tariff", Area.CONTRACTS, Action.WRITE)
    def tariff(self, request: Visit, crm: NamedDependency[Crm]) -> Response[bytes]:
        """Ask for the tariff and its options."""
        choice = Choice.of(request)
        if due := choice.due("tariff"):
            return redirect(request, due)
        return _tariffs(
            request, crm, choice, Form.filled(tariff=choice.tariff, options=[*choice.options])
        )

    @acts("/new/tariff", Area.CONTRACTS)
    def choose_tariff(
        self, request: Visit, form: NamedDependency[Form], crm: NamedDependency[Crm]
    ) -> Response[bytes]:
        """Check that the options go with the tariff, and go on."""
        choice = Choice.of(request)
        tariff, options = form.text("tariff"), form.all("options")
        if reasons := form.submit(crm.catalog.check, tariff=tariff, options=options):
            names = crm.catalog.names()
            for reason in reasons:
                form.fault("options", "options_incompatible", worded(reason, names))
        if form.flag("look") or not form.ok:
            return _tariffs(request, crm, choice, form)
        return redirect(request, choice.url("billing", tariff=tariff, options=tuple(options)))

    @shows("/new/billing", Area.CONTRACTS, Action.WRITE)
    def billing(self, request: Visit, crm: NamedDependency[Crm]) -> Response[bytes]:
        """Ask who pays, and how."""
        choice = Choice.of(request)
        if due := choice.due("billing"):
            return redirect(request, due)
        return _billing(request, crm, choice, Form())

    @acts("/new/billing", Area.CONTRACTS)
    def draft(
        self, request: Visit, form: NamedDependency[Form], crm: NamedDependency[Crm]
    ) -> Response[bytes]:
        """Write the draft; sent again, it is written once."""
        choice = Choice.of(request)
        if choice.kept is None:
            return redirect(request, choice.url("number"))
        wish = _wish(choice, *choice.kept, form)
        create, key, by = crm.contracts.create, form.key, request.by
        draft = form.submit(create, **wish, accept=False, idempotency_key=key, by=by)
        if draft is None:
            return _billing(request, crm, choice, form)
        return redirect(request, f"{PATH}/{draft.id}/papers")


def _numbers(request: Visit, crm: Crm, choice: Choice, form: Form) -> Response[bytes]:
    name = sale_to(_customer_id(choice), by=request.by.name)
    offered = numbers_offered(
        request, crm, *_CHOSEN, "find", has=free_number(crm, form.raw("msisdn"), name)
    )
    return _step(
        request,
        crm,
        choice,
        "number",
        form,
        fragment="console/contracts/_numbers.html",
        **cards_offered(crm, form, for_=name),
        **offered,
    )


def _looking(choice: Choice, form: Form) -> str:
    """Return the address of the cards that a text finds, with what was picked so far."""
    found, typed = whole_iccid(form.raw("iccid")), form.raw("iccid").strip()
    picked = found.digits if found else form.raw("card")
    url = choice.url("number", reservation="", iccid=picked, msisdn=form.raw("msisdn"))
    return url if found else f"{url}&{urlencode({'find': typed})}"


def free_number(crm: Crm, raw: str, name: str | None = None) -> MSISDN | None:
    """Return a number that was chosen, where nobody else has it; it stays on offer."""
    try:
        known = crm.inventory.known_numbers([MSISDN(crm.read_phone(raw).digits)])
    except InvalidValue:  # nothing was chosen
        return None
    free = (one.msisdn for one in known if one.is_free(crm.clock(), reservation=name))
    return next(free, None)


def _tariffs(request: Visit, crm: Crm, choice: Choice, form: Form) -> Response[bytes]:
    """Ask for the tariff; the summary beside it tells what is chosen so far, right or not."""
    pays = request.query_params.get(PAYING, "")
    modes = [one for one in PaymentMode if pays in ("", one)] or [*PaymentMode]
    sold, chosen = tariffs_offered(crm, modes), form.raw("tariff")
    known = chosen if chosen in {one["value"] for one in sold} else ""
    on_sale = options_offered(crm)
    codes = [one["value"] for one in on_sale]
    options = tuple(one for one in form.all("options") if one in codes)
    choice = attrs.evolve(choice, tariff=known, options=options)
    at = choice.url("tariff")
    texts = [("", _("Any")), *((one.value, label(one)) for one in PaymentMode)]
    ways = {value: f"{at}&{urlencode({PAYING: value})}" if value else at for value, __ in texts}
    return _step(
        request,
        crm,
        choice,
        "tariff",
        form,
        fragment="console/contracts/_tariff.html",
        offered=sold,
        ways=[
            {"href": ways[value], "text": text, "current": value == pays} for value, text in texts
        ],
        action=ways.get(pays, at),
        options=on_sale,
        refused=options_refused(crm, known, options),
    )


def _billing(request: Visit, crm: Crm, choice: Choice, form: Form) -> Response[bytes]:
    """Ask who pays: the policies are those that the tariff is sold for."""
    tariff, now = crm.catalog.tariff(choice.tariff), crm.clock()
    policies = [
        policy
        for policy in crm.rules.policies()
        if tariff.on_sale(at=now, mode=policy.payment_mode)
        if policy.currency == tariff.latest.currency
    ]
    customer_id = _customer_id(choice)
    if form.ok and not form.raw("policy") and policies:
        form = Form.filled(policy=policies[0].id)
    return _step(
        request,
        crm,
        choice,
        "billing",
        form,
        policies=[
            {
                "value": one.id,
                "title": policy_title(one),
                "note": f"{_(PAID[one.payment_mode])}. {_(FIRST[one.first_fee])}.",
            }
            for one in policies
        ],
        accounts=accounts_offered(request, crm, customer_id),
    )


def _wish(choice: Choice, iccid: ICCID, msisdn: MSISDN, form: Form) -> dict[str, Any]:
    """Return what was chosen, as `Contracts.create` takes it."""
    application = choice.application and _id_of(choice.application, "application")
    account = form.choice("account", UUID, required=False)
    return {
        "customer_id": _customer_id(choice),
        "iccid": iccid,
        "msisdn": msisdn,
        "tariff": choice.tariff,
        "options": choice.options,
        "account_id": AccountId(account) if account else None,
        "policy": form.text("policy"),
        "application_id": ApplicationId(application) if application else None,
        "requested_activation": form.date("requested_activation", required=False),
        "reservation": choice.reservation,
    }


def _step(
    request: Visit,
    crm: Crm,
    choice: Choice,
    step: str,
    form: Form,
    *,
    fragment: str | None = None,
    **more: Any,
) -> Response[bytes]:
    """
    Show a step before there is a draft, with what was chosen so far beside it.

    Of a customer who was merged meanwhile it goes on with the survivor.
    """
    customer = _customer(request, crm, choice)
    if customer and customer.merged_into:
        return _to_survivor(request, crm, choice, customer)
    urls = {name: choice.url(name) for name, __ in STEPS[1:4]}
    told = {
        "form": form,
        "choice": choice,
        "action": choice.url(step),
        "steps": steps_shown(step, {**urls, "customer": choice.anew}),
        **_summary(request, crm, choice, customer),
    }
    return page(
        request,
        f"console/contracts/new_{step}.html",
        fragment=fragment,
        status=200 if form.ok else form.status,
        **{**told, **more},
    )


def _to_survivor(request: Visit, crm: Crm, choice: Choice, merged: Customer) -> Response[bytes]:
    (survivor,) = crm.customers.living([merged])
    onward = choice.url("number", customer=str(survivor.id), reservation="")
    words = _("The customer was merged, the sale goes on with the one who stays")
    return redirect(request, onward, toast=Toast(f"{words}: {survivor.name}", "warn"))


def _summary(request: Visit, crm: Crm, choice: Choice, customer: Customer | None) -> dict[str, Any]:
    """Return what stands beside a step: who signs, what was chosen so far, and what it costs."""
    known = [customer.id] if customer else []
    plan, fees = _quoted(crm, choice)
    kept = _kept(crm, choice)
    return {
        "customer": customer,
        "paper": _paper(customer),
        "debts": [debt for one in _owing(request, crm, known).values() for debt in one],
        "plan": plan,
        "once": once_due(fees),
        "due": total_due(fees),
        "price": kept[1].price if kept else None,
        "tariff": crm.catalog.tariff(choice.tariff) if choice.tariff else None,
        "kept_until": _kept_until(crm, choice, kept),
    }


def _owing(
    request: Visit, crm: Crm, customers: Sequence[CustomerId]
) -> dict[CustomerId, list[AccountState]]:
    """Return the accounts of some customers that are in debt, for who may see accounts."""
    if not customers or not request.may(Area.ACCOUNTS):
        return {}
    return {one: in_debt(states) for one, states in crm.accounts.states_of(customers).items()}


def _quoted(crm: Crm, choice: Choice) -> tuple[Plan | None, tuple[Charge, ...]]:
    """Return what is chosen with its prices, and what is due at the activation."""
    if not choice.tariff:
        return None, ()
    number = choice.kept[1] if choice.kept else None
    try:
        return crm.contracts.quote(tariff=choice.tariff, options=choice.options, msisdn=number)
    except (
        InvalidValue,
        NotOnSale,
        OptionsIncompatible,
    ):  # which the draft is refused for, in words
        return None, ()


def _kept(crm: Crm, choice: Choice) -> tuple[Sim, Number] | None:
    if choice.kept is None:
        return None
    iccid, msisdn = choice.kept
    return crm.inventory.sim(iccid), crm.inventory.number(msisdn)


def _kept_until(crm: Crm, choice: Choice, kept: tuple[Sim, Number] | None) -> datetime | None:
    """Return how long the card and the number are kept; None where they are not, or no more."""
    if kept is None:
        return None
    now = crm.clock()
    ends = [one.reserved_until for one in kept if one.reserved_for == choice.reservation]
    until = [end for end in ends if end is not None and end > now]
    return min(until) if len(until) == len(kept) else None


def _paper(customer: Customer | None) -> IdentityDocument | None:
    """Return the identity document that lasts longest; None for nobody, or who has none."""
    papers = customer.documents if customer else ()
    return max(papers, key=lambda one: one.valid_until or date.max, default=None)


def _customer(request: Visit, crm: Crm, choice: Choice) -> Customer | None:
    if not choice.customer or not request.may(Area.CUSTOMERS):
        return None
    return crm.customers.get(_customer_id(choice))


def _customer_id(choice: Choice) -> CustomerId:
    return CustomerId(_id_of(choice.customer, "customer"))


def _id_of(raw: str, thing: str) -> UUID:
    try:
        return UUID(raw)
    except ValueError:
        raise NotFound(thing, raw[:40]) from None
