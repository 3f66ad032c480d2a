"""Settings in the console: every kind of rules by one form, the operator's look, a live test."""

import html
import re
from importlib.metadata import version

import attrs
import pytest

import telecom_crm
from telecom_crm.application.ports import Query
from telecom_crm.application.rules import BRAND, DEDUPLICATION, SLA, TEMPLATES, VALIDATION
from telecom_crm.domain.deduplication import Match
from telecom_crm.domain.self_care import DEFAULT_OFFERED, Section
from telecom_crm.domain.validation import CustomerField
from telecom_crm.entrypoints.http.app import create_app
from telecom_crm.entrypoints.http.web.console.ruled import SHEETS, sheets_of
from tests.integration.test_web import HTMX, Site, admin, site, submit, token_on
from tests.people import QUICK, hire

__all__ = ["admin", "site"]

PATH = "/console/settings"
FIELD = re.compile(
    r"<input (?P<input>[^>]*)>|<textarea (?P<area>[^>]*)>\n?(?P<text>.*?)</textarea>", re.DOTALL
)
SELECT = re.compile(r'<select [^>]*name="([^"]+)"[^>]*>(.*?)</select>', re.DOTALL)


def fields_of(page: str) -> dict[str, list[str]]:
    """Return what a browser would send of the page's last form."""
    sent: dict[str, list[str]] = {}
    for found in FIELD.finditer(page.rpartition("<main")[2].partition("</main>")[0]):
        given = dict(re.findall(r'([\w-]+)="([^"]*)"', found["input"] or found["area"]))
        if given.get("type") == "checkbox" and " checked" not in found["input"]:
            continue
        value = given.get("value", "") if found["area"] is None else found["text"]
        sent.setdefault(given["name"], []).append(html.unescape(value))
    for name, options in SELECT.findall(page):
        sent[name] = re.findall('<option value="([^"]*)" selected', options)
    return sent


def put(client, path: str, **changes):
    fields = fields_of(client.get(path).text)
    return client.post(path, data={**fields, **changes})


@pytest.mark.parametrize(
    "slug", [*SHEETS, "payments", "policy-prepaid", "policy-postpaid", "message-PaymentConfirmed"]
)
def test_rules_that_are_sent_as_they_are_shown_stay_as_they_are(site, admin, slug):
    sheet = sheets_of(site.crm)[slug]
    before, version = sheet.filled(site.crm), site.crm.rules.version(sheet.kind)
    done = put(admin, f"{PATH}/{slug}")
    assert done.status_code == 303, done.text
    after = sheet.filled(site.crm)
    for box in sheet.boxes:
        assert after.all(box.name) == before.all(box.name), box.name
    assert site.crm.rules.version(sheet.kind) == version + 1
    late = put(admin, f"{PATH}/{slug}", version=str(version))
    assert late.status_code == 409, "what somebody changed in between is not overwritten"


def test_each_kind_is_changed_and_tells_its_faults(site, admin):
    path = f"{PATH}/deduplication"
    assert put(admin, path, **{"weights.phone": "", "suspect_from": "70"}).status_code == 303
    rules = site.crm.rules.deduplication()
    assert (Match.PHONE in rules.weights, rules.suspect_from) == (False, 70)
    odd = put(admin, path, **{"weights.phone": "many", "name_likeness": "7"})
    assert odd.status_code == 422
    assert 'href="#f-weights.phone"' in odd.text
    path = f"{PATH}/service-levels"
    done = put(admin, path, **{"hours.0": "9:00-13:00, 14:00-18:00", "hours.6": "",
                               "holidays": "21.03.2027\n31.08.2027"})  # fmt: skip
    assert done.status_code == 303
    calendar = site.crm.rules.service_levels().calendar
    assert (len(calendar.hours[0]), 6 in calendar.hours, len(calendar.holidays)) == (2, False, 2)
    odd = put(admin, path, **{"hours.1": "all day", "holidays": "soon", "zone": "Nowhere"})
    for field in ("hours.1", "holidays"):
        assert f'href="#f-{field}"' in odd.text
    path, digits = f"{PATH}/validation", "9" * 14
    done = put(admin, path, **{"required.person": ["phone"], "national_id_formats": digits})
    assert done.status_code == 303
    rules = site.crm.rules.validation()
    assert CustomerField.PHONE in next(iter(rules.required.values()))
    assert rules.national_id_formats == (digits,)
    site.crm.rules.put_validation(type(rules)())


def test_a_policy_and_the_limits_of_payments_are_changed(site, admin):
    path = f"{PATH}/policy-prepaid"
    beside = site.crm.rules.policy("postpaid")
    before = site.crm.rules.policy("prepaid")
    fields = {"credit_limit": "1 500,50", "low_balance": "", "sims_per_person": "",
              "cycle_day": "5", "proration": "fixed_30"}  # fmt: skip
    assert put(admin, path, **fields).status_code == 303
    policy = site.crm.rules.policy("prepaid")
    assert (policy.credit_limit.amount, policy.low_balance) == ("1500.50", None)
    assert (policy.sims_per_person, policy.cycle_day.day) == (None, 5)
    assert (policy.proration.value, policy.version) == ("fixed_30", before.version + 1)
    assert site.crm.rules.policy("postpaid") == beside
    odd = put(admin, path, credit_limit="much")
    assert 'href="#f-credit_limit"' in odd.text
    odd = put(admin, path, **{"promise_days": "0", "cycle_day": "40", "tax.percent": "-1"})
    for field in ("promise_days", "cycle_day", "tax.percent"):
        assert f'href="#f-{field}"' in odd.text, field
    path = f"{PATH}/payments"
    assert put(admin, path, smallest="10", largest="50 000", tolerance="1").status_code == 303
    [limits] = site.crm.rules.regulations().payment_limits
    assert (limits.smallest.amount, limits.largest.amount) == ("10.00", "50000.00")
    odd = put(admin, path, smallest="10", largest="5")
    assert 'href="#f-largest"' in odd.text
    assert put(admin, path, smallest="", largest="", tolerance="").status_code == 303
    assert site.crm.rules.regulations().payment_limits == ()
    page = admin.get(f"{PATH}/policy-prepaid").text
    assert re.search('<option value="fixed_30" selected', page)


def test_the_words_of_a_message_are_tried_changed_and_sent(site, admin, capsys):
    path, version = f"{PATH}/message-ContractActivated", site.crm.rules.version(TEMPLATES)
    fields = fields_of(admin.get(path).text)
    typed = {**fields, "en.subject": "Hello", "en.body": "$contract runs"}
    part = admin.post(f"{path}/preview", data=typed, headers=HTMX)
    assert ("C-00000042 runs" in part.text, "<h1" in part.text) == (True, False)
    wrong = admin.post(f"{path}/preview", data={**typed, "ru.body": "$name", "ky.subject": "$"})
    assert wrong.status_code == 422
    assert 'href="#f-ru.body"' in wrong.text
    assert 'href="#f-ky.subject"' in wrong.text
    sent = admin.post(f"{path}/send", data={**typed, "to": "+996555123456", "language": "en"})
    assert (sent.status_code, "Sent" in sent.text) == (200, True)
    assert "to +996555123456 | Hello: C-00000042 runs" in capsys.readouterr().out
    assert admin.post(f"{path}/send", data={**typed, "to": "", "language": "en"}).status_code == 422
    (line,) = site.crm.audit.page(Query(where={"action": "message.sample"})).items
    assert (line.thing_id, line.detail) == ("ContractActivated", "en")
    assert "996555" not in repr(line)
    assert site.crm.rules.version(TEMPLATES) == version, "tried, and not kept"
    others = {(one.event, one.language): one for one in site.crm.rules.templates()}
    assert put(admin, path, **{"en.body": "$contract runs"}).status_code == 303
    kept = {(one.event, one.language): one for one in site.crm.rules.templates()}
    assert kept["ContractActivated", "en"].body == "$contract runs"
    assert kept == {**others, ("ContractActivated", "en"): kept["ContractActivated", "en"]}
    assert admin.post(f"{PATH}/validation/preview", data=fields).status_code == 404
    site.crm.rules.put_templates(list(others.values()))


def test_a_policy_is_added_with_the_terms_of_another_and_removed(site, admin):
    path = f"{PATH}/policies"
    fields = {"id": "night", "name": "Night", "like": "prepaid"}
    done = put(admin, f"{path}/new", **fields)
    assert (done.status_code, done.headers["location"]) == (303, f"{PATH}/policy-night")
    made, like = (site.crm.rules.policy(one) for one in ("night", "prepaid"))
    assert made == attrs.evolve(like, id="night", name="Night", version=1)
    for odd in ({"id": "prepaid"}, {"id": "A B"}, {"id": ""}):
        wrong = put(admin, f"{path}/new", **{**fields, **odd})
        assert (wrong.status_code, 'href="#f-id"' in wrong.text) == (422, True), odd
    assert put(admin, f"{path}/new", **{**fields, "id": "n2", "like": "x"}).status_code == 404
    asked = admin.get(f"{path}/remove?policy=night").text
    assert re.search('<option value="night" selected', asked)
    assert put(admin, f"{path}/remove", policy="night").status_code == 303
    assert "night" not in [one.id for one in site.crm.rules.policies()]
    assert put(admin, f"{path}/remove", policy="night").status_code == 404
    policies = site.crm.rules.policies()
    site.crm.rules.put_policies(policies[:1])
    last = put(admin, f"{path}/remove", policy=policies[0].id)
    assert (last.status_code, "least one" in last.text) == (409, True)
    site.crm.rules.put_policies(policies)


def test_two_people_are_compared_by_what_is_typed_and_nothing_is_kept(site, admin):
    path = f"{PATH}/deduplication"
    version = site.crm.rules.version(DEDUPLICATION)
    fields = fields_of(admin.get(path).text)
    same = {f"{who}_{name}": value for who in "ab" for name, value in
            {"name": "Асанов Азамат", "birth_date": "12.03.1995"}.items()}  # fmt: skip
    typed = {**fields, **same, "weights.name_and_birth_date": "77"}
    tried = admin.post(f"{path}/try", data=typed)
    assert "Suspected, with 77 of 100 points" in tried.text
    assert re.search('name="weights.name_and_birth_date"[^>]* value="77"', tried.text)
    part = admin.post(f"{path}/try", data={**typed, "exact": ["name_and_birth_date"]}, headers=HTMX)
    assert ("The same person" in part.text, "<h1" in part.text) == (True, False)
    other = admin.post(f"{path}/try", data={**typed, "b_birth_date": "13.03.1995"})
    assert "Not suspected" in other.text
    assert admin.post(f"{path}/try", data={**typed, "b_birth_date": "x"}).status_code == 422
    assert site.crm.rules.version(DEDUPLICATION) == version


def test_name_and_hue_are_seen_at_once_on_every_page(site, admin):
    path = f"{PATH}/operator"
    assert "/brand.css" not in admin.get(PATH).text
    assert "/brand.css?hue=150" in admin.get(f"{path}?hue=150").text, "seen before it is kept"
    assert put(admin, path, name="Ala-Too Mobile", hue="28").status_code == 303
    guest = site.browser()
    for client, where in ((admin, PATH), (guest, "/login"), (guest, "/my/login")):
        page = client.get(where).text
        assert ("Ala-Too Mobile" in page, "/brand.css?hue=28" in page) == (True, True), where
    sheet = guest.get("/brand.css?hue=28")
    assert sheet.text == ":root{--brand-h:28}"
    assert sheet.headers["content-type"].startswith("text/css")
    assert guest.get("/brand.css?hue=red;}").status_code in (400, 422)
    assert put(admin, path, name="", hue="360").status_code == 422
    assert site.crm.rules.version(BRAND) == 1
    assert put(admin, path, name="", hue="268").status_code == 303


def test_what_is_fixed_says_where_and_who_may_only_look_cannot_save(site, admin):
    page = admin.get(PATH).text
    assert '<dd class="font-medium">KGS</dd>' in page
    assert "TELECOM_CRM_" not in page
    assert "<dt>Database</dt><dd>In memory</dd>" in page
    assert "<dt>Work that waits for it</dt><dd>—</dd>" in page, "nothing to tell in memory"
    assert "<dt>Contracts</dt><dd>C-00000001</dd>" in page
    assert "<dt>Cash desk</dt><dd>Taken on the spot, booked at once</dd>" in page
    assert "<dt>Imported files, once they are done</dt><dd>30 days</dd>" in page
    assert "<dt>Counted tries to sign in</dt><dd>1 day</dd>" in page
    assert f"<dt>Version</dt><dd>{version('telecom-crm')}</dd>" in page
    auditor = site.browser("auditor")
    assert "Save" not in auditor.get(f"{PATH}/service-levels").text.partition("<main")[2]
    versions = {kind: site.crm.rules.version(kind) for kind in (SLA, VALIDATION)}
    denied = auditor.post(f"{PATH}/service-levels", data={"csrf": token_on(auditor, "/prefs")})
    assert denied.status_code == 403
    assert site.browser("cashier").get(PATH).status_code == 403
    assert {kind: site.crm.rules.version(kind) for kind in versions} == versions
    assert admin.get(f"{PATH}/spoons").status_code == 404


def test_pages_of_a_demo_say_so_and_those_of_an_operator_do_not(site, admin, monkeypatch):
    bar = "Everybody here is made up"
    for browser, path in ((site.browser(), "/login"), (site.browser(), "/my/login")):
        page = browser.get(path).text
        assert (bar in page, "Reset demo" in page) == (True, False), path
    assert "Reset demo" not in site.browser("cashier").get("/console").text
    assert f'href="{PATH}#demo">Reset demo' in admin.get("/console").text
    assert "telecom-crm demo reset" in admin.get(PATH).text
    monkeypatch.setenv("TELECOM_CRM_CALLED_AS", "./crm")
    assert ">./crm demo reset" in admin.get(PATH).text
    with telecom_crm.in_memory(passwords=QUICK) as crm:
        hire(crm)
        other = Site(create_app(crm), crm)
        assert bar not in other.browser().get("/login").text
        assert "demo reset" not in other.browser("admin").get(PATH).text


def test_sections_of_self_care_are_switched_off_and_on(site, admin):
    path = f"{PATH}/self-care"
    page = admin.get(path).text
    version = re.search(r'name="version" value="(\d+)"', page)
    assert version
    done = submit(
        admin,
        path,
        path,
        version=version[1],
        on=[one.value for one in Section if one is not Section.SUPPORT],
    )
    assert done.status_code == 303
    assert site.crm.rules.offered().off == {Section.SUPPORT}
    assert site.browser().get("/my/tickets").status_code == 404
    page = admin.get("/console/audit?thing=rules&thing_id=self_care").text
    assert "Switched off" in page
    late = submit(admin, path, path, version=version[1])
    assert late.status_code == 409
    now = re.search(r'name="version" value="(\d+)"', admin.get(path).text)
    assert now
    every = [one.value for one in Section]
    assert submit(admin, path, path, version=now[1], on=every).status_code == 303
    assert site.crm.rules.offered() == DEFAULT_OFFERED
