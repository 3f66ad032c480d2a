"""What people type to call the program, for whatever tells them to."""

import os


def called_as() -> str:
    """Return what people type to call this program."""
    return os.environ.get("TELECOM_CRM_CALLED_AS", "telecom-crm")
