"""API tokens and the audit log in the console."""

import html
import re

from telecom_crm.domain.role import Action, Area
from tests.integration.test_web import admin, site, submit

__all__ = ["admin", "site"]

PATH = "/console/tokens"


def test_a_token_is_made_shown_once_narrowed_and_revoked(site, admin):
    asked = f"{PATH}/new"
    fields = {"name": "Web shop", "role": "cashier", "expires_at": "01.01.2099"}
    shown = submit(admin, asked, asked, **fields, scopes="payments:read")
    found = re.search(r'id="f-secret" value="([^"]+)"', shown.text)
    assert found, shown.text
    secret = html.unescape(found[1])
    visitor = site.crm.access.visitor(secret)
    assert visitor.may(Area.PAYMENTS, Action.READ)
    assert not visitor.may(Area.PAYMENTS, Action.WRITE)
    token = site.crm.access.authenticate(secret)
    base = f"{PATH}/{token.id}"
    assert base in admin.get(PATH).text
    assert secret not in admin.get(base).text
    assert submit(admin, base, f"{base}/revoke").status_code == 303
    assert site.crm.access.visitor(secret) is None
    assert f"{base}/revoke" not in admin.get(base).text


def test_every_fault_of_a_token_is_told_and_ticks_are_kept(admin):
    asked = f"{PATH}/new"
    odd = submit(
        admin, asked, asked, name="", role="cashier", expires_at="soon", scopes="tickets:read"
    )
    assert odd.status_code == 422
    for field in ("name", "expires_at"):
        assert f'href="#f-{field}"' in odd.text
    assert re.search(r'value="tickets:read"[^>]* checked', odd.text)
    past = submit(admin, asked, asked, name="Old", role="cashier", expires_at="01.01.2001")
    assert past.status_code == 422
    nonsense = submit(admin, asked, asked, name="New", role="cashier", scopes="everything:always")
    assert nonsense.status_code == 422


def test_refusals_are_in_the_audit_and_found_by_a_filter(site, admin):
    assert site.browser("support").get(PATH).status_code == 403
    page = admin.get("/console/audit?action=refused read tokens").text
    assert "refused read tokens" in page
    assert "support" in page
    assert "Nothing written down" in admin.get("/console/audit?thing=spoon").text
    assert site.browser("operator").get("/console/audit").status_code == 403
