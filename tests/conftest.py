"""What every test shares: how many examples Hypothesis tries, and how often things are killed.

`HYPOTHESIS_PROFILE` chooses `dev`, `ci` or `nightly`; without it, CI decides.
"""

import os

import pytest
from hypothesis import HealthCheck, settings

SLOW_IS_FINE = [HealthCheck.too_slow]

settings.register_profile("dev", max_examples=25, deadline=None)
settings.register_profile(
    "ci", max_examples=200, deadline=None, print_blob=True, suppress_health_check=SLOW_IS_FINE
)
settings.register_profile(
    "nightly", max_examples=5000, deadline=None, print_blob=True, suppress_health_check=SLOW_IS_FINE
)
settings.load_profile(
    os.environ.get("HYPOTHESIS_PROFILE") or ("ci" if os.environ.get("CI") == "true" else "dev")
)


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption("--kills", type=int, default=20, help="how often tests of faults kill [20]")


@pytest.fixture
def kills(pytestconfig: pytest.Config) -> int:
    """How often to kill what is being tested."""
    return int(pytestconfig.getoption("--kills"))
