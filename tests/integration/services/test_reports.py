"""The tests of the service, on PostgreSQL."""

from tests.unit.test_reports_service import *  # noqa: F403  # every test and fixture of it
