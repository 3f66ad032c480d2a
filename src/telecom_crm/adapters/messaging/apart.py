"""Messages that nobody waits for: sent by a thread of their own."""

from __future__ import annotations

import logging
from concurrent.futures import ThreadPoolExecutor

from telecom_crm.application.ports import Message, Messenger
from telecom_crm.domain.errors import TelecomCrmError
from telecom_crm.domain.traces import trace_of

_LOG = logging.getLogger("telecom_crm.messages")


class SendingApart:
    """
    Hands messages to a channel one after the other, from a thread of its own.

    Whoever sends neither waits for the channel nor learns from the time whether there was anything
    to send. What the channel does not take is lost, and said in the log by its code alone: only
    what can be asked for again is sent so.
    """

    def __init__(self, messenger: Messenger) -> None:
        self._messenger = messenger
        self._threads = ThreadPoolExecutor(1, thread_name_prefix="messages")

    def send(self, message: Message) -> None:
        """Take it; it goes out once those before it have."""
        self._threads.submit(self._hand_over, message)

    def close(self) -> None:
        """Send what was taken, and take no more."""
        self._threads.shutdown()

    def _hand_over(self, message: Message) -> None:
        try:
            self._messenger.send(message)
        except TelecomCrmError as error:
            _LOG.warning("message %s was not sent: %s", message.notification_id, error.code)
        except Exception as error:  # noqa: BLE001  # nobody else would hear of a channel's defect
            _LOG.error("message %s was not sent\n%s", message.notification_id, trace_of(error))
