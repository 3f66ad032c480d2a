"""What the papers of a contract say, as plain values for their templates."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date, datetime
from typing import Any
from zoneinfo import ZoneInfo

from telecom_crm.application.activation import Prices, prices_in
from telecom_crm.application.ports import Transaction
from telecom_crm.domain.activation import SUMMARY_CODES
from telecom_crm.domain.calendar import local_date
from telecom_crm.domain.contract import Contract, ContractStatus
from telecom_crm.domain.customer import Customer
from telecom_crm.domain.identity_document import DocumentType, IdentityDocument
from telecom_crm.domain.paper import PaperKind
from telecom_crm.domain.policy import FirstFee, Requirement

_HOME = "home"

_SAMPLE = {
    "number": "C-00000042",
    "draft": False,
    "date": "2026-11-26",
    "activated_on": "2026-11-27",
    "customer": {
        "name": "Асанова Айңүр Өмүрбековна",
        "birth_date": "1990-01-31",
        "national_id": "10101199000123",
        "registration_number": "",
        "phone": "+996555123456",
        "address": "KG, 720000, Бишкек, Чүй 1",
        "documents": [
            {
                "type": kind.value,
                "number": "ID1234567",
                "issuer": "МКК",
                "valid_until": "2031-01-31",
            }
            for kind in (DocumentType.ID_CARD, DocumentType.PASSPORT)
        ],
    },
    "account": "B-00000042",
    "msisdn": "+996700000001",
    "iccid": "8999601000000000011",
    "number_price": "300.00 KGS",
    "payment_mode": "prepaid",
    "minimum_term": "12",
    "tariff": {"name": "Start", "monthly": "1500.00 KGS", "activation": "0.00 KGS"},
    "options": [{"name": "Roaming", "fee": "50.00 KGS", "recurring": True}],
    "checks": list(SUMMARY_CODES),
}
SAMPLES: Mapping[PaperKind, Mapping[str, Any]] = {
    PaperKind.CONTRACT: {
        name: value for name, value in _SAMPLE.items() if name not in ("activated_on", "checks")
    },
    PaperKind.ACCEPTANCE: _SAMPLE,
    PaperKind.RECEIPT: {
        "payment": "01a2152e-61a5-7628-afba-9104fbb98ee8",
        "account": "B-00000042",
        "amount": "1000.00 KGS",
        "method": "cash",
        "gateway": "cash_desk",
        "reference": "7712",
        "booked_on": "2026-11-26",
        "booked_at": "26.11.2026 07:21:49",
    },
}
"""Made-up data of each kind of paper, with every field that its template may use."""


def contract_facts(
    tx: Transaction, contract: Contract, *, language: str, zone: ZoneInfo, now: datetime
) -> dict[str, Any]:
    """
    Return what the papers of a contract say of its sides and its terms, in a language.

    They carry the date of the acceptance; those of a draft, the operator's today.
    """
    account, prices = tx.accounts.get(contract.account_id), prices_in(tx, contract)
    receipt = contract.receipt or account.receipt
    return {
        "number": contract.number,
        "draft": contract.status is ContractStatus.DRAFT,
        "date": local_date(contract.accepted_at or now, zone).isoformat(),
        "customer": _person(tx.customers.get(contract.customer_id)),
        "account": account.number,
        "msisdn": str(contract.msisdn),
        "iccid": contract.iccid.digits,
        "number_price": _number_price(tx, contract),
        "payment_mode": receipt.terms.payment_mode.value if receipt else "",
        "minimum_term": str(contract.minimum_term_months or ""),
        **_prices(contract, prices, language),
    }


def _number_price(tx: Transaction, contract: Contract) -> str:
    """Return what the number costs whoever signs; "" where it costs nothing or came along."""
    found = tx.numbers.get_many([contract.msisdn]).get(contract.msisdn)
    price = None if contract.follows or found is None else found.price
    return str(price) if price else ""


def checks_of(contract: Contract) -> list[str]:
    """
    Return the codes of what was right before an activated contract could be activated.

    What its policy does not ask for was not looked at, and is left out.
    """
    if contract.receipt is None:
        return []
    terms = contract.receipt.terms
    unasked: set[str] = {need for need in Requirement if not terms.requires(need)}
    if terms.first_fee is not FirstFee.REQUIRED:
        unasked.add("first_fee")
    return [code for code in SUMMARY_CODES if code not in unasked]


def _prices(contract: Contract, prices: Prices, language: str) -> dict[str, Any]:
    version = prices.tariff.version_numbered(contract.tariff_version)
    options = []
    for chosen in contract.options:
        option = prices.options[chosen.code]
        terms = option.version_numbered(chosen.version)
        name = option.name.said_in(language)
        options.append({"name": name, "fee": str(terms.fee), "recurring": terms.recurring})
    return {
        "tariff": {
            "name": prices.tariff.name.said_in(language),
            "monthly": str(version.monthly_fee),
            "activation": str(version.activation_fee),
        },
        "options": options,
    }


def _person(customer: Customer) -> dict[str, Any]:
    home = [one for one in customer.addresses if one.purpose == _HOME] or customer.addresses
    place = home[0] if home else None
    parts = (place.country, place.postcode, place.city, place.street) if place else ()
    return {
        "name": customer.name,
        "birth_date": _day(customer.birth_date),
        "national_id": customer.national_id or "",
        "registration_number": customer.registration_number or "",
        "phone": str(customer.phone) if customer.phone else "",
        "address": ", ".join(part for part in parts if part),
        "documents": [_paper(one) for one in customer.documents],
    }


def _paper(document: IdentityDocument) -> dict[str, str]:
    return {
        "type": document.type.value,
        "number": document.number,
        "issuer": document.issuer,
        "valid_until": _day(document.valid_until),
    }


def _day(value: date | None) -> str:
    return value.isoformat() if value else ""
