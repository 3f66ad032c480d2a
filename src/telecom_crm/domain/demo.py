"""An installation that is made up, to be looked at and tried."""

from __future__ import annotations

from datetime import datetime

import attrs


@attrs.frozen(kw_only=True)
class Demo:
    """
    That all of this installation is made up, and from what: the same numbers make the same people.

    `began` is when its past begins; it has been `lived` once all of it is there.
    """

    seed: int
    customers: int
    began: datetime
    lived: bool = False
