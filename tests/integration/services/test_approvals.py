"""The tests of the service, on PostgreSQL."""

from tests.unit.test_approvals_service import *  # noqa: F403  # every test and fixture of it
