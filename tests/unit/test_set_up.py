"""The set-up: what `./crm` decides, what the lock pins, and what a light import loads."""

import re
import subprocess
import sys
import tomllib
from importlib.machinery import SourceFileLoader
from importlib.util import module_from_spec, spec_from_loader
from pathlib import Path
from types import ModuleType

import pytest

ROOT = Path(__file__).parents[2]
LOCK = (ROOT / "requirements.lock").read_text()
ENTRIES = re.split(r"\n(?=\w)", LOCK.strip())


@pytest.fixture
def crm() -> ModuleType:
    loader = SourceFileLoader("crm_script", str(ROOT / "crm"))
    spec = spec_from_loader("crm_script", loader)
    assert spec
    script = module_from_spec(spec)
    loader.exec_module(script)
    return script


def canonical(requirement: str) -> str:
    name = re.match(r"[\w.-]+", requirement)
    assert name
    return re.sub(r"[-_.]+", "-", name[0]).lower()


def test_every_requirement_is_pinned_with_hashes_and_says_not_from_where() -> None:
    for entry in ENTRIES:
        assert re.match(r"[\w.-]+==[\w.]+", entry), entry
        assert re.search(r"--hash=sha256:[0-9a-f]{64}", entry), entry
    assert "://" not in LOCK
    assert not re.search(r"^-|index", LOCK, re.MULTILINE)


def test_the_lock_covers_what_pyproject_asks_for() -> None:
    told = tomllib.loads((ROOT / "pyproject.toml").read_text())
    wanted = [
        *told["project"]["dependencies"],
        *(each for extra in told["project"]["optional-dependencies"].values() for each in extra),
        *(each for group in told["dependency-groups"].values() for each in group),
        *told["build-system"]["requires"],
    ]
    names = {canonical(each) for each in wanted if isinstance(each, str)} - {"telecom-crm"}
    assert names <= {canonical(entry) for entry in ENTRIES}


def test_importing_the_package_loads_nothing_heavy() -> None:
    code = (
        "import sys, telecom_crm; heavy = {'sqlalchemy', 'psycopg', 'litestar', 'granian',"
        "'alembic', 'procrastinate', 'rich', 'cyclopts'}; print(sorted(heavy & set(sys.modules)))"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"


@pytest.mark.parametrize(
    ("arguments", "code", "words"),
    [
        (["--help"], 0, "./crm COMMAND"),
        ([], 2, "./crm COMMAND"),
        (["lint", "--help"], 0, "import-linter"),
        (["dance"], 2, "no such command: dance"),
    ],
)
def test_the_script_explains_itself(arguments: list[str], code: int, words: str) -> None:
    done = subprocess.run(
        [sys.executable, str(ROOT / "crm"), *arguments],
        capture_output=True,
        text=True,
        check=False,
        cwd="/",
    )
    assert done.returncode == code
    assert words in done.stdout + done.stderr


def test_an_environment_without_its_stamp_is_not_trusted(crm: ModuleType, tmp_path: Path) -> None:
    (tmp_path / "bin").mkdir()
    (tmp_path / "bin" / "python").symlink_to(sys.executable)
    assert not crm.stamped(tmp_path)
    (tmp_path / "crm-stamp").write_text(crm.fingerprint(tmp_path))
    assert crm.stamped(tmp_path)


def test_a_changed_lock_or_a_lost_interpreter_makes_the_stamp_void(
    crm: ModuleType, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    python = tmp_path / "bin" / "python"
    python.parent.mkdir()
    python.symlink_to(sys.executable)
    (tmp_path / "crm-stamp").write_text(crm.fingerprint(tmp_path))
    other = tmp_path / "requirements.lock"
    other.write_text("attrs==1\n")
    with monkeypatch.context() as patch:
        patch.setattr(crm, "LOCK", other)
        assert not crm.stamped(tmp_path)
    python.unlink()
    python.symlink_to(tmp_path / "gone")
    assert not crm.stamped(tmp_path)


def test_the_installer_is_taken_from_the_lock_with_its_hashes(crm: ModuleType) -> None:
    entry = crm.entry_of("uv")
    assert re.match(r"uv==[\d.]+ \\\n", entry)
    assert entry.count("==") == 1
    assert set(re.findall(r"sha256:\w+", entry)) == set(
        re.findall(r"sha256:\w+", next(each for each in ENTRIES if each.startswith("uv==")))
    )


def test_making_an_environment_leaves_nothing_at_home(
    crm: ModuleType, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    home, tools, venv = tmp_path / "home", tmp_path / "tools", tmp_path / "venv"
    home.mkdir()
    tools.mkdir()
    shim = tools / "rustc"  # as rustup's does: pip asks it for its version
    shim.write_text('#!/bin/sh\nmkdir -p "${RUSTUP_HOME:-$HOME/.rustup}"\necho rustc 1.0.0\n')
    shim.chmod(0o755)
    monkeypatch.setenv("HOME", str(home))
    monkeypatch.setenv("PATH", str(tools), prepend=":")
    monkeypatch.delenv("RUSTUP_HOME", raising=False)
    crm.step([sys.executable, "-m", "venv", venv], crm.around_pip(venv))
    assert (venv / "rustup").is_dir()
    assert list(home.iterdir()) == []


def test_what_pip_is_configured_with_is_said_to_uv(
    crm: ModuleType, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    there, gone = tmp_path / "wheels", tmp_path / "gone"
    there.mkdir()
    config = {
        ":env:.find-links": f"{there} {gone}",
        "global.find-links": "/less/than/the/environment",
        "global.index-url": "https://index.invalid/simple",
        "global.extra-index-url": "file:///one file:///two",
        "global.cert": "/certificates.pem",
    }
    for name in ("UV_DEFAULT_INDEX", "UV_INDEX", "UV_FIND_LINKS", "SSL_CERT_FILE"):
        monkeypatch.delenv(name, raising=False)
    settings = crm.translated("\n".join(f"{key}={value!r}" for key, value in config.items()))
    assert settings["UV_DEFAULT_INDEX"] == "https://index.invalid/simple"
    assert settings["UV_INDEX"] == "file:///one file:///two"
    assert settings["UV_FIND_LINKS"] == str(there)
    assert settings["SSL_CERT_FILE"] == "/certificates.pem"
    assert settings["UV_PYTHON_DOWNLOADS"] == "never"


def test_an_interpreter_counts_only_if_it_runs(crm: ModuleType, tmp_path: Path) -> None:
    shim = tmp_path / "python3"
    shim.write_text("#!/bin/sh\necho 3.13\nexit 127\n")
    shim.chmod(0o755)
    assert crm.version_of(shim) == ""
    assert crm.version_of(tmp_path / "none") == ""
    assert crm.version_of(sys.executable) == "{}.{}".format(*sys.version_info)


def test_a_python_that_cannot_make_environments_is_told_what_to_do(
    crm: ModuleType, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    bare = tmp_path / "python3"
    bare.write_text(
        f'#!/bin/sh\ncase "$2" in *ensurepip*) exit 1;; esac\nexec "{sys.executable}" "$@"'
    )
    bare.chmod(0o755)
    monkeypatch.setattr(crm, "interpreters", lambda: [str(bare)])
    monkeypatch.setattr("os.geteuid", lambda: 1000)
    version = crm.version_of(bare)
    with pytest.raises(crm.SetUpFailed, match=f"sudo apt-get install .*python{version}-venv"):
        crm.best_interpreter()
    monkeypatch.setattr(crm, "interpreters", list)
    with pytest.raises(crm.SetUpFailed, match=r"3\.11 or later is needed"):
        crm.best_interpreter()


def test_lint_finds_what_no_file_may_say(crm: ModuleType) -> None:
    for line in ("see /" + "home/me/notes", "https://py" + "pi.org/simple", "cd /" + "root/x"):
        assert crm.telltale(line), line
    for line in ("src/home/page.py", "GET /workers", "a/" + "root/b", "index = 1"):
        assert not crm.telltale(line), line


def test_the_product_keeps_its_bytecode_whatever_the_shell_says(
    crm: ModuleType, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PYTHONDONTWRITEBYTECODE", "1")  # as container images have it
    monkeypatch.setenv("TELECOM_CRM_PORT", "8123")
    kept = crm.surroundings()
    assert "PYTHONDONTWRITEBYTECODE" not in kept
    assert kept["TELECOM_CRM_PORT"] == "8123"
