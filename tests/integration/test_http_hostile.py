"""Whatever a client sends, it is never a defect of ours that it is told of."""

from collections.abc import Iterator
from contextlib import suppress
from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st
from litestar.routes import HTTPRoute

import telecom_crm
from telecom_crm.domain.errors import InvalidValue
from telecom_crm.entrypoints.http.bodies import MoneyBody
from telecom_crm.entrypoints.http.problems import Malformed
from telecom_crm.entrypoints.http.reading import MOST_FAULTS, body_class, read_json
from tests.integration.http_service import Service, nowhere, path_to

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


def _routes(service: Service) -> Iterator[tuple[str, str, Any]]:
    for route in service.client.app.routes:
        assert isinstance(route, HTTPRoute)
        for handler in route.route_handlers:
            for method in sorted(handler.http_methods - {"OPTIONS"}):
                yield method, route.path, handler


HEADERS = {"Content-Type": "application/json", "Idempotency-Key": "hostile"}


@pytest.mark.parametrize("body", HOSTILE.values(), ids=HOSTILE)
def test_no_body_breaks_a_route(service, body):
    for method, path, handler in _routes(service):
        if method == "GET" or handler.opt.get("raw_body"):
            continue
        answer = service.send(method, path_to(path), content=body, headers=HEADERS)
        assert answer.status_code < 500, (method, path, answer.text)


@pytest.mark.parametrize("value", VALUES.values(), ids=VALUES)
def test_no_value_of_a_field_breaks_a_route(service, value):
    for method, path, handler in _routes(service):
        kind = body_class(handler)
        if kind is None:
            continue
        for field in msgspec.structs.fields(kind):
            body = f'{{"{field.encode_name}": {value}}}'.encode()
            answer = service.send(method, path_to(path), content=body, headers=HEADERS)
            assert answer.status_code < 500, (method, path, field.name, answer.text)


@pytest.mark.parametrize("query", QUERIES)
def test_no_query_breaks_a_route(service, query):
    for method, path, _ in _routes(service):
        if method == "GET":
            answer = service.send(method, f"{path_to(path)}?{query}")
            assert answer.status_code < 500, (path, answer.text)


@pytest.mark.parametrize("segment", SEGMENTS)
def test_no_path_breaks_a_route(service, segment):
    for method, path, _ in _routes(service):
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


@given(st.binary(max_size=200) | st.text().map(str.encode))
def test_any_bytes_are_read_or_refused(raw):
    with suppress(InvalidValue, Malformed):
        assert isinstance(read_json(raw, MoneyBody), MoneyBody)


def test_a_body_of_nothing_but_faults_is_told_of_some(service):
    answer = service.send("POST", "/tickets", content=HOSTILE["many names"], headers=HEADERS)
    assert len(answer.json()["errors"]) == MOST_FAULTS
