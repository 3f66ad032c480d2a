"""Whatever a client sends, it is never a defect of ours that it is told of."""

from collections.abc import Iterator
from contextlib import suppress

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

import telecom_crm
from telecom_crm.application.attaching import ATTACHMENT_LIMIT
from telecom_crm.domain.errors import InvalidValue
from telecom_crm.entrypoints.http.bodies import MoneyBody
from telecom_crm.entrypoints.http.problems import Malformed
from telecom_crm.entrypoints.http.reading import JSON_LIMIT, MOST_FAULTS, body_class, read_json
from tests.integration.http_service import Service, nowhere, path_to, problem_of, routes_of

DEEP = 100_000
HOSTILE = {
    "nothing": b"",
    "white space": b"  \n",
    "not JSON": b"<a/>",
    "a list": b"[]",
    "null": b"null",
    "a number": b"1",
    "a text": b'"x"',
    "a truncated object": b'{"a":',
    "two values": b"{}{}",
    "NUL": b"\0",
    "latin-1": '{"a": "\xe9"}'.encode("latin-1"),
    "UTF-16": '{"a": "b"}'.encode("utf-16"),
    "a byte order mark": b"\xef\xbb\xbf{}",
    "a lone surrogate": b'{"name": "\\ud800"}',
    "a surrogate the wrong way round": b'{"name": "\\udc00\\ud800"}',
    "an overlong encoding": b'{"a": "\xc0\x80"}',
    "deep lists": b"[" * DEEP + b"]" * DEEP,
    "deep objects": b'{"a":' * DEEP + b"1" + b"}" * DEEP,
    "a long number": b'{"a": ' + b"9" * 900_000 + b"}",
    "a long exponent": b'{"a": 1e999999999}',
    "not a number": b'{"a": NaN}',
    "infinity": b'{"a": Infinity}',
    "a long name": b'{"' + b"x" * 900_000 + b'": 1}',
    "many names": b"{" + b",".join(b'"%d": 1' % n for n in range(50_000)) + b"}",
}
VALUES = {
    "NUL": '"a\\u0000b"',
    "a long text": '"' + "x" * 100_000 + '"',
    "control characters": '"a\\u0001\\u001b[31m"',
    "right to left": '"\\u202e\\u2066abc"',
    "an emoji": '"\\ud83d\\ude00"',
    "markup": '"<script>alert(1)</script>"',
    "SQL": '"\'; DROP TABLE payments; --"',
    "a million digits": "9" * 4000,
    "past 64 bits": str(2**64),
    "negative": str(-(2**63) - 1),
    "a fraction": "0.1",
    "true": "true",
    "null": "null",
    "an empty text": '""',
    "an empty list": "[]",
    "a list of all": '[null, 1, "x", {}, []]',
    "an object": '{"amount": {"amount": {}}}',
    "the first instant": '"0001-01-01T00:00:00+23:59"',
    "the last instant": '"9999-12-31T23:59:59-23:59"',
    "an instant without a zone": '"2026-01-01T00:00:00"',
    "other digits": '"\\u0661\\u0662\\u0663\\u0664\\u0665\\u0666\\u0667\\u0668"',
}
QUERIES = [
    "%00",
    "a=%00",
    "status=%ff",
    "limit=" + "9" * 5000,
    "limit=-1",
    "limit=1e3",
    "limit=\u0661".encode().decode("latin-1"),
    "cursor=%00",
    "cursor=" + "x" * 3000,
    "cursor=%F0%9F%98%80",
    "cursor=1",
    "cursor=::::",
    "sort=;",
    "number=%ED%A0%80",
    "customer_id=%00",
    "msisdn=%D9%A1",
    "&&&&",
    "=&=&=",
    "&".join(f"a{n}=1" for n in range(500)),
    "start=0001-01-01T00:00:00%2B23:59",
    "end=9999-12-31T23:59:59-23:59",
    "errors=99999999999999999999",
    "q=%00",
    "q=" + "%25" * 200,
]
SEGMENTS = ["%00", "%FF", "%ED%A0%80", "x" * 3000, "%2e%2e%2f", "%F0%9F%98%80", "1" * 5000, "'"]


@pytest.fixture(scope="module")
def service() -> Iterator[Service]:
    with telecom_crm.in_memory() as crm:
        found = Service.over(crm, stock=2)
        with found.client:
            yield found


HEADERS = {"Content-Type": "application/json", "Idempotency-Key": "hostile"}


@pytest.mark.parametrize("body", HOSTILE.values(), ids=HOSTILE)
def test_no_body_breaks_a_route(service, body):
    for method, path, handler in routes_of():
        if method == "GET" or handler.opt.get("raw_body"):
            continue
        answer = service.send(method, path_to(path), content=body, headers=HEADERS)
        assert answer.status_code < 500, (method, path, answer.text)


@pytest.mark.parametrize("value", VALUES.values(), ids=VALUES)
def test_no_value_of_a_field_breaks_a_route(service, value):
    for method, path, handler in routes_of():
        kind = body_class(handler)
        if kind is None:
            continue
        for field in msgspec.structs.fields(kind):
            body = f'{{"{field.encode_name}": {value}}}'.encode()
            answer = service.send(method, path_to(path), content=body, headers=HEADERS)
            assert answer.status_code < 500, (method, path, field.name, answer.text)


@pytest.mark.parametrize("query", QUERIES)
def test_no_query_breaks_a_route(service, query):
    for method, path, _ in routes_of():
        if method == "GET":
            answer = service.send(method, f"{path_to(path)}?{query}")
            assert answer.status_code < 500, (path, answer.text)


@pytest.mark.parametrize("segment", SEGMENTS)
def test_no_path_breaks_a_route(service, segment):
    for method, path, _ in routes_of():
        if "{" in path:
            answer = service.send(method, path_to(path, segment), headers=HEADERS)
            assert answer.status_code in (400, 403, 404, 405, 422), (method, path, answer.text)


@pytest.mark.parametrize("name", ["Idempotency-Key", "If-Match", "Authorization", "Content-Type"])
@pytest.mark.parametrize("value", [b"\xff\xfe", b"\xed\xa0\x80", b"x" * 20_000, b'"', b","])
def test_no_header_breaks_a_route(service, name, value):
    body = {"amount": {"amount": "1.00", "currency": "KGS"}, "reason": "x"}
    for path in (f"/payments/{nowhere()}/refund", f"/tickets/{nowhere()}/activate"):
        answer = service.client.request(
            "POST",
            path,
            json=body,
            headers={
                "Authorization": f"Bearer {next(iter(service.secrets.values()))}",
                "Idempotency-Key": "k",
                name: value,
            },
        )
        assert answer.status_code < 500, (path, answer.text)


JSON = {"Content-Type": "application/json"}
MISTAKEN = {
    "a form": {"Content-Type": "application/x-www-form-urlencoded"},
    "text": {"Content-Type": "text/plain"},
    "no type": {"Content-Type": ""},
    "nonsense": {"Content-Type": "application/json;;;"},
    "UTF-16": {"Content-Type": "application/json; charset=utf-16"},
    "compressed": {**JSON, "Content-Encoding": "gzip"},
}


@pytest.mark.parametrize("headers", MISTAKEN.values(), ids=MISTAKEN)
def test_what_is_no_json_is_refused_wherever_json_is_awaited(service, headers):
    for method, path, handler in routes_of():
        if body_class(handler) is not None:
            keyed = {**headers, "Idempotency-Key": "k"}
            answer = service.send(method, path_to(path), content=b"{}", headers=keyed)
            assert answer.status_code == 415, (method, path, answer.text)
            problem_of(answer, 415, "unsupported_media_type")


@pytest.mark.parametrize(
    "media_type", ["application/json; charset=utf-8", "application/vnd.x+json"]
)
def test_json_by_another_name_is_json(service, media_type):
    headers = {"Content-Type": media_type}
    answer = service.post("/customers", content=b'{"name": "A"}', headers=headers)
    assert answer.status_code == 201


def test_a_body_that_is_too_long_is_refused_with_the_limit(service):
    body = b'{"name": "' + b"x" * JSON_LIMIT + b'"}'
    problem = problem_of(
        service.post("/customers", content=body, headers=JSON), 413, "content_too_large"
    )
    assert "1,000,000 bytes" in problem["detail"]
    path = f"/contracts/{service.new_contract()['id']}/documents?name=a"
    file = service.post(path, content=b"%PDF-" + b"x" * ATTACHMENT_LIMIT)
    assert "20,971,520 bytes" in problem_of(file, 413, "content_too_large")["detail"]


def test_another_method_is_told_which_there_are(service):
    methods: dict[str, set[str]] = {}
    for method, path, _ in routes_of():
        methods.setdefault(path_to(path), {"OPTIONS"}).add(method)
    for path, known in methods.items():
        for method in {"GET", "POST", "PUT", "PATCH", "DELETE", "HEAD"} - known:
            answer = service.send(method, path)
            assert answer.status_code == 405, (method, path)
            assert set(answer.headers["allow"].split(", ")) == known, (method, path)
    told = problem_of(service.send("DELETE", "/customers"), 405, "method_not_allowed")
    assert told["detail"] == "DELETE is not served here; this path takes GET, OPTIONS, POST"


@pytest.mark.parametrize(
    "path", ["/", "/nothing", "/customers/x", "/contracts/1/accept", "/%2e%2e/etc"]
)
def test_a_path_that_leads_nowhere_is_a_problem_too(service, path):
    assert service.get(path).status_code in (404, 405)
    assert service.get(path).headers["content-type"] == "application/problem+json"


@pytest.mark.parametrize(
    "text", ["a\r\nSet-Cookie: x=1", "a\nLocation: http://evil", '"; filename=x']
)
def test_no_text_gets_into_a_header(service, text):
    customer = service.new_customer(documents=[{"type": "passport", "number": "AN1234567"}])
    path = f"/customers/{customer['id']}/documents/0/scan"
    kept = service.send("POST", path, params={"name": text}, content=b"%PDF-1.7")
    answers = [kept, service.get(path), service.send("GET", "/customers", params={"q": text})]
    answers.append(service.post("/customers", {"name": "A"}, headers={"X-Request-Id": "a"}))
    for answer in answers:
        assert answer.status_code in (200, 201, 404, 422)
        told = "".join(f"{name}: {value}" for name, value in answer.headers.items())
        assert "Set-Cookie" not in told
        assert "evil" not in told
        assert "filename=x" not in told


@given(st.binary(max_size=200) | st.text().map(str.encode))
def test_any_bytes_are_read_or_refused(raw):
    with suppress(InvalidValue, Malformed):
        assert isinstance(read_json(raw, MoneyBody), MoneyBody)


def test_a_body_of_nothing_but_faults_is_told_of_some(service):
    answer = service.send("POST", "/tickets", content=HOSTILE["many names"], headers=HEADERS)
    assert len(answer.json()["errors"]) == MOST_FAULTS
