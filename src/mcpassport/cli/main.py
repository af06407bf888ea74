"""`mcpassport`: the table of commands, and how each failure leaves the program."""

import sys
from collections.abc import Sequence
from typing import Any

import structlog
from cyclopts import App, CycloptsError

from mcpassport import __version__
from mcpassport.cli import (
    account,
    audit,
    evidence,
    integration,
    keys,
    reference,
    server,
    store,
    switch,
    tenant,
    token,
    tool,
    webhook,
)
from mcpassport.cli.client import ApiProblem
from mcpassport.cli.demo.story import demo
from mcpassport.cli.doctor import doctor
from mcpassport.cli.init import init
from mcpassport.cli.linking import link, oauth_app, reconnect, try_connection
from mcpassport.cli.output import OK, UNUSABLE, print_problem
from mcpassport.cli.publish import keygen, publish
from mcpassport.cli.releases import check, diff, releases
from mcpassport.cli.serve import serve
from mcpassport.cli.stdio import stdio
from mcpassport.cli.tryout import try_out
from mcpassport.cli.verify import verify_
from mcpassport.errors import McpassportError

INTERRUPTED = 130

app = App(
    name="mcpassport",
    help="Scoped MCP servers over your API, and a reference that a security reviewer can check.",
    version=__version__,
)
for command in (init, serve, demo, doctor, stdio):
    app.command(command)
integration.app.command(try_out, name="try")
integration.app.command(oauth_app)
for way in (link, reconnect):
    account.app.command(way)
account.app.command(try_connection, name="test")
for step in (publish, releases, diff, check, keygen):
    reference.app.command(step)
reference.app.command(verify_, name="verify")
GROUPS = (
    *(tenant, integration, account, server, tool, token, keys, switch, webhook),
    *(reference, audit, evidence, store),
)
for group in GROUPS:
    app.command(group.app)


def main(arguments: Sequence[str] | None = None) -> None:
    """Run one command. Exit code 0 fine, 1 refused or findings, 2 unusable input."""
    given = list(sys.argv[1:] if arguments is None else arguments)
    structlog.configure(logger_factory=_to_standard_error)
    try:
        code = app(given, result_action="return_value", exit_on_error=False)
    except CycloptsError:  # it has said what it was
        code = UNUSABLE
    except (McpassportError, ApiProblem) as error:
        code = print_problem(error)
    except KeyboardInterrupt:
        code = INTERRUPTED
    sys.exit(code if isinstance(code, int) else OK)


def _to_standard_error(*_: Any) -> structlog.PrintLogger:
    """Standard output is for what a command answers: scripts read it."""
    return structlog.PrintLogger(sys.stderr)
