"""A real upstream product for the demo: Kinto, a JSON store with an HTTP API, in memory."""

import http.client
from base64 import b64encode
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import date, timedelta
from pathlib import Path
from typing import Any, NamedTuple

import msgspec

from mcpassport.cli.demo.processes import free_port, running
from mcpassport.errors import UsageError

INI = """\
[server:main]
use = egg:waitress
host = 127.0.0.1
port = %(http_port)s

[app:main]
use = egg:kinto
kinto.storage_backend = kinto.core.storage.memory
kinto.permission_backend = kinto.core.permission.memory
kinto.cache_backend = kinto.core.cache.memory
kinto.includes = kinto.plugins.accounts
multiauth.policies = account
multiauth.policy.account.use = \
kinto.plugins.accounts.authentication.AccountsAuthenticationPolicy
kinto.account_create_principals = system.Everyone
kinto.bucket_create_principals = system.Authenticated
kinto.paginate_by = 1000
kinto.userid_hmac_secret = {secret}

[loggers]
keys = root
[handlers]
keys = console
[formatters]
keys = generic
[logger_root]
level = WARNING
handlers = console
[handler_console]
class = StreamHandler
args = (sys.stderr,)
level = NOTSET
formatter = generic
[formatter_generic]
format = %(message)s
"""

BUCKET = "crm"
COMPANIES = ("Alder Works", "Birch & Sons", "Cedar Labs", "Dogwood Freight", "Elm Street Foods")
STATUSES = ("open", "pending", "solved", "closed")
PRIORITIES = ("low", "normal", "high", "urgent")
SUBJECTS = (
    "Invoice shows the wrong address",
    "Export stops at 500 rows",
    "Cannot invite a colleague",
    "Webhook arrives twice",
    "Question about the yearly plan",
)
BATCH = 25
BAD_STATUS = 400


class Kinto(NamedTuple):
    """A running Kinto and the account that owns the demo's data."""

    port: int
    username: str
    password: str

    @property
    def url(self) -> str:
        """Its base URL."""
        return f"http://127.0.0.1:{self.port}/v1"

    def request(self, method: str, path: str, body: Any = None) -> Any:
        """One request as the account; `UsageError` if Kinto refuses it."""
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=60)
        proof = b64encode(f"{self.username}:{self.password}".encode()).decode()
        headers = {"Content-Type": "application/json", "Authorization": f"Basic {proof}"}
        raw = None if body is None else msgspec.json.encode(body)
        try:
            connection.request(method, f"/v1{path}", raw, headers)
            response = connection.getresponse()
            text = response.read()
        finally:
            connection.close()
        if response.status >= BAD_STATUS:
            raise UsageError(f"Kinto answered {response.status} to {method} {path}.")
        return msgspec.json.decode(text)


@contextmanager
def running_kinto(python: Path, folder: Path, password: str) -> Iterator[Kinto]:
    """A Kinto with memory backend in its own process, and one account."""
    port = free_port()
    ini = folder / "kinto.ini"
    ini.write_text(INI.format(secret=password))
    command = [
        *(str(python), "-W", "ignore", str(python.with_name("kinto"))),
        *("start", "--ini", str(ini), "--port", str(port)),
    ]
    with running(command, folder / "kinto.log", ready=(port, "/v1/__heartbeat__")):
        kinto = Kinto(port, "agent", password)
        kinto.request("PUT", f"/accounts/{kinto.username}", {"data": {"password": password}})
        yield kinto


def seed(kinto: Kinto, *, contacts: int, tickets: int) -> None:
    """A bucket "crm" with that many contacts and tickets."""
    kinto.request("PUT", f"/buckets/{BUCKET}")
    for collection, records in (
        ("contacts", [_contact(number) for number in range(contacts)]),
        ("tickets", [_ticket(number, contacts) for number in range(tickets)]),
    ):
        kinto.request("PUT", f"/buckets/{BUCKET}/collections/{collection}")
        path = f"/buckets/{BUCKET}/collections/{collection}/records"
        for start in range(0, len(records), BATCH):
            requests = [
                {"method": "PUT", "path": f"{path}/{record['id']}", "body": {"data": record}}
                for record in records[start : start + BATCH]
            ]
            kinto.request("POST", "/batch", {"requests": requests})


def _contact(number: int) -> dict[str, Any]:
    company = COMPANIES[number % len(COMPANIES)]
    return {
        "id": f"contact-{number:04}",
        "name": f"Contact {number:04}",
        "email": f"contact{number:04}@customer.example",
        "company": company,
        "phone": f"+1 555 01{number % 100:02}",
    }


def _ticket(number: int, contacts: int) -> dict[str, Any]:
    return {
        "id": f"ticket-{number:04}",
        "subject": SUBJECTS[number % len(SUBJECTS)],
        "status": STATUSES[number % len(STATUSES)],
        "priority": PRIORITIES[(number // 3) % len(PRIORITIES)],
        "contact_id": f"contact-{number % contacts:04}",
        "body": f"Reported on {date(2026, 1, 1) + timedelta(days=number % 300)}.",
    }
