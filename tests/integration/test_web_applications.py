"""Applications in the console: found, approved, asked about, taken, registered and ended."""

import re
from html import unescape
from typing import Any

import attrs
import pytest

from telecom_crm.application.ports import Query
from telecom_crm.domain.application import Application, ApplicationKind, Channel
from telecom_crm.domain.identifiers import ApplicationId
from telecom_crm.domain.lifecycle import Actor
from telecom_crm.entrypoints.http.web import kyc
from tests.integration.http_service import nowhere
from tests.integration.test_web import HTMX, Site, admin, site, submit, token_on

__all__ = ["admin", "site"]

PATH = "/console/applications"
PNG = b"\x89PNG\r\n\x1a\n"
RAW = {
    "full_name": "Усенов Айбек",
    "phone": "+996555111222",
    "birth_date": "1990-05-06",
    "national_id": "20605199000123",
    "document_type": "passport",
    "document_number": "AN7654321",
    "consents": ["personal_data"],
}


def captured(site: Site, number: int, **more: Any) -> Application:
    own = {"national_id": f"2060519900{number:04}", "document_number": f"AN{number:07}"}
    own |= {"full_name": f"Усенов Айбек {number}", "phone": f"+99655511{number:04}"}
    return site.crm.intake.capture(
        kind=ApplicationKind.NEW_CONNECTION,
        channel=Channel.CONSOLE,
        raw={**RAW, **own, **more},
        scans={"scan_front": [PNG + bytes(str(number), "ascii")]},
    )


def version_on(client: Any, path: str) -> str:
    found = re.search(r'name="version" value="(\d+)"', client.get(path).text)
    assert found, path
    return found[1]


def do(client: Any, application: Application, end: str, **fields: Any) -> Any:
    path = f"{PATH}/{application.id}"
    return submit(client, path, f"{path}/{end}", version=version_on(client, path), **fields)


def now(site: Site, application: Application) -> Application:
    return site.crm.intake.get(ApplicationId(application.id))


def test_an_application_goes_from_capture_to_a_customer_and_its_end(site, admin):
    one = captured(site, 1)
    assert do(admin, one, "ask", reason="").status_code == 422
    assert do(admin, one, "ask", reason="Which street?").status_code == 303
    assert "Which street?" in admin.get(f"{PATH}/{one.id}").text
    site.crm.intake.supply(one.id, raw={"street": "Чүй 1"})
    for end, fields, status in (
        ("validate", {}, "validated"),
        ("claim", {}, "in_progress"),
        ("hold", {"reason": "waits for a scan"}, "on_hold"),
        ("release", {}, "in_progress"),
        ("register", {}, "in_progress"),
        ("unclaim", {}, "validated"),
        ("claim", {}, "in_progress"),
        ("complete", {"outcome": "sold"}, "completed"),
    ):
        assert do(admin, one, end, **fields).status_code == 303, end
        assert now(site, one).status == status
        page = admin.get(f"{PATH}/{one.id}").text
        customer = now(site, one).customer_id
        sells = f"/console/contracts/new?application={one.id}&amp;customer={customer}"
        assert (sells in page) is (now(site, one).customer_id is not None and status != "completed")
        if end == "register":
            chosen = re.findall(r'<a class="btn" href="([^"]+)" data-kind="primary"', page)
            assert chosen == [sells], "what is done next stands out alone"
            asked = admin.get(f"{PATH}/{one.id}/complete").text
            assert "No contract came of it yet" in asked
    ended = now(site, one)
    customer = site.crm.customers.get(ended.customer_id)
    assert (customer.name, customer.addresses[0].street) == ("Усенов Айбек 1", "Чүй 1")
    page = admin.get(f"{PATH}/{one.id}").text
    assert f"/console/customers/{customer.id}" in page
    assert "sold" in page
    assert f'action="{PATH}/{one.id}/' not in page, "nothing is left to do"


def test_what_is_wanted_is_chosen_already_in_the_sale(site, admin):
    free = site.crm.inventory.on_offer(limit=1).items[0].msisdn
    wish = {"tariff": "MAX", "options": ["DATA10", "NONE"], "msisdn": str(free)}
    one = captured(site, 60, **wish)
    for end in ("validate", "claim", "register"):
        do(admin, one, end)
    page = admin.get(f"{PATH}/{one.id}").text
    begun = re.search(r'href="(/console/contracts/new[^"]+)"', page)
    assert begun, page
    at = admin.get(unescape(begun[1])).headers["location"]
    form = admin.get(at).text
    assert f'name="msisdn" value="{free.digits}" checked' in form
    card = re.search(r'name="card" value="(\d+)"', form)
    assert card
    kept = submit(admin, at, at, card=card[1], msisdn=free.digits)
    terms = admin.get(kept.headers["location"]).text
    assert 'name="tariff" value="MAX" checked' in terms
    assert re.search(r'value="DATA10"[^>]* checked', terms)
    assert "NONE" not in terms
    again = captured(site, 61, tariff="NONE", msisdn=str(free))
    for end in ("validate", "claim", "register"):
        do(admin, again, end)
    page = admin.get(f"{PATH}/{again.id}").text
    assert "The desired number is not free" in page, "it is kept for the first sale"
    begun = re.search(r'href="(/console/contracts/new[^"]+)"', page)
    assert begun, page
    assert "msisdn" not in begun[1]
    assert "tariff" not in begun[1]


def test_what_is_wrong_is_said_and_the_application_stays(site, admin):
    one = captured(site, 2, birth_date="1990", document_type="library card")
    page = admin.get(f"{PATH}/{one.id}").text
    assert "From 1900 to today" in page
    refused = do(admin, one, "validate")
    assert refused.status_code == 422
    assert "Choose the kind of document" in refused.text
    assert now(site, one).status == "captured"
    assert do(admin, one, "fly").status_code == 404
    path = f"{PATH}/{one.id}"
    assert submit(admin, path, f"{path}/complete", outcome="").status_code == 409
    stale = submit(admin, path, f"{path}/ask", reason="x", version="0")
    assert stale.status_code == 409


def test_secret_numbers_and_scans_are_shown_for_a_line_in_the_audit(site, admin):
    one = captured(site, 3)
    path = f"{PATH}/{one.id}"
    page = admin.get(path).text
    assert (now(site, one).raw["national_id"] in page, "AN0000003" in page) == (False, False)
    assert "/scans/" not in page
    opened = submit(admin, path, path).text
    assert (now(site, one).raw["national_id"] in opened, "AN0000003" in opened) == (True, True)
    where = re.search(rf'src="({path}/scans/[^"]+)"', opened)
    assert where
    scan = admin.get(where[1])
    assert (scan.content[:8], scan.headers["content-type"]) == (PNG, "image/png")
    with site.crm.intake.uow(read_only=True) as tx:
        looks = tx.audit.page(Query(where={"thing_id": str(one.id)})).items
    assert {line.action for line in looks} == {"application.scan", "application.identity"}
    support = site.browser("support")
    assert "Show numbers" not in support.get(path).text
    assert support.post(path, data={"csrf": token_on(support, "/prefs")}).status_code == 403
    assert support.get(where[1]).status_code == 403


def test_the_list_is_searched_filtered_and_gives_the_next(site):
    operator = site.browser("operator")
    waiting = captured(site, 4)
    site.crm.intake.validate(waiting.id)
    for query, found in (
        ("q=Айбек 4", True),
        ("q=0004", True),
        (f"q={waiting.number}", True),
        ("q=nobody", False),
        ("q=%00", False),
        ("status=validated", True),
        ("status=nonsense", True),
        ("status=rejected", False),
        ("q=0004&status=captured", False),
        ("claimed_by=operator", False),
    ):
        assert (waiting.number in operator.get(f"{PATH}?{query}", headers=HTMX).text) is found, (
            query
        )
    taken = submit(operator, PATH, f"{PATH}/claim")
    assert taken.headers["location"] == f"{PATH}/{waiting.id}"
    assert waiting.number in operator.get(f"{PATH}?claimed_by=operator").text
    while site.crm.intake.claim_next() is not None:
        continue
    assert submit(operator, PATH, f"{PATH}/claim").headers["location"] == PATH


def test_somebody_alike_is_linked_or_said_to_be_another(site, admin):
    known = site.customer
    one = captured(site, 5, phone=str(known.phone))
    path = f"{PATH}/{one.id}"
    page = admin.get(path).text
    assert known.name in page
    assert "The same phone" in page
    assert do(admin, one, "validate").status_code == 303
    another = do(admin, one, "duplicates", customer=str(known.id))
    assert another.status_code == 303
    assert known.id not in {left.customer_id for left in now(site, one).suspicions}
    assert do(admin, one, "duplicates", customer="x").status_code == 422
    two = captured(site, 6, phone=str(known.phone))
    assert do(admin, two, "duplicates", customer=str(known.id), same="true").status_code == 303
    assert now(site, two).customer_id == known.id


@pytest.mark.parametrize("raw", [{}, {"name": ["x"], "phone": 7, "consents": "all"}])
def test_an_application_that_says_little_is_shown_too(site, admin, raw):
    one = site.crm.intake.capture(kind=ApplicationKind.OTHER, channel=Channel.API, raw=raw)
    for path in (PATH, f"{PATH}/{one.id}"):
        assert "No name" in admin.get(path).text


def test_who_may_only_read_sees_no_way_to_change(site):
    one, auditor = captured(site, 7), site.browser("auditor")
    page = auditor.get(f"{PATH}/{one.id}").text
    assert one.number in page
    assert f'action="{PATH}' not in page
    assert "Take the next" not in auditor.get(PATH).text


def form_of(number: int, **fields: str) -> dict[str, str]:
    """Return what is typed for a person who nobody is like."""
    return {
        "customer_kind": "person",
        "last_name": "Турдубаева",
        "first_name": f"Мээрим {number}",
        "birth_date": f"{number % 28 + 1:02}.03.1981",
        "national_id": f"1 0303 1981 0{number:04}",
        "phone": f"+9967721100{number:02}",
        "document_type": "id_card",
        "document_number": f"ID{number:07}",
        "document_valid_until": "31.12.2034",
        "city": "Ош",
        "kind": "new_connection",
        "priority": "high",
        "consent": "true",
        "idempotency_key": f"new-{number}",
        **fields,
    }


NEW = f"{PATH}/new"


def send(client: Any, to: str, fields: dict[str, Any], **files: tuple[str, bytes]) -> Any:
    """Send a form with files."""
    fields = {"csrf": token_on(client, NEW), **fields}
    return client.post(to, data=fields, files=files or {"none": ("", b"")})


def test_an_office_takes_an_application_in_with_its_scans_once(site, admin):
    sent = form_of(1)
    scans = {"scan_front": ("face.png", PNG), "scan_back": ("back.pdf", b"%PDF-1.7")}
    first, again = (send(admin, NEW, sent, **scans) for _ in range(2))
    assert first.status_code == 303, first.text
    assert first.headers["location"] == again.headers["location"]
    [one] = site.crm.intake.search("Мээрим 1")
    assert (one.channel, one.priority, one.status) == ("console", "high", "captured")
    assert [scan.name for scan in one.scans] == ["scan_front", "scan_back"]
    assert one.raw["birth_date"] == "1981-03-02"
    assert one.raw["consents"] == ["personal_data"]
    page = admin.get(first.headers["location"]).text
    assert "Document, front" in page
    assert do(admin, one, "validate").status_code == 303
    assert do(admin, one, "register").status_code == 303
    customer = site.crm.customers.get(now(site, one).customer_id)
    assert (customer.name, customer.national_id) == ("Турдубаева Мээрим 1", "10303198100001")


@pytest.mark.parametrize(
    ("formats", "hint", "of_digits"),
    [
        (["9" * 14], "14 digits", True),
        (["9" * 9, "9" * 14], "999999999, 99999999999999", True),
        (["A9*"], "9 is a digit, A a letter, * either: A9*", False),
    ],
)
def test_a_national_id_is_asked_as_the_rules_have_it(site, admin, formats, hint, of_digits):
    known = site.crm.rules.validation()
    site.crm.rules.put_validation(attrs.evolve(known, national_id_formats=formats))
    for path in (f"{NEW}?kind=person", "/console/customers/new"):
        page = admin.get(path).text
        [field] = re.findall(r'<input [^>]*name="national_id"[^>]*>', page)
        assert ('inputmode="numeric"' in field) is of_digits
        assert hint in page
    site.crm.rules.put_validation(known)


def test_every_fault_is_told_at_once_and_what_was_typed_is_kept(admin):
    odd = dict.fromkeys(form_of(2), "") | {
        "last_name": "<b>",
        "birth_date": "5/6",
        "phone": "12",
        "email": "nobody",
        "document_number": "?",
        "document_valid_until": "soon",
    }
    answer = send(admin, NEW, odd, scan_front=("x.png", b"hello"))
    assert answer.status_code == 422
    for field in (
        *("first_name", "birth_date", "phone", "email", "document_type", "document_number"),
        *("document_valid_until", "consent", "kind", "priority"),
    ):
        assert f'href="#f-{field}"' in answer.text, field
    assert "&lt;b&gt;" in answer.text
    assert "Choose the files again" in answer.text
    wrong = send(admin, NEW, form_of(2), scan_front=("x.png", b"hello"))
    assert (wrong.status_code, 'href="#f-scan_front"' in wrong.text) == (422, True)
    large = PNG + bytes(10 * 1024**2)
    answer = send(admin, NEW, form_of(2), scan_back=("x.png", large))
    assert (answer.status_code, 'href="#f-scan_back"' in answer.text) == (422, True)


def test_who_is_alike_is_shown_before_anything_is_kept(site, admin):
    known = site.customer
    sent = form_of(3, phone=str(known.phone))
    asked = send(admin, NEW, sent)
    assert asked.status_code == 409
    assert f'href="/console/customers/{known.id}"' in asked.text
    assert site.crm.intake.search("Мээрим 3") == []
    done = send(admin, NEW, {**sent, "seen": str(known.id)})
    assert done.status_code == 303
    exact = form_of(4, document_number=known.documents[0].number)
    exact["document_type"] = known.documents[0].type.value
    answer = send(admin, NEW, exact)
    assert (answer.status_code, "They are a customer already" in answer.text) == (409, True)
    done = send(admin, NEW, {**exact, "seen": str(known.id)})
    [one] = site.crm.intake.search("Мээрим 4")
    assert do(admin, one, "validate").status_code == 303
    assert now(site, one).customer_id == known.id


def test_an_organisation_has_other_fields(site, admin):
    page = admin.get(f"{NEW}?kind=organisation").text
    assert ('id="f-organisation"' in page, 'id="f-last_name"' in page) == (True, False)
    fields = {**form_of(5), "customer_kind": "organisation"}
    odd = send(admin, NEW, fields)
    assert (odd.status_code, 'href="#f-organisation"' in odd.text) == (422, True)
    named = {"organisation": "ОсОО Ала-Тоо", "registration_number": "77", "contact_name": "Усен"}
    assert send(admin, NEW, {**fields, **named}).status_code == 303
    [one] = site.crm.intake.search("ала тоо")
    assert do(admin, one, "validate").status_code == 303
    assert do(admin, one, "register").status_code == 303
    customer = site.crm.customers.get(now(site, one).customer_id)
    assert (customer.kind, customer.registration_number) == ("organisation", "77")


def test_what_was_asked_for_is_supplied(site, admin):
    one = captured(site, 8)
    wrong = {"fields": ["scans", "street", "nothing of ours"]}
    assert do(admin, one, "ask", reason="the other side", **wrong).status_code == 303
    path = f"{PATH}/{one.id}/supply"
    page = admin.get(path).text
    assert page.count("To put right") == len(kyc.SCANS) + 2, "files, city and street are marked"
    assert "the other side" in page
    assert "Scans, Address" in admin.get(f"{PATH}/{one.id}").text
    for shown in ('value="Усенов"', 'value="Айбек"', 'value="06.05.1990"'):
        assert shown in page
    for hidden in (one.raw["national_id"], one.raw["document_number"]):
        assert hidden not in page
    fields = form_of(8, document_number="") | {"version": version_on(admin, path)}
    assert send(admin, path, fields | {"phone": "1"}).status_code == 422
    done = send(admin, path, fields, scan_back=("b.png", PNG + b"back"))
    assert done.status_code == 303, done.text
    after = now(site, one)
    assert (after.status, after.raw["full_name"]) == ("captured", "Турдубаева Мээрим 8")
    assert after.raw["document_number"] == one.raw["document_number"]
    assert [scan.name for scan in after.scans] == ["scan_front", "scan_back"]
    assert send(admin, path, fields).status_code == 409


def test_why_it_is_rejected_is_told_in_the_applicant_s_language(site, admin):
    one = captured(site, 31, language="ru")
    assert do(admin, one, "reject", why="dislike").status_code == 422
    assert do(admin, one, "reject", why="invalid", reason="с мая").status_code == 303
    after = now(site, one)
    assert (after.status, after.outcome) == ("rejected", "Документ недействителен: с мая")


def test_a_customer_asks_without_saying_who_they_are(site, admin):
    known = site.customer
    path = f"/console/customers/{known.id}/request"
    assert path in admin.get(f"/console/customers/{known.id}").text
    fields = {"kind": "tariff_change", "priority": "normal", "idempotency_key": "known-1"}
    odd = send(admin, path, {**fields, "kind": "", "msisdn": "1"})
    assert odd.status_code == 422
    for field in ("kind", "msisdn"):
        assert f'href="#f-{field}"' in odd.text
    sent = {**fields, "comment": "From the first of the month"}
    first, again = (send(admin, path, sent, scan_face=("a.png", PNG)) for _ in range(2))
    assert first.headers["location"] == again.headers["location"]
    [one] = site.crm.intake.each(customer_id=str(known.id), kind="tariff_change")
    page = admin.get(first.headers["location"]).text
    assert known.name in page
    assert "From the first of the month" in page
    assert do(admin, one, "validate").status_code == 303
    assert do(admin, one, "claim").status_code == 303
    page = admin.get(f"{PATH}/{one.id}/complete").text
    contract = next(site.crm.contracts.each(customer_id=str(known.id)))
    assert f'<option value="{contract.id}">' in page
    assert "No contract came of it yet" not in page, "a change of tariff makes none"
    assert do(admin, one, "complete", contract=str(contract.id)).status_code == 303
    assert now(site, one).contract_id == contract.id
    assert f"/console/contracts/{contract.id}" in admin.get(f"{PATH}/{one.id}").text
    assert admin.get(f"/console/customers/{nowhere()}/request").status_code == 404


def test_whoever_has_not_claimed_it_takes_it_over_first(site, admin):
    one = captured(site, 9)
    site.crm.intake.claim(site.crm.intake.validate(one.id).id, by=Actor("somebody"))
    path = f"{PATH}/{one.id}"
    page = admin.get(path).text
    for name in ("complete", "hold", "fail"):
        assert f"{path}/{name}" not in page, name
    refused = submit(admin, path, f"{path}/complete", outcome="sold")
    assert (refused.status_code, "Somebody else works on it" in refused.text) == (409, True)
    assert do(admin, one, "unclaim").status_code == 303
    assert do(admin, one, "claim").status_code == 303
    assert f"{path}/complete" in admin.get(path).text
    assert do(admin, one, "complete", outcome="sold").status_code == 303


def test_a_customer_s_application_is_put_right_without_a_name(site, admin):
    one = site.crm.intake.capture(
        kind=ApplicationKind.OTHER,
        channel=Channel.API,
        raw={"comment": "?"},
        customer_id=site.customer.id,
    )
    assert do(admin, one, "ask", reason="what for?").status_code == 303
    path = f"{PATH}/{one.id}/supply"
    done = send(admin, path, {"comment": "roaming", "version": version_on(admin, path)})
    assert (done.status_code, now(site, one).raw["comment"]) == (303, "roaming")


def test_who_is_alike_is_told_while_the_form_is_filled_in(site, admin):
    known = site.crm.customers.register(name="Rail One", phone="+996700909090")
    at, similar = f"{PATH}/new", f"{PATH}/new/similar"
    assert f'hx-post="{similar}"' in admin.get(at).text
    headers = {**HTMX, "x-csrftoken": token_on(admin, at)}
    sent = {"customer_kind": "person", "phone": "0700 90 90 90", "birth_date": "soon"}
    told = admin.post(similar, data=sent, headers=headers)
    assert told.text.strip().startswith('<div class="stack" id="similar"')
    assert f'href="/console/customers/{known.id}"' in told.text
    for other in ({"phone": "0700 90 90 91"}, {"phone": "0700"}, {}):
        nobody = admin.post(similar, data={"customer_kind": "person", **other}, headers=headers)
        assert (nobody.status_code, "Similar customers" in nobody.text) == (200, False)
    watcher = site.browser("auditor")
    token = {**HTMX, "x-csrftoken": token_on(watcher, "/prefs")}
    assert watcher.post(similar, data=sent, headers=token).status_code == 403
