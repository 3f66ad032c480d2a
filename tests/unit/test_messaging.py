from __future__ import annotations

import io
from uuid import UUID

import pytest

from telecom_crm.adapters.messaging.console import ConsoleMessenger
from telecom_crm.application.ports import Message, Messenger
from telecom_crm.domain.errors import Unavailable
from telecom_crm.domain.identifiers import NotificationId

MESSAGE = Message(
    notification_id=NotificationId(UUID(int=1)),
    address="+996555000001",
    subject="",
    body="Paid 150.00\nKGS \x1b[2J",
)


def test_prints_one_line_for_each_message(caplog):
    stream = io.StringIO()
    messenger: Messenger = ConsoleMessenger(stream)
    messenger.send(MESSAGE)
    assert stream.getvalue() == "to +996555000001 | Paid 150.00 KGS  [2J\n"
    assert caplog.records == []


def test_prints_to_standard_output(capsys):
    ConsoleMessenger().send(MESSAGE)
    assert capsys.readouterr().out.startswith("to +996555000001 | Paid")


def test_a_closed_stream_has_it_tried_again():
    stream = io.StringIO()
    stream.close()
    with pytest.raises(Unavailable):
        ConsoleMessenger(stream).send(MESSAGE)
