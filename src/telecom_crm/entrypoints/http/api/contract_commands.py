"""What is done with a contract that there is: accept, activate, suspend, change and close it."""

from __future__ import annotations

from uuid import UUID

from litestar import Response
from litestar.di import NamedDependency
from litestar.params import FromPath, JSONBody

from telecom_crm.application.contracts.amending import When
from telecom_crm.application.contracts.service import Contracts
from telecom_crm.domain.contract import CloseReason
from telecom_crm.domain.hold import HoldKind
from telecom_crm.domain.identifiers import ContractId
from telecom_crm.domain.role import Area
from telecom_crm.domain.sim import RetireReason
from telecom_crm.entrypoints.http.api.contract_views import (
    ContractView,
    PolicyReceiptView,
    contract_shown,
)
from telecom_crm.entrypoints.http.bodies import (
    Because,
    Body,
    Code,
    Codes,
    IccidText,
    MsisdnText,
    Named,
    Reason,
    Why,
)
from telecom_crm.entrypoints.http.calls import Call
from telecom_crm.entrypoints.http.routes import does
from telecom_crm.entrypoints.http.values import KeyUse


class PolicyChoice(Body):
    """A billing policy by its id."""

    policy: Named


class Holding(Body):
    """For what reason a contract is suspended, or no more."""

    hold: HoldKind
    reason: Reason = ""


class Amending(Body):
    """Other terms; what is left out stays."""

    tariff: Code | None = None
    options: Codes | None = None
    when: When = When.NOW


class Swap(Body):
    """Another SIM card."""

    iccid: IccidText
    reason: RetireReason = RetireReason.SWAPPED
    lift_lost_stolen: bool = False
    reservation: Named | None = None


class Renumbering(Body):
    """Another number."""

    msisdn: MsisdnText
    reservation: Named | None = None


class Closing(Body):
    """Why a contract ends."""

    reason: CloseReason


class ContractCommands:
    """The commands of a contract, for its controller."""

    @does("/{contract_id:uuid}/policy", Area.CONTRACTS, versioned=True)
    def policy(
        self,
        request: Call,
        contract_id: FromPath[UUID],
        data: JSONBody[PolicyChoice],
        contracts: NamedDependency[Contracts],
    ) -> PolicyReceiptView:
        """Choose the billing policy of a contract's account."""
        return PolicyReceiptView.of(
            contracts.choose_policy(
                ContractId(contract_id),
                policy=data.policy,
                expected_version=request.seen,
                by=request.by,
            )
        )

    @does("/{contract_id:uuid}/accept", Area.CONTRACTS, versioned=True)
    def accept(
        self,
        request: Call,
        contract_id: FromPath[UUID],
        contracts: NamedDependency[Contracts],
    ) -> Response[ContractView]:
        """Sign a draft, on the terms it names."""
        return contract_shown(
            contracts.accept(
                ContractId(contract_id),
                expected_version=request.seen,
                by=request.by,
            )
        )

    @does("/{contract_id:uuid}/cancel", Area.CONTRACTS, versioned=True)
    def cancel(
        self,
        request: Call,
        contract_id: FromPath[UUID],
        data: JSONBody[Because],
        contracts: NamedDependency[Contracts],
    ) -> Response[ContractView]:
        """Give a contract up that was never active."""
        return contract_shown(
            contracts.cancel(
                ContractId(contract_id),
                reason=data.reason,
                expected_version=request.seen,
                by=request.by,
            )
        )

    @does("/{contract_id:uuid}/request-activation", Area.CONTRACTS, versioned=True)
    def request_activation(
        self,
        request: Call,
        contract_id: FromPath[UUID],
        contracts: NamedDependency[Contracts],
    ) -> Response[ContractView]:
        """Activate a contract whose summary is all green; the network is asked afterwards."""
        return contract_shown(
            contracts.request_activation(
                ContractId(contract_id),
                expected_version=request.seen,
                by=request.by,
            )
        )

    @does("/{contract_id:uuid}/fail-activation", Area.CONTRACTS, versioned=True)
    def fail_activation(
        self,
        request: Call,
        contract_id: FromPath[UUID],
        data: JSONBody[Why],
        contracts: NamedDependency[Contracts],
    ) -> Response[ContractView]:
        """Give an activation up; it can be requested again."""
        return contract_shown(
            contracts.fail_activation(
                ContractId(contract_id),
                reason=data.reason,
                expected_version=request.seen,
                by=request.by,
            )
        )

    @does("/{contract_id:uuid}/suspend", Area.CONTRACTS, versioned=True)
    def suspend(
        self,
        request: Call,
        contract_id: FromPath[UUID],
        data: JSONBody[Holding],
        contracts: NamedDependency[Contracts],
    ) -> Response[ContractView]:
        """Suspend a contract for one more reason."""
        return contract_shown(
            contracts.suspend(
                ContractId(contract_id),
                hold=data.hold,
                reason=data.reason,
                expected_version=request.seen,
                by=request.by,
            )
        )

    @does("/{contract_id:uuid}/resume", Area.CONTRACTS, versioned=True)
    def resume(
        self,
        request: Call,
        contract_id: FromPath[UUID],
        data: JSONBody[Holding],
        contracts: NamedDependency[Contracts],
    ) -> Response[ContractView]:
        """Lift one hold; with the last one the contract is active again."""
        return contract_shown(
            contracts.resume(
                ContractId(contract_id),
                hold=data.hold,
                reason=data.reason,
                expected_version=request.seen,
                by=request.by,
            )
        )

    @does("/{contract_id:uuid}/amend", Area.CONTRACTS, key=KeyUse.REQUIRED, versioned=True)
    def amend(
        self,
        request: Call,
        contract_id: FromPath[UUID],
        data: JSONBody[Amending],
        contracts: NamedDependency[Contracts],
    ) -> Response[ContractView]:
        """Change the tariff or the options, now or from the next period on."""
        return contract_shown(
            contracts.amend(
                ContractId(contract_id),
                tariff=data.tariff,
                options=data.options,
                when=data.when,
                idempotency_key=request.key,
                expected_version=request.seen,
                by=request.by,
            )
        )

    @does("/{contract_id:uuid}/swap-sim", Area.CONTRACTS, key=KeyUse.REQUIRED, versioned=True)
    def swap_sim(
        self,
        request: Call,
        contract_id: FromPath[UUID],
        data: JSONBody[Swap],
        contracts: NamedDependency[Contracts],
    ) -> Response[ContractView]:
        """Go on with another SIM card; the old one is retired."""
        return contract_shown(
            contracts.swap_sim(
                ContractId(contract_id),
                iccid=data.iccid.value,
                reason=data.reason,
                lift_lost_stolen=data.lift_lost_stolen,
                reservation=data.reservation,
                idempotency_key=request.key,
                expected_version=request.seen,
                by=request.by,
            )
        )

    @does("/{contract_id:uuid}/change-number", Area.CONTRACTS, key=KeyUse.REQUIRED, versioned=True)
    def change_number(
        self,
        request: Call,
        contract_id: FromPath[UUID],
        data: JSONBody[Renumbering],
        contracts: NamedDependency[Contracts],
    ) -> Response[ContractView]:
        """Go on under another number, whose price is charged; the old one rests."""
        return contract_shown(
            contracts.change_number(
                ContractId(contract_id),
                msisdn=data.msisdn.value,
                reservation=data.reservation,
                idempotency_key=request.key,
                expected_version=request.seen,
                by=request.by,
            )
        )

    @does("/{contract_id:uuid}/close", Area.CONTRACTS, key=KeyUse.REQUIRED, versioned=True)
    def close(
        self,
        request: Call,
        contract_id: FromPath[UUID],
        data: JSONBody[Closing],
        contracts: NamedDependency[Contracts],
    ) -> Response[ContractView]:
        """End a contract: the SIM is retired, the number rests."""
        return contract_shown(
            contracts.close(
                ContractId(contract_id),
                reason=data.reason,
                idempotency_key=request.key,
                expected_version=request.seen,
                by=request.by,
            )
        )
