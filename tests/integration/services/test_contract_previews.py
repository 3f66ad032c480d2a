"""The tests of the service, on PostgreSQL."""

from tests.unit.test_contract_previews import *  # noqa: F403  # every test and fixture of it
