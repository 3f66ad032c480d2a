"""An operator who brings files in, for tests of imports over any store."""

import csv
import io
import json
from collections import Counter
from collections.abc import Callable
from pathlib import Path
from typing import Any
from uuid import UUID

import attrs

from telecom_crm.adapters.files.memory import MemoryFiles
from telecom_crm.adapters.network.simulator import SimulatorNetwork
from telecom_crm.application.catalog import TariffCatalog
from telecom_crm.application.catalog_file import demo_catalog
from telecom_crm.application.imports.service import Imports
from telecom_crm.application.ports import Clock, Series, Transaction, UnitOfWork
from telecom_crm.application.provisioning import Provisioning
from telecom_crm.domain.customer import Customer
from telecom_crm.domain.identifiers import MSISDN, luhn_is_right
from telecom_crm.domain.identity_document import IdentityDocument
from telecom_crm.domain.importing import ImportJob, ImportKind
from telecom_crm.domain.lifecycle import Actor, Event
from telecom_crm.entrypoints.conformance.machine import patiently

DATA = Path(__file__).parent.parent / "data"
EXPECTED = json.loads((DATA / "expected.json").read_text())
CLERK = Actor("clerk", "token-7")
_MARK = "counted"
HEADERS = {
    "sims": ["iccid", "imsi", "pin1", "puk1", "batch"],
    "numbers": ["msisdn", "category"],
    "subscribers": [
        "full_name",
        "phone",
        "email",
        "birth_date",
        "document_type",
        "document_number",
        "iccid",
        "msisdn",
        "tariff",
        "language",
    ],
}


def iccid(n: int) -> str:
    body = f"899960000000000{n:03d}"
    return next(body + str(d) for d in range(10) if luhn_is_right(body + str(d)))


def msisdn(n: int) -> str:
    return f"996700000{n:03d}"


def sim(n: int, **more: str) -> dict[str, str]:
    row = {"iccid": iccid(n), "imsi": f"4370500000000{n:02d}", "pin1": "1234", "puk1": "12345678"}
    return {**row, "batch": "B1", **more}


def number(n: int, **more: str) -> dict[str, str]:
    return {"msisdn": msisdn(n), "category": "standard", **more}


def person(n: int, **more: str) -> dict[str, str]:
    return {
        "full_name": f"Person {n}",
        "phone": f"+{msisdn(n)}",
        "email": f"p{n}@example.org",
        "birth_date": "1980-02-03",
        "document_type": "id_card",
        "document_number": f"ID{n:07d}",
        "iccid": iccid(n),
        "msisdn": f"+{msisdn(n)}",
        "tariff": "COMFORT",
        "language": "ru",
        **more,
    }


def file_of(kind: str, rows: list[dict[str, str]]) -> bytes:
    names = list(dict.fromkeys([*HEADERS[kind], *(name for row in rows for name in row)]))
    text = io.StringIO(newline="")
    writer = csv.DictWriter(text, names)
    writer.writeheader()
    writer.writerows(rows)
    return text.getvalue().encode()


@attrs.frozen
class Desk:
    """Somebody who imports files."""

    uow: UnitOfWork
    imports: Imports
    provisioning: Provisioning
    network: SimulatorNetwork

    @classmethod
    def opened(
        cls,
        uow: UnitOfWork,
        series: Series,
        clock: Clock,
        ids: Callable[[], UUID],
        **more: Any,
    ) -> "Desk":
        TariffCatalog(uow, clock).apply(demo_catalog())
        imports = Imports(uow, MemoryFiles(new_id=ids), clock, ids, series, **more)
        return cls(uow, imports, Provisioning(uow, clock, ids, series), SimulatorNetwork())

    def stocked(self, count: int = 9) -> "Desk":
        self.bring("sims", [sim(n) for n in range(count)])
        self.bring("numbers", [number(n) for n in range(count)])
        return self

    def bring(self, kind: str, rows: list[dict[str, str]], **more: Any) -> ImportJob:
        content = file_of(kind, rows)
        return self.imports.run_file(kind=ImportKind(kind), content=content, by=CLERK, **more)

    def tell(self, kind: str, rows: list[dict[str, str]], **more: Any) -> dict[str, Any]:
        return self.told(self.bring(kind, rows, **more))

    def told(self, job: ImportJob) -> dict[str, Any]:
        """Return the counts that are not zero, and the errors as {line: codes}."""
        shape = self.imports.summary(job.id).as_dict()
        errors: dict[int, list[str]] = {}
        for error in shape.pop("errors"):
            errors.setdefault(error["line"], []).append(f"{error['column']} {error['code']}")
        found: dict[str, Any] = {
            k: v for k, v in shape.items() if v and k not in ("status", "read")
        }
        return {**found, "errors": errors} if errors else found

    def work(self) -> int:
        return self.provisioning.work(network=self.network).total

    def customer(self, n: int) -> Customer:
        with self.uow(read_only=True) as tx:
            paper = IdentityDocument(type="id_card", number=f"ID{n:07d}")
            (owner,) = tx.customers.by_identities([paper.key]).values()
            return tx.customers.get(owner)

    def counts(self) -> dict[str, int]:
        """Return how many events there are of each name: any change at all would show."""
        with self.uow() as tx:
            tx.rules.put(_MARK, {}, by=CLERK, at=self.imports.clock())
            marks = tx.events.of("rules", _MARK)
        events: list[Event] = []
        for _ in patiently():  # another database's open transaction may delay the stream
            with self.uow(read_only=True) as tx:
                events = _all_events(tx)
            if marks[-1] in events:
                break
        return dict(
            Counter(
                event.name
                for event in events
                if event.thing_id != _MARK and not event.name.startswith("Import")
            )
        )

    def contract_on(self, n: int) -> Any:
        with self.uow(read_only=True) as tx:
            return tx.contracts.by_msisdns([MSISDN(msisdn(n))])[MSISDN(msisdn(n))]


def _all_events(tx: Transaction) -> list[Event]:
    events: list[Event] = []
    cursor = ""
    while found := tx.events.since(cursor, limit=1000):
        events += [event for _, event in found]
        cursor = found[-1][0]
    return events
