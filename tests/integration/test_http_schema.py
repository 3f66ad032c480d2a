"""The service keeps what its OpenAPI document says."""

import os
import subprocess
import sys
from collections import Counter
from typing import Any

import msgspec
import pytest
import schemathesis
from hypothesis import HealthCheck, Phase, settings
from schemathesis.config import SchemathesisConfig

import telecom_crm
from telecom_crm.domain.role import RoleName as Role
from telecom_crm.entrypoints.http.app import create_app, openapi_document
from telecom_crm.entrypoints.http.limits import Limits
from telecom_crm.entrypoints.http.openapi import PROBLEMS
from tests.integration.http_service import Service

EXAMPLES = 6
"""Requests for each operation; the nightly profile is for more."""

UNFORESEEN = {
    "422": "a check digit, a currency, a code of the catalog, or whether fields go together, "
    "is right or wrong for reasons that no schema can tell",
    "412": "any text is an If-Match that a schema allows, and few are a version that is there",
    "400": "a file is checked by its content, and a form by its parts",
    "413": "a body may be of the right form and too long",
}
"""Statuses that a request which fits the schema may get, beside the usual ones, and why."""

CONFIG = SchemathesisConfig.from_dict(
    {
        "checks": {
            "positive_data_acceptance": {
                "expected-statuses": ["2xx", "401", "403", "404", "409", *UNFORESEEN]
            },
            "negative_data_rejection": {
                "expected-statuses": [
                    *("400", "401", "403", "404", "405", "409", "412", "413", "415", "422")
                ]
            },
        }
    }
)


@pytest.fixture(scope="module")
def document() -> dict[str, Any]:
    return openapi_document()


def test_operations_have_names_of_their_own(document):
    names = [one["operationId"] for path in document["paths"].values() for one in path.values()]
    assert [name for name, count in Counter(names).items() if count > 1] == []
    assert all(
        one["summary"].endswith(".") for path in document["paths"].values() for one in path.values()
    )


def test_every_problem_is_described(document):
    for methods in document["paths"].values():
        for operation in methods.values():
            for status, response in operation["responses"].items():
                if int(status) < 400:
                    continue
                assert int(status) in PROBLEMS
                assert set(response["content"]) == {"application/problem+json"}


def test_nothing_of_the_document_comes_from_elsewhere(document):
    def texts(value):
        if isinstance(value, dict):
            for item in value.values():
                yield from texts(item)
        elif isinstance(value, list):
            for item in value:
                yield from texts(item)
        elif isinstance(value, str):
            yield value

    assert not [text for text in texts(document) if "http://" in text or "https://" in text]


def test_the_document_and_its_page_are_served():
    with telecom_crm.in_memory() as crm:
        service = Service.over(crm, stock=0)
        with service.client:
            served = service.get("/schema", role=None)
            assert served.json() == msgspec.json.decode(msgspec.json.encode(openapi_document()))
            page = service.get("/schema/browse", role=None)
    assert "/payments/{payment_id}/refund" in page.text
    assert "http://" not in page.text
    assert "script" not in page.text


def test_the_command_prints_what_is_served_byte_for_byte():
    """In another process too, where sets have another order: a document is compared and kept."""
    command = [sys.executable, "-m", "telecom_crm.entrypoints.cli", "openapi"]
    with telecom_crm.in_memory() as crm:
        service = Service.over(crm, stock=0)
        with service.client:
            served = service.get("/schema", role=None).content
    for seed in ("1", "2"):
        environment = {**os.environ, "PYTHONHASHSEED": seed}
        told = subprocess.run(command, env=environment, capture_output=True, check=True).stdout
        assert msgspec.json.encode(msgspec.json.decode(told)) == served


def _schema():
    crm = telecom_crm.in_memory()
    service = Service.over(crm, stock=50)
    # Its guesses at tokens are many, and are to be told 401, not that they are too many.
    app = create_app(crm, limits=Limits(requests_per_second=0, refused_per_minute=0))
    found = schemathesis.openapi.from_asgi("/schema", app, config=CONFIG)
    return found, service


SCHEMA, SERVICE = _schema()


@SCHEMA.parametrize()
@settings(
    max_examples=EXAMPLES,
    deadline=None,
    derandomize=True,
    phases=[Phase.explicit, Phase.generate],
    suppress_health_check=list(HealthCheck),
)
def test_every_operation_keeps_the_document(case):
    headers = {"Authorization": f"Bearer {SERVICE.secrets[Role.ADMIN]}"}
    case.call_and_validate(headers=headers)
