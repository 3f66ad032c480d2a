"""Roles in the console: copied, changed, given to somebody, and deleted."""

import re
from decimal import Decimal

import pytest

from telecom_crm.domain.role import BUILT_IN_ROLES, Action, Area, Limit
from telecom_crm.domain.user import UserStatus
from tests.integration.test_web import admin, site, submit
from tests.people import PASSWORD

__all__ = ["admin", "site"]

PATH = "/console/roles"
LIMITS = {
    "limits.payment": "",
    "limits.promise": "500",
    "limits.refund": "1 500,50",
    "limits.adjustment": "0",
}


def made(admin, name: str, **fields):
    """Make a role, which sees customers unless told otherwise."""
    given = {"title": "Dealer", "name": name, "grants": "customers:read", **LIMITS}
    done = submit(admin, f"{PATH}/new", f"{PATH}/new", **given | fields)
    assert done.status_code == 303, done.text
    return f"{PATH}/{name}"


def version_on(admin, path: str) -> str:
    found = re.search(r'name="version" value="(\d+)"', admin.get(path).text)
    assert found, path
    return found[1]


def test_a_role_is_made_shown_everywhere_by_its_title_changed_and_deleted(site, admin):
    base = made(admin, "dealer", title="Dealer of the south")
    role = site.crm.rules.role("dealer")
    assert (dict(role.limits), role.grants) == (
        {
            Limit.PAYMENT: None,
            Limit.PROMISE: Decimal(500),
            Limit.REFUND: Decimal("1500.50"),
            Limit.ADJUSTMENT: Decimal(0),
        },
        {Area.CUSTOMERS: frozenset({Action.READ})},
    )
    user, _ = site.crm.users.invite(login="south", name="Nurlan", role="dealer")
    token = site.crm.access.create_token(name="South shop", role="dealer")[0]
    pages = (
        PATH,
        base,
        "/console/users",
        f"/console/users/{user.id}",
        f"/console/tokens/{token.id}",
    )
    for path in pages:
        assert "Dealer of the south" in admin.get(path).text, path
    assert "Nurlan" in admin.get("/console/users?role=dealer").text
    assert "Nurlan" not in admin.get("/console/users?role=cashier").text
    assert "South shop" not in admin.get("/console/tokens?role=cashier").text
    fields = {"title": "Dealers", "grants": "payments:read", **LIMITS, "limits.refund": ""}
    shown = version_on(admin, f"{base}/edit")
    done = submit(admin, f"{base}/edit", f"{base}/edit", version=shown, **fields)
    assert done.status_code == 303
    assert site.crm.rules.role("dealer").limits[Limit.REFUND] is None
    assert "Dealers" in admin.get(f"/console/users/{user.id}").text, "a title changes at once"
    late = submit(admin, f"{base}/edit", f"{base}/edit", version=shown, **fields)
    assert late.status_code == 409, "what somebody changed in between is not overwritten"
    shown = version_on(admin, f"{base}/delete")
    used = submit(admin, f"{base}/delete", f"{base}/delete", version=shown)
    assert (used.status_code, "Somebody still has the role dealer" in used.text) == (409, True)
    site.crm.access.revoke(token.id)
    site.crm.users.remove(user.id, reason="left")
    gone = submit(admin, f"{base}/delete", f"{base}/delete", version=shown)
    assert (gone.status_code, gone.headers["location"]) == (303, PATH)
    assert admin.get(base).status_code == 404


def test_a_built_in_role_is_copied_and_nothing_else(site, admin):
    page = admin.get(f"{PATH}/cashier").text
    assert f"{PATH}/new?of=cashier" in page
    assert f"{PATH}/cashier/edit" not in page
    copy = admin.get(f"{PATH}/new?of=cashier").text
    assert "<h1" in copy
    assert re.search(r"Copy of a role</h1>\s*<p[^>]*>Cashier<", copy)
    odd = submit(admin, f"{PATH}/new?of=cashier", f"{PATH}/new?of=cashier", title="", name="")
    assert (odd.status_code, "Copy of a role" in odd.text) == (422, True)
    assert re.search(r'value="payments:write"[^>]* checked', copy)
    assert not re.search(r'value="payments:approve"[^>]* checked', copy)
    fields = {"title": "Mine", "version": "0", **LIMITS}
    for command in ("edit", "delete"):
        path = f"{PATH}/cashier/{command}"
        refused = submit(admin, f"{PATH}/new", path, **fields)
        assert (refused.status_code, "is built in" in refused.text) == (409, True), command
    assert site.crm.rules.role("cashier") == BUILT_IN_ROLES["cashier"]


@pytest.mark.parametrize(
    ("fields", "wrong"),
    [
        ({"title": ""}, "title"),
        ({"name": "Not a code"}, "name"),
        ({"name": "cashier"}, "name"),
        ({"limits.promise": "much"}, "limits.promise"),
    ],
)
def test_every_fault_of_a_role_is_told_and_ticks_are_kept(site, admin, fields, wrong):
    given = {"title": "T", "name": "fine", "grants": "tickets:read", **LIMITS, **fields}
    odd = submit(admin, f"{PATH}/new", f"{PATH}/new", **given)
    label = {"title": "Title", "name": "Code", "limits.promise": "Grants a promised payment up to"}
    told = re.search(rf'href="#f-{wrong}">([^<]+)', odd.text)
    assert odd.status_code == 422
    assert told
    assert told[1].startswith(f"{label[wrong]}: "), "a line begins with its field's label"
    assert re.search(r'value="tickets:read"[^>]* checked', odd.text)
    assert "fine" not in {role.name for role in site.crm.rules.roles()}


def test_who_may_only_look_is_offered_nothing_to_do(site):
    auditor = site.browser("auditor")
    assert f"{PATH}/new" not in auditor.get(PATH).text
    assert f"{PATH}/new" not in auditor.get(f"{PATH}/cashier").text
    assert site.browser("cashier").get(PATH).status_code == 403


def test_counts_are_of_who_works_here(site, admin):
    cashiers = site.crm.users.each(role="cashier")
    active = [one for one in cashiers if one.status is UserStatus.ACTIVE]
    row = re.search(r'href="/console/users\?role=cashier[^>]*>(\d+)<', admin.get(PATH).text)
    assert row
    assert int(row[1]) == len(active)


def test_who_may_less_is_told_that_they_cannot_grant_more(site, admin):
    made(admin, "keeper", title="Keeper", grants=["users:write", "users:read", "tokens:write"])
    _, secret = site.crm.users.invite(login="keeper", name="Keeper", role="keeper")
    site.crm.users.accept(secret, password=PASSWORD)
    cashier = site.crm.users.known_as("cashier")
    keeper, page = site.browser("keeper"), f"/console/users/{cashier.id}"
    copy = {"title": "More", "name": "more", "grants": "audit:read", **LIMITS}
    for shown, to, fields in (
        ("/console/users/new", "/console/users/new", {"login": "b2", "name": "B", "role": "admin"}),
        (page, f"{page}/role", {"role": "admin", "version": version_on(keeper, page)}),
        (f"{page}/reset", f"{page}/reset", {"version": str(cashier.version)}),
        (
            "/console/tokens/new",
            "/console/tokens/new",
            {"name": "wide", "role": "admin", "everything": "true"},
        ),
        (f"{PATH}/new", f"{PATH}/new", copy),
        (f"{PATH}/keeper/edit", f"{PATH}/keeper/edit", copy),
    ):
        refused = submit(keeper, shown, to, **fields)
        assert (refused.status_code, to) == (403, to)
        assert "You cannot grant what you may not do yourself" in refused.text, to


def test_a_role_is_shown_with_the_navigation_that_its_members_see(admin):
    def seen(role: str) -> str:
        page: str = admin.get(f"{PATH}/{role}").text
        return page.partition("What it sees in the console")[2].partition("</section>")[0]

    cashier, support = map(seen, ("cashier", "support"))
    assert "Payments" in cashier
    assert "Tickets" not in cashier, "a cashier has none"
    assert "Tickets" in support


def test_a_limit_that_is_typed_is_saved_whatever_the_role_began_with(site, admin):
    form = admin.get(f"{PATH}/new").text
    assert "Empty: any amount" in form
    given = {"title": "Till", "name": "till", "grants": "payments:write"}
    amounts = {f"limits.{limit}": "" for limit in Limit} | {"limits.payment": "1000"}
    assert submit(admin, f"{PATH}/new", f"{PATH}/new", **given, **amounts).status_code == 303
    assert site.crm.rules.role("till").limits[Limit.PAYMENT] == Decimal(1000)
    page = admin.get(f"{PATH}/till").text
    assert "KGS\u00a01,000.00" in page
