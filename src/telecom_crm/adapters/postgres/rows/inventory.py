"""Rows of SIM cards and numbers."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from telecom_crm.domain.identifiers import ICCID, IMSI, MSISDN, as_stored
from telecom_crm.domain.money import Money
from telecom_crm.domain.number import Number, NumberOrigin, NumberStatus
from telecom_crm.domain.sim import Sim, SimStatus


def sim_to_row(sim: Sim) -> dict[str, Any]:
    """Return the row of a SIM card."""
    return {
        "iccid": sim.iccid.digits,
        "imsi": sim.imsi.digits if sim.imsi else None,
        "pin1": sim.pin1,
        "puk1": sim.puk1,
        "batch": sim.batch,
        "msisdn": sim.msisdn.digits if sim.msisdn else None,
        "contract_id": sim.contract_id,
        "reserved_for": sim.reserved_for,
        "reserved_until": sim.reserved_until,
        "activated_at": sim.activated_at,
        "status": sim.status.value,
        "version": sim.version,
    }


def sim_from_row(row: Mapping[str, Any]) -> Sim:
    """Return the SIM card of a row."""
    return Sim(
        iccid=as_stored(ICCID, row["iccid"]),
        imsi=as_stored(IMSI, row["imsi"]) if row["imsi"] else None,
        pin1=row["pin1"],
        puk1=row["puk1"],
        batch=row["batch"],
        msisdn=as_stored(MSISDN, row["msisdn"]) if row["msisdn"] else None,
        contract_id=row["contract_id"],
        reserved_for=row["reserved_for"],
        reserved_until=row["reserved_until"],
        activated_at=row["activated_at"],
        status=SimStatus(row["status"]),
        version=row["version"],
    )


def number_to_row(number: Number) -> dict[str, Any]:
    """Return the row of a number."""
    price = number.price
    return {
        "msisdn": number.msisdn.digits,
        "category": number.category.value,
        "price_minor": price.minor if price is not None else None,
        "price_currency": price.currency if price is not None else None,
        "origin": number.origin.value,
        "contract_id": number.contract_id,
        "reserved_for": number.reserved_for,
        "reserved_until": number.reserved_until,
        "quarantined_until": number.quarantined_until,
        "kept_for": number.kept_for,
        "status": number.status.value,
        "version": number.version,
    }


def number_from_row(row: Mapping[str, Any]) -> Number:
    """Return the number of a row."""
    minor = row["price_minor"]
    return Number(
        msisdn=as_stored(MSISDN, row["msisdn"]),
        category=row["category"],
        price=Money(minor, row["price_currency"]) if minor is not None else None,
        origin=NumberOrigin(row["origin"]),
        contract_id=row["contract_id"],
        reserved_for=row["reserved_for"],
        reserved_until=row["reserved_until"],
        quarantined_until=row["quarantined_until"],
        kept_for=row["kept_for"],
        status=NumberStatus(row["status"]),
        version=row["version"],
    )
