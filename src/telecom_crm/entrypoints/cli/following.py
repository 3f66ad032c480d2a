"""Processes that do not outlive the one that started them, however it ends."""

from __future__ import annotations

import os
import select
import signal
import threading
import time

PARENT = "TELECOM_CRM_PARENT"
"""The process that ours must not outlive, by id."""
LAST_WORDS_SECONDS = 20.0


def follow_parent() -> None:
    """End this process when the one named in `PARENT` does, however it ends."""
    told = os.environ.pop(PARENT, "")
    if not told:
        return
    thread = threading.Thread(target=_outlive_nobody, args=(int(told),), daemon=True)
    thread.start()


def _outlive_nobody(parent: int) -> None:
    if hasattr(os, "pidfd_open"):
        try:
            handle = os.pidfd_open(parent)
        except ProcessLookupError:
            pass
        else:
            if os.getppid() == parent:
                select.select([handle], [], [])
    else:
        while os.getppid() == parent:
            time.sleep(0.5)
    os.kill(os.getpid(), signal.SIGTERM)
    time.sleep(LAST_WORDS_SECONDS)
    os._exit(1)
