"""What every network adapter has to do, as tests to subclass."""

from __future__ import annotations

from typing import Protocol

import pytest

from telecom_crm.application.ports import Network, NetworkFailed, NetworkSilent
from telecom_crm.domain.hold import Bar
from telecom_crm.domain.identifiers import ICCID, MSISDN, ContractId, TaskId
from telecom_crm.domain.provisioning import ProvisioningKind, ProvisioningTask
from telecom_crm.entrypoints.conformance.samples import Samples
from telecom_crm.entrypoints.conformance.strategies import iccid_of, msisdn_of


class NetworkHandle(Protocol):
    """A network under test, and the strings behind it: its test bed, or a script."""

    @property
    def network(self) -> Network: ...

    def refuse(self) -> None:
        """Let the network refuse whatever it is asked, until `heal`."""
        ...

    def fall_silent(self, *, done: bool) -> None:
        """Let it not answer, having `done` what it was asked or not, until `heal`."""
        ...

    def heal(self) -> None:
        """Let everything go well again."""
        ...

    def served(self, iccid: ICCID) -> tuple[MSISDN, frozenset[Bar]] | None:
        """Return the number of a card and what is barred; None where it is not known."""
        ...


_K = ProvisioningKind
CARD, NEW_CARD = iccid_of(1), iccid_of(2)
NUMBER, NEW_NUMBER = msisdn_of(1), msisdn_of(2)
NOTHING: frozenset[Bar] = frozenset()
SOME, ALL = frozenset({Bar.OUTGOING, Bar.DATA}), frozenset(Bar)


class NetworkSuite:
    """Subclass it, give `make`, and pytest does the rest."""

    def make(self) -> NetworkHandle:
        """Return a handle on a network that knows none of our cards."""
        raise NotImplementedError

    @pytest.mark.parametrize("times", [1, 2])
    def test_a_subscriber_from_first_to_last_doing_each_thing_again(self, times: int) -> None:
        handle = self.make()
        story = (
            (_task(_K.ACTIVATE), {CARD: (NUMBER, NOTHING)}),
            (_task(_K.BAR, bars=SOME), {CARD: (NUMBER, SOME)}),
            (_task(_K.BAR, bars=ALL), {CARD: (NUMBER, ALL)}),
            (_task(_K.BAR, bars=SOME), {CARD: (NUMBER, SOME)}),
            (_task(_K.UNBAR), {CARD: (NUMBER, NOTHING)}),
            (_swap(), {CARD: None, NEW_CARD: (NUMBER, NOTHING)}),
            (_renumber(), {NEW_CARD: (NEW_NUMBER, NOTHING)}),
            (_task(_K.TERMINATE, iccid=NEW_CARD, msisdn=NEW_NUMBER), {NEW_CARD: None}),
        )
        for task, expected in story:
            for _ in range(times):
                handle.network.carry_out(task)
            assert {card: handle.served(card) for card in expected} == expected

    @pytest.mark.parametrize("bars", [NOTHING, SOME, ALL])
    def test_another_card_is_barred_as_the_swap_says(self, bars: frozenset[Bar]) -> None:
        handle = self.make()
        handle.network.carry_out(_task(_K.ACTIVATE))
        handle.network.carry_out(_task(_K.BAR, bars=SOME))
        handle.network.carry_out(_swap(bars=bars))
        assert handle.served(NEW_CARD) == (NUMBER, bars)

    def test_a_refusal_is_typed_names_its_step_and_can_be_tried_again(self) -> None:
        handle = self.make()
        handle.refuse()
        with pytest.raises(NetworkFailed) as refused:
            handle.network.carry_out(_task(_K.ACTIVATE))
        assert refused.value.step
        handle.heal()
        handle.network.carry_out(_task(_K.ACTIVATE))
        assert handle.served(CARD) == (NUMBER, NOTHING)

    @pytest.mark.parametrize("done", [False, True])
    def test_silence_is_typed_and_doing_it_again_does_no_harm(self, done: bool) -> None:
        handle = self.make()
        handle.fall_silent(done=done)
        with pytest.raises(NetworkSilent) as silent:
            handle.network.carry_out(_task(_K.ACTIVATE))
        assert silent.value.retryable
        handle.heal()
        handle.network.carry_out(_task(_K.ACTIVATE))
        assert handle.served(CARD) == (NUMBER, NOTHING)

    def test_silence_in_a_swap_leaves_one_card_served_in_the_end(self) -> None:
        handle = self.make()
        handle.network.carry_out(_task(_K.ACTIVATE))
        handle.fall_silent(done=True)
        with pytest.raises(NetworkSilent):
            handle.network.carry_out(_swap())
        handle.heal()
        handle.network.carry_out(_swap())
        assert (handle.served(CARD), handle.served(NEW_CARD)) == (None, (NUMBER, NOTHING))

    def test_a_card_it_does_not_know_is_barred_or_that_is_refused(self) -> None:
        handle = self.make()
        barred: tuple[MSISDN, frozenset[Bar]] | None = (NUMBER, ALL)
        try:
            handle.network.carry_out(_task(_K.BAR, bars=ALL))
        except NetworkFailed:
            barred = None
        assert handle.served(CARD) == barred

    def test_letting_go_of_a_card_it_does_not_know_is_no_change(self) -> None:
        handle = self.make()
        handle.network.carry_out(_task(_K.TERMINATE))
        assert handle.served(CARD) is None


_SAMPLES = Samples()


def _task(
    kind: ProvisioningKind,
    *,
    iccid: ICCID = CARD,
    msisdn: MSISDN = NUMBER,
    bars: frozenset[Bar] = NOTHING,
    previous_iccid: ICCID | None = None,
    previous_msisdn: MSISDN | None = None,
) -> ProvisioningTask:
    return ProvisioningTask.create(
        id=TaskId(_SAMPLES.id()),
        kind=kind,
        contract_id=ContractId(_SAMPLES.id()),
        iccid=iccid,
        msisdn=msisdn,
        bars=bars,
        previous_iccid=previous_iccid,
        previous_msisdn=previous_msisdn,
        **_SAMPLES.said(),
    )


def _swap(bars: frozenset[Bar] = NOTHING) -> ProvisioningTask:
    return _task(_K.SWAP_SIM, iccid=NEW_CARD, bars=bars, previous_iccid=CARD)


def _renumber() -> ProvisioningTask:
    return _task(_K.CHANGE_NUMBER, iccid=NEW_CARD, msisdn=NEW_NUMBER, previous_msisdn=NUMBER)
