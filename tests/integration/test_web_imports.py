"""Bulk import in the console: a file is taken in, followed to its end, stopped and gone on with."""

import codecs
import re
from typing import Any
from uuid import UUID

import attrs
import pytest

from telecom_crm.application.attaching import ATTACHMENT_LIMIT
from telecom_crm.application.bulk.reading import SUBSCRIBERS
from telecom_crm.application.ports import Query
from telecom_crm.domain.identifiers import ImportId
from telecom_crm.domain.importing import ImportJob, ImportKind
from telecom_crm.entrypoints import demo
from telecom_crm.entrypoints.http.app import routes
from telecom_crm.entrypoints.http.web import kyc
from telecom_crm.entrypoints.http.web.console import papers, registering
from telecom_crm.entrypoints.http.web.console.import_files import FILE_LIMIT
from tests.integration.http_service import nowhere
from tests.integration.test_web import HTMX, Site, admin, site, token_on

__all__ = ["admin", "site"]

PATH = "/console/imports"
PEOPLE = [demo.subscriber(index) for index in range(5000, 5006)]
FILES = demo.files(PEOPLE)


def upload(client: Any, content: bytes, name: str = "batch.csv", **fields: str) -> Any:
    token = token_on(client, f"{PATH}/new")
    file = {"file": (name, content, "text/csv")}
    return client.post(f"{PATH}/new", data={"csrf": token, **fields}, files=file)


def job_at(site: Site, answer: Any) -> ImportJob:
    assert answer.status_code == 303, answer.text
    key = answer.headers["location"].rpartition("/")[2]
    return site.crm.imports.get(ImportId(UUID(key)))


def test_a_file_is_applied_by_the_worker_and_its_errors_are_told(site, admin):
    content = FILES["sims"] + b"89 nonsense,437050000009999,0000,00000000,DEMO\r\n"
    job = job_at(site, upload(admin, content, kind="sims"))
    assert (job.status, job.position, job.total) == ("checked", 0, 7)
    path = f"{PATH}/{job.id}"
    waiting = admin.get(path, headers=HTMX).text
    assert 'hx-trigger="every 1s"' in waiting
    assert "<html" not in waiting
    assert site.crm.imports.work() == 7
    over = admin.get(path, headers=HTMX).text
    assert "hx-trigger" not in over
    assert re.search(r"Created</dt><dd[^>]*>6<", over)
    assert re.search(r"With errors</dt><dd[^>]*>1<", over)
    assert "89 nonsense" in over
    assert "An ICCID has 19 or 20 digits" in over
    assert "batch.csv" in admin.get(f"{PATH}?status=completed").text
    assert 'href="/console/imports/new?kind=subscribers"' in over
    assert 'href="/console/imports/new?kind=subscribers"' not in waiting
    offered = admin.get(f"{PATH}/new").text
    assert re.search(r'<option value="postpaid">Postpaid<', offered), "not said twice"
    assert re.search(r'<option value="[^"]+">Migration[^<]* · Prepaid<', offered)


def test_the_rows_that_failed_are_a_file_that_is_written_down(site, admin):
    content = b"msisdn,category\r\n996700,standard\r\n=1+1,standard\r\n"
    job = job_at(site, upload(admin, content, kind="numbers"))
    site.crm.imports.work()
    path = f"{PATH}/{job.id}"
    given = admin.post(f"{path}/errors.csv", data={"csrf": token_on(admin, path)})
    assert given.headers["content-disposition"].startswith("attachment")
    header, *rows = given.text.splitlines()
    assert (header, len(rows)) == ("msisdn,category,error", 2)
    assert rows[1].startswith("'=1+1")
    assert rows[0].split(",")[2] == "msisdn: Enter the phone as +996 555 123 456"
    with site.crm.uow(read_only=True) as tx:
        (look,) = tx.audit.page(Query(where={"action": "import.errors"})).items
    assert (look.thing_id, look.by.name) == (job.key, "admin")


@pytest.mark.parametrize(
    ("content", "words"),
    [(b"", "The file is empty"), (b"iccid,imsi\n1,2\n", "A column is missing")],
)
def test_a_file_without_structure_is_refused_at_once(site, admin, content, words):
    job = job_at(site, upload(admin, content, kind="sims"))
    assert job.status == "structure_error"
    page = admin.get(f"{PATH}/{job.id}").text
    assert words in page
    assert 'hx-trigger="every' not in page


def test_a_trial_run_saves_nothing(site, admin):
    content = demo.files([demo.subscriber(6000)])["numbers"]
    job = job_at(site, upload(admin, content, kind="numbers", dry_run="true"))
    site.crm.imports.work()
    page = admin.get(f"{PATH}/{job.id}").text
    assert re.search(r"Created</dt><dd[^>]*>1<", page)
    number = demo.subscriber(6000).msisdn.digits
    assert not [one for one in site.crm.inventory.each_number() if one.msisdn.digits == number]


def test_a_job_is_stopped_and_goes_on(site, admin):
    job = job_at(site, upload(admin, FILES["numbers"], kind="numbers"))
    path = f"{PATH}/{job.id}"
    token = token_on(admin, f"{path}/abort")
    stopped = admin.post(f"{path}/abort", data={"csrf": token, "reason": "the wrong file"})
    assert stopped.status_code == 303
    assert site.crm.imports.get(job.id).status == "aborted"
    assert site.crm.imports.work() == 0
    again = admin.post(f"{path}/abort", data={"csrf": token, "reason": "twice"})
    assert again.status_code == 409
    assert admin.post(f"{path}/resume", data={"csrf": token}).status_code == 303
    site.crm.imports.work()
    assert site.crm.imports.get(job.id).status == "completed"


def test_errors_are_filtered_by_reason_and_what_is_personal_is_masked(site, admin):
    row = dict.fromkeys(SUBSCRIBERS.required, "") | {
        "full_name": "Бакыт Токтогулов",
        "birth_date": "31.02.1990",
        "document_type": "id_card",
        "document_number": "ID7654321",
        "iccid": "89 nonsense",
        "msisdn": "0700123456",
    }
    rows = [row, row | {"birth_date": "1990-03-12"}, row | {"birth_date": "1"}]
    lines = [list(SUBSCRIBERS.required), *(list(one.values()) for one in rows)]
    content = "\n".join(",".join(cells) for cells in lines).encode()
    job = job_at(site, upload(admin, content, name="people.csv", kind="subscribers"))
    site.crm.imports.work()
    path = f"{PATH}/{job.id}"
    page = admin.get(path).text
    assert re.search(r'<option value="iccid_format">[^<]+ \(3\)', page)
    assert re.search(r'<option value="birth_date">[^<]+ \(2\)', page)
    assert "<code>iccid_format</code>" in page
    assert "in a file as 1995-03-12" in page
    assert "89 nonsense" in page
    assert "31.02.1990" not in page
    assert "31••••••90" in page
    dates = admin.get(f"{path}?reason=birth_date", headers=HTMX).text
    assert '<option value="birth_date" selected>' in dates
    assert "31••••••90" in dates
    assert "89 nonsense" not in dates
    assert "89 nonsense" in admin.get(f"{path}?reason=none-such").text


def test_rows_that_are_mended_come_as_a_job_like_the_first(site, admin):
    content = b"msisdn,category\r\n996700,standard\r\n0700991001,standard\r\n"
    first = job_at(site, upload(admin, content, name="n.csv", kind="numbers", dry_run="true"))
    site.crm.imports.work()
    page = admin.get(f"{PATH}/{first.id}").text
    new = f"{PATH}/new?mends={first.id}"
    assert f'href="{new}"' in page
    asked = admin.get(new).text
    assert 'name="kind"' not in asked
    assert "n.csv" in asked
    mended = {"file": ("errors.csv", b"msisdn,category,error\r\n0700991002,standard,x\r\n")}
    fields = {"csrf": token_on(admin, new), "mends": str(first.id)}
    second = job_at(site, admin.post(f"{PATH}/new", data=fields, files=mended))
    assert (second.kind, second.dry_run, second.mends) == (first.kind, True, first.id)
    site.crm.imports.work()
    assert site.crm.imports.get(second.id).counts.created == 1
    assert f'href="{PATH}/{first.id}"' in admin.get(f"{PATH}/{second.id}").text
    unknown = admin.post(f"{PATH}/new", data=fields | {"mends": str(nowhere())}, files=mended)
    assert unknown.status_code == 404


def test_the_same_file_again_waits_for_a_yes(site, admin):
    content = b"msisdn,category\r\n0700992001,standard\r\n"
    trial = job_at(site, upload(admin, content, kind="numbers", dry_run="true"))
    site.crm.imports.work()
    first = job_at(site, upload(admin, content, kind="numbers"))
    assert site.crm.imports.work() == 1
    assert "was brought in before" not in admin.get(f"{PATH}/{first.id}").text
    again = job_at(site, upload(admin, content, name="again.csv", kind="numbers"))
    assert (again.status, again.position, again.total) == ("aborted", 0, 1)
    assert site.crm.imports.work() == 0
    path = f"{PATH}/{again.id}"
    page = admin.get(path).text
    assert "The same file was brought in before" in page
    assert f'href="{PATH}/{first.id}"' in page
    assert f"{PATH}/{trial.id}" not in page
    token = token_on(admin, path)
    assert admin.post(f"{path}/resume", data={"csrf": token}).status_code == 303
    site.crm.imports.work()
    assert site.crm.imports.get(again.id).counts.unchanged == 1


def test_subscribers_without_cards_and_numbers_are_told_what_comes_first(site, admin):
    form = admin.get(f"{PATH}/new").text
    for words in ("SIM cards and numbers come first", "May be left out", "id_card (ID card)"):
        assert words in form
    assert "START (Start)" in form, "tariffs on sale by their codes"
    for kind in ("sims", "numbers"):
        assert f'href="{PATH}/new?kind={kind}"' in form
    early = demo.files([demo.subscriber(index) for index in range(5200, 5203)])
    first = job_at(site, upload(admin, early["subscribers"], kind="subscribers"))
    site.crm.imports.work()
    told = admin.get(f"{PATH}/{first.id}").text
    assert "None of these cards or numbers is in stock" in told
    for kind in ("sims", "numbers"):
        assert f'href="{PATH}/new?kind={kind}"' in told
        upload(admin, early[kind], kind=kind)
        site.crm.imports.work()
    again = job_at(site, upload(admin, early["subscribers"], kind="subscribers"))
    assert again.status == "checked", "nothing was saved the first time: there is nothing to ask"
    site.crm.imports.work()
    assert site.crm.imports.get(again.id).counts.created == 3
    done = admin.get(f"{PATH}/{again.id}").text
    assert "brought in before" not in done
    assert "is in stock" not in done
    assert 'href="/console/contracts">Open the contracts' in done


@pytest.mark.parametrize("kind", list(ImportKind))
def test_a_template_has_the_columns_and_a_row_that_can_be_read(site, admin, kind):
    given = admin.get(f"{PATH}/new/{kind}/template.csv")
    assert given.headers["content-disposition"] == f'attachment; filename="{kind}.csv"'
    assert given.content.startswith(codecs.BOM_UTF8)
    job = job_at(site, upload(admin, given.content, kind=kind, dry_run="true"))
    site.crm.imports.work()
    errors = site.crm.imports.summary(job.id).errors
    assert (job.total, {one.code for one in errors} - POOL) == (1, set())
    assert admin.get(f"{PATH}/new/usage/template.csv").status_code == 404


POOL = {"iccid_unknown", "msisdn_unknown"}
"""What an example row may lack: a card and a number that are there."""


@pytest.mark.parametrize(
    ("content", "right"),
    [
        (b"", "A file has the names of its columns"),
        (b"PK\x03\x04", "choose: Save as, CSV UTF-8"),
        (b"1,2\n3,4\n", "Take the first line of the template"),
        (b"iccid,imsi\n1,2\n", "Add the column to the first line"),
        (b'iccid,imsi,pin1,puk1,batch\n1,2,3,4,"5\n', "Close the quote in this line"),
    ],
)
def test_what_would_be_right_is_told_of_a_file_that_cannot_be_read(site, admin, content, right):
    job = job_at(site, upload(admin, content, kind="sims"))
    page = admin.get(f"{PATH}/{job.id}").text
    assert right in page
    assert "iccid, imsi, pin1, puk1, batch" in page
    assert f"{PATH}/new/sims/template.csv" in page


def test_what_is_odd_about_an_upload_is_told(admin):
    nothing = upload(admin, b"", name="", kind="sims")
    assert (nothing.status_code, 'href="#f-file"' in nothing.text) == (422, True)
    odd = upload(admin, b"x", kind="sims", activate="true")
    assert odd.status_code == 422
    assert 'href="#f-policy"' in odd.text
    assert "Only subscribers have contracts to activate" in odd.text


TAKE_FILES = {
    f"{PATH}/new": FILE_LIMIT,
    "/console/applications/new": kyc.FORM_BYTES,
    "/console/applications/{application_id:uuid}/supply": kyc.FORM_BYTES,
    "/console/contracts/{contract_id:uuid}/documents": ATTACHMENT_LIMIT,
    "/console/contracts/{contract_id:uuid}/papers": ATTACHMENT_LIMIT,
    "/console/customers/{customer_id:uuid}/edit": registering.FORM_BYTES,
    "/console/customers/{customer_id:uuid}/request": kyc.FORM_BYTES,
    "/console/settings/papers/{kind:str}": papers.LARGEST,
    "/console/settings/papers/{kind:str}/preview": papers.LARGEST,
    "/console/tickets/new": ATTACHMENT_LIMIT,
    "/console/tickets/{ticket_id:uuid}/comments": ATTACHMENT_LIMIT,
}


def test_large_bodies_are_taken_on_the_routes_of_files_alone():
    limits = {
        route.path: handler.resolve_request_max_body_size()
        for route in routes().routes
        for handler in getattr(route, "route_handlers", ())
        if route.path.startswith("/console") and "POST" in handler.http_methods
    }
    assert {path: most for path, most in limits.items() if most != 1_000_000} == TAKE_FILES


def test_who_may_not_import_is_refused(site):
    support, auditor = site.browser("support"), site.browser("auditor")
    assert support.get(PATH).status_code == 403
    assert auditor.get(PATH).status_code == 200
    assert f"{PATH}/new" not in auditor.get(PATH).text


def test_what_is_worth_knowing_is_said_in_the_visitor_s_language(site, admin):
    one, other = (demo.subscriber(index) for index in (5100, 5101))
    tables = demo.files([one, attrs.evolve(other, email=one.email)])
    for kind in ("sims", "numbers"):
        upload(admin, tables[kind], kind=kind)
        site.crm.imports.work()
    people = tables["subscribers"]
    asked = {"kind": "subscribers", "activate": "on", "policy": "prepaid"}
    trial = job_at(site, upload(admin, people, dry_run="on", **asked))
    site.crm.imports.work()
    job = job_at(site, upload(admin, people, **asked))
    site.crm.imports.work()
    (contract,) = site.crm.contracts.each(msisdn=one.msisdn.digits)
    first = contract.customer_id
    told = admin.get(f"{PATH}/{job.id}").text
    assert "Perhaps a duplicate: another customer has the same email" in told
    assert "Activation is blocked: add the signed contract as a file" in told
    assert f'href="/console/customers/{first}"' in told
    tried = admin.get(f"{PATH}/{trial.id}").text
    assert ("Perhaps a duplicate" in tried, "Open the customer" in tried) == (True, False)
    admin.headers["Accept-Language"] = "ru"
    told = admin.get(f"{PATH}/{job.id}").text
    assert "Возможно, дубликат: у другого клиента" in told
    assert "Активировать нельзя: на первые платежи нужно" in told
