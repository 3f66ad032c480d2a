"""Messages to people, on the console: for trying things out."""

from __future__ import annotations

import sys
import threading
from typing import TextIO

from telecom_crm.application.ports import Message
from telecom_crm.domain.errors import Unavailable


class ConsoleMessenger:
    """
    Prints each message as one line, address first, to a stream (standard output).

    It never logs: what it prints is personal data, and is meant for whoever watches the stream.
    """

    def __init__(self, stream: TextIO | None = None) -> None:
        self._stream = stream
        self._lock = threading.Lock()

    def send(self, message: Message) -> None:
        """Print it; raise `Unavailable` where nobody reads the stream any more."""
        said = ": ".join(part for part in (message.subject, message.body) if part)
        line = _on_one_line(f"to {message.address} | {said}")
        with self._lock:
            try:
                # Looked up now, so that a stream put in the place of standard output is used.
                print(line, file=self._stream or sys.stdout, flush=True)
            except (OSError, ValueError):  # a broken pipe, a closed stream
                raise Unavailable("console") from None


def _on_one_line(text: str) -> str:
    """Keep what can be printed: no line breaks, nothing that a terminal would obey."""
    return "".join(char if char.isprintable() else " " for char in text)
