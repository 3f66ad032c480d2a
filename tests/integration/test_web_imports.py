"""Bulk import in the console: a file is taken in, followed to its end, stopped and gone on with."""

import re
from typing import Any
from uuid import UUID

import pytest

from telecom_crm.application.ports import Query
from telecom_crm.domain.identifiers import ImportId
from telecom_crm.domain.importing import ImportJob
from telecom_crm.entrypoints import demo
from telecom_crm.entrypoints.http.web.console.imports import FILE_LIMIT
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


def test_what_is_odd_about_an_upload_is_told(admin):
    nothing = upload(admin, b"", name="", kind="sims")
    assert (nothing.status_code, 'href="#f-file"' in nothing.text) == (422, True)
    odd = upload(admin, b"x", kind="sims", activate="true")
    assert odd.status_code == 422
    assert 'href="#f-policy"' in odd.text
    assert "Only subscribers have contracts to activate" in odd.text


def test_large_files_are_taken_on_this_route_alone(site):
    limits = {
        route.path: handler.resolve_request_max_body_size()
        for route in site.app.routes
        for handler in getattr(route, "route_handlers", ())
        if route.path.startswith("/console") and "POST" in handler.http_methods
    }
    assert {path for path, most in limits.items() if most == FILE_LIMIT} == {f"{PATH}/new"}
    assert {most for path, most in limits.items() if path != f"{PATH}/new"} == {1_000_000}


def test_who_may_not_import_is_refused(site):
    support, auditor = site.browser("support"), site.browser("auditor")
    assert support.get(PATH).status_code == 403
    assert auditor.get(PATH).status_code == 200
    assert f"{PATH}/new" not in auditor.get(PATH).text
