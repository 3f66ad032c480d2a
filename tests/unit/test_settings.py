"""Settings: the environment over the file, and what a child process is told."""

from datetime import timedelta
from pathlib import Path

import attrs
import pytest

from telecom_crm.domain.errors import InvalidValue
from telecom_crm.entrypoints.periods import Periods
from telecom_crm.entrypoints.settings import KNOWN, Settings, as_environment, read_settings


@pytest.fixture(autouse=True)
def alone(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.chdir(tmp_path)
    for name in ("DATABASE_URL", "MIGRATION_URL", "DATA", "PORT", "ZONE", "GATEWAYS", "SETTINGS"):
        monkeypatch.delenv(f"TELECOM_CRM_{name}", raising=False)


def test_the_environment_goes_over_the_file_and_flags_over_both(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    (tmp_path / "telecom-crm.toml").write_text(
        '[telecom_crm]\nzone = "Asia/Almaty"\nport = 8001\npool_size = 3\n'
    )
    monkeypatch.setenv("TELECOM_CRM_PORT", "8002")
    settings = read_settings()
    assert (settings.zone, settings.port, settings.pool_size) == ("Asia/Almaty", 8002, 3)
    assert read_settings(port=8003, zone=None).port == 8003


def test_a_list_from_the_environment_is_one_text(monkeypatch: pytest.MonkeyPatch) -> None:
    kiosk = "telecom_crm.adapters.gateways.cash_desk:CashDesk"
    monkeypatch.setenv("TELECOM_CRM_GATEWAYS", f"{kiosk}, ")
    settings = read_settings()
    assert settings.gateways == settings.options()["gateways"] == (kiosk,)


def test_periods_are_read_in_their_units(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TELECOM_CRM_QUARANTINE_DAYS", "60")
    monkeypatch.setenv("TELECOM_CRM_NETWORK_SECONDS", "30")
    periods = read_settings().options()["periods"]
    wanted = Periods(quarantine=timedelta(days=60), network=timedelta(seconds=30))
    assert periods == wanted
    assert Settings().options()["periods"] == Periods()
    monkeypatch.setenv("TELECOM_CRM_DRAFT_DAYS", "0")
    assert faults() == {"draft_days": "from 1 to 3650"}


def faults() -> dict[str, str]:
    with pytest.raises(InvalidValue) as caught:
        read_settings()
    return {fault.field: fault.message for fault in caught.value.faults}


@pytest.mark.parametrize("port", ["70000", "-1", "many", "", "8000.5"])
def test_a_bad_value_is_told(monkeypatch: pytest.MonkeyPatch, port: str) -> None:
    monkeypatch.setenv("TELECOM_CRM_PORT", port)
    assert set(faults()) == {"port"}


def test_all_that_is_wrong_is_told_at_once(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    (tmp_path / "telecom-crm.toml").write_text(
        """stray = 1
        [telecom_crm]
        zoone = "Asia/Almaty"
        database_url = ["postgresql://me:s3cret@db/x"]
        processes = 0
        gateways = [1]
        data = 3
        webhooks_to_private = "perhaps"
        [telecom-crm]
        port = 8001
        """
    )
    monkeypatch.setenv("TELECOM_CRM_WORK_SECONDS", "99")
    told = faults()
    assert list(told) == [
        *("stray", "telecom-crm", "zoone", "database_url", "processes", "gateways", "data"),
        *("webhooks_to_private", "work_seconds"),
    ]
    assert "did you mean zone?" in told["zoone"]
    assert "s3cret" not in str(told)
    with pytest.raises(InvalidValue, match="port"):
        Settings(port=70000)


def test_a_file_that_cannot_be_read_is_told(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    file = tmp_path / "mine.toml"
    monkeypatch.setenv("TELECOM_CRM_SETTINGS", str(file))
    assert "No such file" in faults()[str(file)]
    file.write_bytes(b"[telecom_crm]\nzone = \xff")
    assert "utf-8" in faults()[str(file)]
    file.write_text("telecom_crm = 3")
    assert "a line [telecom_crm]" in faults()["telecom_crm"]
    file.write_text("[telecom_crm]\nzone = \nport = 1")
    assert "line 2" in faults()[str(file)]
    file.write_text('[telecom_crm]\nzone = "Asia/Almaty"\nwebhooks_to_private = true')
    assert read_settings() == Settings(zone="Asia/Almaty", webhooks_to_private=True)


def test_a_child_reads_what_its_parent_has_but_for_the_owners_url(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setenv("TELECOM_CRM_PORT", "9999")
    kept = Settings(port=8000, schema="acme", gateways=("a:b", "c:d"), data=tmp_path)
    parent = attrs.evolve(kept, migration_url="secret")
    for name, value in as_environment(parent).items():
        monkeypatch.setenv(name, value)
    assert read_settings() == kept


def test_urls_are_not_shown() -> None:
    assert "secret" not in repr(Settings(database_url="postgresql://me:secret@db/x"))


def test_the_page_on_operations_names_every_setting():
    page = (Path(__file__).parents[2] / "docs" / "operations.md").read_text("utf-8")
    for name in KNOWN:
        assert (
            f"TELECOM_CRM_{name.upper()}" in page
            or f"`{name.upper()}`" in page
            or (f"`{name}`" in page)
        ), name
