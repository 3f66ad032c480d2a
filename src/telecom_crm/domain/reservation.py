"""The names under which SIMs and numbers are kept, and who may have what is kept under one."""

from __future__ import annotations

from telecom_crm.domain.errors import InvalidValue
from telecom_crm.domain.identifiers import ContractId, CustomerId

_OF_A_CONTRACT = "contract:"
_OF_A_SALE = "sale:"


def reservation_of(contract_id: ContractId) -> str:
    """Return the name under which a draft keeps what it will be signed with; nobody else's."""
    return f"{_OF_A_CONTRACT}{contract_id}"


def is_of_a_contract(name: str) -> bool:
    """Tell whether a name is a draft's."""
    return name.startswith(_OF_A_CONTRACT)


def sale_to(customer_id: CustomerId, *, by: str) -> str:
    """Return the name under which somebody keeps what they sell to a customer, in any window."""
    return f"{_OF_A_SALE}{by}:{customer_id}"


def clerk_of(name: str) -> str:
    """Return who sells what a sale keeps; "" for any other name."""
    is_sale = name.startswith(_OF_A_SALE)
    return name.removeprefix(_OF_A_SALE).rpartition(":")[0] if is_sale else ""


def read_reservation(name: str, *, field: str = "reservation") -> str:
    """Return a name that somebody chose; raise `InvalidValue` for one that a draft would have."""
    if is_of_a_contract(name):
        message = f"a name that does not begin with {_OF_A_CONTRACT}, which drafts have"
        raise InvalidValue.of(field, "reservation", message, name)
    return name


def opens(reservation: str | None, reserved_for: str | None) -> bool:
    """Tell whether who brings a reservation may have what is kept under a name."""
    if reservation is None or reservation != reserved_for:
        return False
    return not is_of_a_contract(reservation)


def goes_to(
    reserved_for: str | None, contract_id: ContractId | None, reservation: str | None
) -> bool:
    """Tell whether a contract may have a thing, by its own draft or by a reservation it brings."""
    if reserved_for is None or opens(reservation, reserved_for):
        return True
    return contract_id is not None and reserved_for == reservation_of(contract_id)
