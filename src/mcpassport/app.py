"""Composition root: settings to objects to the ASGI app. The only file that knows every class."""

import hashlib
import pwd
import secrets
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from datetime import UTC, datetime, timedelta
from os import geteuid
from pathlib import Path
from typing import TypedDict

from fastapi import Request
from starlette.types import ASGIApp, Receive, Scope, Send

from mcpassport import __version__
from mcpassport.accounts.connect import Accounts
from mcpassport.accounts.tenants import Tenants
from mcpassport.audit.edge import EdgeCounter
from mcpassport.audit.log import AuditLog
from mcpassport.edge.api import management_app
from mcpassport.edge.api.services import Services
from mcpassport.edge.floods import Floods
from mcpassport.edge.mcp import McpEndpoint, McpPolicy
from mcpassport.edge.reference import ReferencePages
from mcpassport.expressions import Evaluator
from mcpassport.gate.admit import Gate
from mcpassport.gate.api_tokens import ApiTokens
from mcpassport.gate.principals import Principals
from mcpassport.gate.servers import Lifetimes, Servers
from mcpassport.http import HttpClient
from mcpassport.integrations.versions import Versions
from mcpassport.jobs import Jobs, jobs_of
from mcpassport.protocol.endpoint import Protocol
from mcpassport.records.grants import Principal
from mcpassport.records.sources import Clock, Random
from mcpassport.reference.facts import Facts
from mcpassport.reference.vendor import Vendor, load_vendor
from mcpassport.settings import Settings
from mcpassport.store import KEYS_FILE, open_audit, open_store
from mcpassport.store.keys import Keys, load_master_key
from mcpassport.store.protocol import AuditStore, Store
from mcpassport.store.vault import Vault
from mcpassport.upstream.call import Upstream


def utc_now() -> datetime:
    """The wall clock."""
    return datetime.now(UTC)


def build_digest() -> str:
    """SHA-256 (hex) over the package's own files, names included: what runs here."""
    root = Path(__file__).parent
    total = hashlib.sha256()
    for path in sorted(root.rglob("*")):
        if path.is_file() and path.suffix != ".pyc":
            total.update(str(path.relative_to(root)).encode() + b"\0")
            total.update(hashlib.sha256(path.read_bytes()).digest())
    return total.hexdigest()


def facts_of(settings: Settings) -> Facts:
    """What the reference states of these settings."""
    return Facts(
        public_url=settings.public_url,
        environment=settings.environment or None,
        limits=settings.limits,
        audit_retention_days=settings.audit_retention_days,
        default_server_ttl_days=settings.default_server_ttl_days,
        allow_unexpiring_servers=settings.allow_unexpiring_servers,
        private_hosts=settings.private_hosts,
        allowed_origins=settings.allowed_origins,
        allowed_hosts=settings.allowed_hosts,
        trusted_proxies=settings.trusted_proxies,
        workers=settings.workers,
    )


def vendor_of(settings: Settings) -> Vendor:
    """The vendor's words, from `vendor.yaml` where the settings name one."""
    return load_vendor(settings.vendor_file) if settings.vendor_file else Vendor()


@asynccontextmanager
async def open_services(
    settings: Settings, *, clock: Clock = utc_now, random: Random = secrets.token_bytes
) -> AsyncIterator[Services]:
    """Every object below the edge, closed in reverse order; `DataFolderError` if one cannot."""
    async with AsyncExitStack() as stack:
        store, audit_store, keys = await _open_files(stack, settings, clock, random)
        http = HttpClient(
            limits=settings.limits,
            private_hosts=settings.private_hosts,
            user_agent=f"mcpassport/{__version__}",
        )
        stack.push_async_callback(http.close)
        evaluator = Evaluator()
        stack.push_async_callback(evaluator.close)
        audit = AuditLog(
            store=store,
            audit=audit_store,
            clock=clock,
            random=random,
            fingerprint_key=keys.fingerprint_key,
        )
        await _start(audit, stack)
        vault = Vault(keys, random)
        yield Services(
            settings=settings,
            clock=clock,
            random=random,
            build_digest=build_digest(),
            store=store,
            audit_store=audit_store,
            keys=keys,
            http=http,
            evaluator=evaluator,
            audit=audit,
            vault=vault,
            **_owners(settings, store, keys, clock, random),
            accounts=Accounts(store, vault, clock),
            upstream=Upstream(
                http=http, evaluator=evaluator, vault=vault, limits=settings.limits, clock=clock
            ),
        )


async def _start(audit: AuditLog, stack: AsyncExitStack) -> None:
    """Start committing, and record what a process that died left in the outbox."""
    await audit.start()
    stack.push_async_callback(audit.close)
    await audit.move_outbox()


async def _open_files(
    stack: AsyncExitStack, settings: Settings, clock: Clock, random: Random
) -> tuple[Store, AuditStore, Keys]:
    """The store, the audit and the keys; a wrong master key is told here."""
    master = settings.master_key or load_master_key(settings.master_key_file)
    store = open_store(settings.store_url)
    stack.push_async_callback(store.close)
    audit_store = open_audit(settings.store_url)
    stack.push_async_callback(audit_store.close)
    keys = Keys(settings.data_dir / KEYS_FILE, master, clock=clock, random=random)
    stack.push_async_callback(keys.close)
    await keys.token_key()
    return store, audit_store, keys


class _Owners(TypedDict):
    tenants: Tenants
    versions: Versions
    servers: Servers
    api_tokens: ApiTokens
    principals: Principals


def _owners(settings: Settings, store: Store, keys: Keys, clock: Clock, random: Random) -> _Owners:
    """Who owns which records."""
    lifetimes = Lifetimes(
        default=timedelta(days=settings.default_server_ttl_days),
        allow_unexpiring=settings.allow_unexpiring_servers,
    )
    return {
        "tenants": Tenants(store, keys, clock),
        "versions": Versions(store, clock),
        "servers": Servers(store, keys, lifetimes=lifetimes, clock=clock, random=random),
        "api_tokens": ApiTokens(store, keys, clock=clock, random=random),
        "principals": Principals(store, keys, clock),
    }


class Application:
    """Routes by path: `/mcp/…` to the endpoint, `/reference…` to the pages, the rest is managed."""

    def __init__(self, mcp: ASGIApp, reference: ASGIApp, management: ASGIApp) -> None:
        self._mcp = mcp
        self._reference = reference
        self._management = management

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Hand one HTTP request on."""
        path: str = scope["path"]
        if path.startswith("/mcp/"):
            await self._mcp(scope, receive, send)
        elif path == "/reference" or path.startswith("/reference/"):
            await self._reference(scope, receive, send)
        else:
            await self._management(scope, receive, send)


@asynccontextmanager
async def open_application(services: Services) -> AsyncIterator[Application]:
    """The whole app over open services, with its edge counter and its jobs running."""
    settings, random = services.settings, services.random
    floods = Floods(settings.limits, random=random)
    protocol = Protocol(
        versions=services.versions,
        accounts=services.accounts,
        upstream=services.upstream,
        limits=settings.limits,
        server_version=__version__,
        throttle=floods.calls.take,
    )
    counter = EdgeCounter(services.audit_store, services.clock)
    jobs = Jobs(services.store, jobs_of(services.store, services.audit, services.clock))
    mcp = McpEndpoint(
        gate=Gate(services.store, services.keys, services.clock),
        protocol=protocol,
        audit=services.audit,
        edge=counter,
        policy=McpPolicy(
            limits=settings.limits,
            allowed_origins=settings.allowed_origins,
            allowed_hosts=settings.allowed_hosts,
            trusted_proxies=settings.trusted_proxies,
        ),
        floods=floods,
    )
    reference = ReferencePages(
        services.versions, facts_of(settings), vendor_of(settings), services.clock
    )

    async def by_token(request: Request) -> Principal:
        return await services.principals.authenticate(request.headers.get("authorization"))

    async with AsyncExitStack() as stack:
        for part in (counter, jobs):
            await part.start()
            stack.push_async_callback(part.close)
        yield Application(mcp, reference, management_app(services, by_token))


@asynccontextmanager
async def command_line_app(settings: Settings) -> AsyncIterator[ASGIApp]:
    """Management API and reference in this process, as `cli:<os user>`.

    The principal is a constant of this app: no header can claim it.
    """
    principal = Principal(f"cli:{_os_user()}", "admin")

    async def as_os_user(_request: Request) -> Principal:
        return principal

    async with open_services(settings) as services:
        reference = ReferencePages(
            services.versions, facts_of(settings), vendor_of(settings), services.clock
        )
        management = management_app(services, as_os_user)
        yield Application(management, reference, management)


def _os_user() -> str:
    try:
        return pwd.getpwuid(geteuid()).pw_name
    except KeyError:
        return str(geteuid())
