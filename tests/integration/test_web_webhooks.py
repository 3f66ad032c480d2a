"""Webhooks in the console: registered with a secret shown once, paused, sent again, removed."""

import html
import re

from telecom_crm.domain.lifecycle import SYSTEM
from telecom_crm.domain.webhook import WebhookStatus
from tests.integration.test_web import admin, site, submit

__all__ = ["admin", "site"]

PATH = "/console/webhooks"
URL = "https://example.org/events"


def registered(site, admin, **fields):
    """Register a webhook by the form; return it, and the page that shows its secret."""
    asked = f"{PATH}/new"
    shown = submit(admin, asked, asked, url=URL, **fields)
    assert shown.status_code == 200, shown.text
    return [*site.crm.webhooks.each()][-1], shown.text


def test_a_webhook_is_registered_with_a_secret_that_is_shown_once(site, admin):
    hook, shown = registered(site, admin, events=["PaymentConfirmed", "TicketClosed"])
    found = re.search(r'id="f-secret" value="([^"]+)"', shown)
    assert found
    assert html.unescape(found[1]) == hook.secret
    assert hook.wanted == ("PaymentConfirmed", "TicketClosed")
    page, listed = admin.get(f"{PATH}/{hook.id}").text, admin.get(PATH).text
    assert hook.secret not in page + listed
    assert "Payment received" in page or "Payment confirmed" in page, "events are told in words"
    assert f"{PATH}/{hook.id}" in listed


def test_a_webhook_is_paused_sent_to_again_and_removed(site, admin):
    hook, _ = registered(site, admin)
    base = f"{PATH}/{hook.id}"
    assert "All events" in admin.get(base).text
    for command, status in (
        ("pause", WebhookStatus.PAUSED),
        ("resume", WebhookStatus.ACTIVE),
        ("remove", WebhookStatus.REMOVED),
    ):
        assert f"{base}/{command}" in admin.get(base).text
        version = str(site.crm.webhooks.get(hook.id).version)
        done = submit(admin, f"{base}/{command}", f"{base}/{command}", reason="x", version=version)
        assert done.status_code == 303, command
        assert site.crm.webhooks.get(hook.id).status is status
    gone = admin.get(base).text
    assert f"{base}/resume" not in gone
    assert base in admin.get(f"{PATH}?status=removed").text
    assert base not in admin.get(f"{PATH}?status=active").text


def test_what_did_not_arrive_is_told(site, admin):
    hook, _ = registered(site, admin)
    with site.crm.uow() as tx:
        at = site.crm.clock()
        tx.webhooks.save(hook.fail(reason="answered 500", by=SYSTEM, at=at))
    shown = admin.get(f"{PATH}/{hook.id}").text
    assert "The last delivery did not arrive" in shown
    assert "answered 500" in shown


def test_an_address_that_is_none_is_told_and_ticks_are_kept(site, admin):
    asked = f"{PATH}/new"
    odd = submit(
        admin, asked, asked, url="ftp://example.org/", events="TicketClosed", from_start="true"
    )
    assert odd.status_code == 422
    assert 'href="#f-url"' in odd.text
    assert re.search(r'value="TicketClosed"[^>]* checked', odd.text)


def test_webhooks_are_for_those_who_run_the_service(site):
    operator = site.browser("operator")
    assert operator.get(PATH).status_code == 403
    assert PATH not in operator.get("/console").text
