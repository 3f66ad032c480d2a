"""`telecom-crm`: its commands, loaded when they are called, and what their exit codes mean."""

from __future__ import annotations

import os
import sys
from collections.abc import Sequence
from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from cyclopts import App

OK, FAILURES, BAD_INPUT, AWAY = 0, 1, 2, 3
INTERRUPTED = 130

HELP = """
A telecom operator's back office: customers, SIMs, contracts, money and tickets.

Settings also come from the environment (TELECOM_CRM_DATABASE_URL, TELECOM_CRM_DATA …) and from \
telecom-crm.toml. Without a database URL, every command uses the embedded PostgreSQL below the \
data directory, beside a running service if there is one.
"""
CODES = """
Exit codes: 0 all went well; 1 the work was done, and some of it failed (rows, ledger \
differences, broken seals); 2 bad usage or bad input; 3 no database, or one of another schema; \
130 interrupted.
"""

COMMANDS = {
    "run": ("running:run", "Start everything: PostgreSQL, the HTTP service and a worker."),
    "serve": ("serving:serve", "Serve HTTP alone, until SIGTERM or Ctrl-C."),
    "worker": (
        "serving:worker",
        "Do what nobody asks for, until SIGTERM or Ctrl-C.",
    ),
    "migrate": ("schema:migrate", "Bring the database's schema to this version, or make it."),
    "import": ("importing:import_file", "Import SIMs, numbers or subscribers from a file."),
    "maintenance-page": (
        "maintenance:page",
        "Print the page that a proxy shows while the service is away.",
    ),
    "openapi": ("schema:openapi", "Print the HTTP service's OpenAPI document, as JSON."),
}
GROUPS = {
    "audit": (
        "The audit trail.",
        {
            "verify": ("audit:verify", "Compare the whole trail with its seals."),
            "seals": ("audit:seals", "Write the seals to a file, to be kept elsewhere."),
        },
    ),
    "catalog": (
        "Tariffs, options and the rules between them.",
        {"apply": ("catalog:apply", "Make the catalog as a TOML file says.")},
    ),
    "demo": (
        "Tell the whole story on a real file: import, contract, money, ticket.",
        {
            "seed": (
                "furnishing:seed",
                "Make a demo in an empty database, with thirteen months behind it.",
            ),
            "reset": (
                "furnishing:reset",
                "Empty a demo and make it anew; what is no demo is refused.",
            ),
        },
    ),
    "export": (
        "Lists as files.",
        {
            "customers": (
                "exporting:export_customers",
                "Write all customers to a file.",
            )
        },
    ),
    "ledger": (
        "The books.",
        {"verify": ("ledger:verify", "Recompute every balance from the journal.")},
    ),
    "reports": (
        "Figures.",
        {"rebuild": ("reports:rebuild", "Sum up all events and the whole journal anew.")},
    ),
    "user": (
        "The operator's own people.",
        {
            "create": ("access:create_user", "Let somebody sign in: the first admin above all."),
            "reset-password": (
                "access:reset_password",
                "Give another password to somebody who is shut out.",
            ),
        },
    ),
    "token": (
        "Who may use the HTTP service.",
        {"create": ("access:create_token", "Make an access token and show its secret, this once.")},
    ),
}
WHOLE = {"demo": "story:demo"}
"""Groups that are a command themselves, too."""


def make_app(arguments: Sequence[str] = ()) -> App:
    """
    Return the program; none of its commands is imported yet.

    A command that is named in `arguments` tells about itself, the others are only listed.
    """
    from importlib.metadata import version

    from cyclopts import App, Parameter

    from telecom_crm.entrypoints.called import called_as

    app = App(
        name=called_as(),
        help=HELP,
        help_epilogue=CODES,
        help_format="markdown",
        default_parameter=Parameter(negative=(), show_default=False),
        version=lambda: version("telecom-crm"),
    )
    _add(app, COMMANDS, arguments)
    for name, (help, commands) in GROUPS.items():
        group = App(name=name, help=help)
        if name in WHOLE and name in arguments:
            module, _, function = WHOLE[name].partition(":")
            group.default(getattr(import_module(f"telecom_crm.entrypoints.cli.{module}"), function))
        _add(group, commands, arguments)
        app.command(group)
    return app


def main(arguments: Sequence[str] | None = None) -> None:
    """Carry out the command line and end the process."""
    try:
        code = run_command(sys.argv[1:] if arguments is None else arguments)
    except KeyboardInterrupt:
        code = INTERRUPTED
    try:
        sys.stdout.flush()
    except BrokenPipeError:  # somebody looked at the first lines only
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
    sys.exit(code)


def run_command(arguments: Sequence[str]) -> int:
    """Carry out one command line and return its exit code."""
    from telecom_crm.domain.errors import SchemaOutdated, TelecomCrmError, Unavailable

    try:
        return _carry_out(arguments)
    except BrokenPipeError:
        return OK
    except (Unavailable, SchemaOutdated) as error:
        _complain(error)
        return AWAY
    except TelecomCrmError as error:
        _complain(error)
        return BAD_INPUT
    except OSError as error:
        _complain(f"{error.filename}: {error.strerror}" if error.filename else error)
        return BAD_INPUT
    except ModuleNotFoundError as error:
        if (error.name or "").startswith("telecom_crm"):
            raise
        _complain(f"{error.name} is missing; the commands need pip install 'telecom-crm[app]'")
        return BAD_INPUT


def _carry_out(arguments: Sequence[str]) -> int:
    from cyclopts import CycloptsError

    try:
        result: Any = make_app(arguments)(
            list(arguments),
            exit_on_error=False,
            result_action="return_value",
            error_formatter=lambda error: f"telecom-crm: {error}",
        )
    except CycloptsError:
        return BAD_INPUT  # it has said why
    return result if isinstance(result, int) else OK


def _add(app: App, commands: dict[str, tuple[str, str]], called: Sequence[str]) -> None:
    for name, (place, help) in commands.items():
        shown = None if name in called else help
        app.command(f"telecom_crm.entrypoints.cli.{place}", name=name, help=shown)


def _complain(problem: object) -> None:
    """Print what is wrong: in one line, or in one line each where it is several things."""
    several = [f"{one.field}: {one.message}" for one in getattr(problem, "faults", ())]
    several = several or list(getattr(problem, "reasons", ()))
    lines = ["", *several] if len(several) > 1 else [str(problem)]
    print("telecom-crm: " + "\n  ".join(lines), file=sys.stderr)
