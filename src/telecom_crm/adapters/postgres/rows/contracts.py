"""Rows of contracts and of what the network has to be told."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from telecom_crm.adapters.postgres.json import (
    converter,
    many_to_text,
    receipt_from,
    receipt_to_text,
    to_text,
)
from telecom_crm.domain.attachment import Attachment
from telecom_crm.domain.charging import Charge
from telecom_crm.domain.contract import (
    Amendment,
    ChosenOption,
    Contract,
    ContractStatus,
    Revision,
)
from telecom_crm.domain.hold import Bar, Hold
from telecom_crm.domain.identifiers import ICCID, IMSI, MSISDN, N, as_stored
from telecom_crm.domain.provisioning import (
    ProvisioningKind,
    ProvisioningStatus,
    ProvisioningTask,
    StepFact,
)


def contract_to_row(contract: Contract) -> dict[str, Any]:
    """Return the row of a contract."""
    return {
        "account_id": contract.account_id,
        "id": contract.id,
        "number": contract.number,
        "customer_id": contract.customer_id,
        "iccid": contract.iccid.digits,
        "msisdn": contract.msisdn.digits,
        "tariff_code": contract.tariff_code,
        "tariff_version": contract.tariff_version,
        "options": many_to_text(contract.options),
        "documents": many_to_text(contract.documents),
        "application_id": contract.application_id,
        "requested_activation": contract.requested_activation,
        "minimum_term_months": contract.minimum_term_months,
        "accepted_at": contract.accepted_at,
        "activated_at": contract.activated_at,
        "closed_at": contract.closed_at,
        "receipt": receipt_to_text(contract.receipt),
        "first_fees": many_to_text(contract.first_fees),
        "follows": contract.follows,
        "holds": many_to_text(contract.holds),
        "revisions": many_to_text(contract.revisions),
        "pending": to_text(contract.pending) if contract.pending else None,
        "status": contract.status.value,
        "version": contract.version,
    }


def contract_from_row(row: Mapping[str, Any]) -> Contract:
    """Return the contract of a row."""
    structure = converter.structure
    return Contract(
        id=row["id"],
        number=row["number"],
        customer_id=row["customer_id"],
        account_id=row["account_id"],
        iccid=as_stored(ICCID, row["iccid"]),
        msisdn=as_stored(MSISDN, row["msisdn"]),
        tariff_code=row["tariff_code"],
        tariff_version=row["tariff_version"],
        options=structure(row["options"], tuple[ChosenOption, ...]),
        documents=structure(row["documents"], tuple[Attachment, ...]),
        application_id=row["application_id"],
        requested_activation=row["requested_activation"],
        minimum_term_months=row["minimum_term_months"],
        accepted_at=row["accepted_at"],
        activated_at=row["activated_at"],
        closed_at=row["closed_at"],
        receipt=receipt_from(row["receipt"]),
        first_fees=structure(row["first_fees"], tuple[Charge, ...]),
        follows=row["follows"],
        holds=structure(row["holds"], tuple[Hold, ...]),
        revisions=structure(row["revisions"], tuple[Revision, ...]),
        pending=structure(row["pending"], Amendment) if row["pending"] else None,
        status=ContractStatus(row["status"]),
        version=row["version"],
    )


def task_to_row(task: ProvisioningTask) -> dict[str, Any]:
    """Return the row of a provisioning task."""
    return {
        "id": task.id,
        "kind": task.kind.value,
        "contract_id": task.contract_id,
        "iccid": task.iccid.digits,
        "imsi": task.imsi.digits if task.imsi else None,
        "msisdn": task.msisdn.digits,
        "bars": many_to_text(tuple(sorted(task.bars))),
        "previous_iccid": task.previous_iccid.digits if task.previous_iccid else None,
        "previous_msisdn": task.previous_msisdn.digits if task.previous_msisdn else None,
        "asked_at": task.asked_at,
        "steps": many_to_text(task.steps),
        "attempts": task.attempts,
        "lease_until": task.lease_until,
        "silent": task.silent,
        "error": task.error,
        "ticket_id": task.ticket_id,
        "status": task.status.value,
        "version": task.version,
    }


def task_from_row(row: Mapping[str, Any]) -> ProvisioningTask:
    """Return the provisioning task of a row."""
    return ProvisioningTask(
        id=row["id"],
        kind=ProvisioningKind(row["kind"]),
        contract_id=row["contract_id"],
        iccid=as_stored(ICCID, row["iccid"]),
        imsi=_maybe(IMSI, row["imsi"]),
        msisdn=as_stored(MSISDN, row["msisdn"]),
        bars=converter.structure(row["bars"], frozenset[Bar]),
        previous_iccid=_maybe(ICCID, row["previous_iccid"]),
        previous_msisdn=as_stored(MSISDN, row["previous_msisdn"])
        if row["previous_msisdn"]
        else None,
        asked_at=row["asked_at"],
        steps=converter.structure(row["steps"], tuple[StepFact, ...]),
        attempts=row["attempts"],
        lease_until=row["lease_until"],
        silent=row["silent"],
        error=row["error"],
        ticket_id=row["ticket_id"],
        status=ProvisioningStatus(row["status"]),
        version=row["version"],
    )


def _maybe(kind: type[N], digits: str | None) -> N | None:
    return None if digits is None else as_stored(kind, digits)
