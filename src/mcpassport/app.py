"""Composition root: settings to objects to the ASGI app. The only file that knows every class."""

import asyncio
import pwd
import secrets
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from datetime import UTC, datetime, timedelta
from os import geteuid
from typing import TypedDict

from fastapi import Request
from starlette.types import ASGIApp

from mcpassport import __version__
from mcpassport.audit.edge import EdgeCounter
from mcpassport.audit.keeper import Keeper
from mcpassport.audit.log import AuditLog
from mcpassport.audit.processes import Heartbeat
from mcpassport.audit.reserve import Reserve
from mcpassport.edge.api import management_app
from mcpassport.edge.api.services import Services
from mcpassport.edge.application import Application
from mcpassport.edge.certificates import certificates_of
from mcpassport.edge.door import Door
from mcpassport.edge.floods import Floods
from mcpassport.edge.mcp import McpEndpoint
from mcpassport.edge.middleware import guarded
from mcpassport.edge.middleware.front import front_of
from mcpassport.edge.pages.connect import ConnectPages
from mcpassport.edge.published import Published
from mcpassport.edge.readiness import Readiness
from mcpassport.edge.reference import ReferencePages
from mcpassport.edge.replay import catch_up
from mcpassport.expressions import Evaluator
from mcpassport.gate.admit import Gate
from mcpassport.gate.issuers import Issuers
from mcpassport.http import HttpClient
from mcpassport.jobs import Jobs, Sleep, Sources, Sweeps, jobs_of
from mcpassport.observe.http import WatchedHttp
from mcpassport.observe.metrics import Metrics
from mcpassport.observe.requests import Watch
from mcpassport.observe.store import TimedAudit, TimedStore
from mcpassport.owners import Below, Owners, owners_of
from mcpassport.protocol.endpoint import Protocol
from mcpassport.records.grants import Principal
from mcpassport.records.sources import Clock, Random
from mcpassport.reference.releases import Releases
from mcpassport.settings import Settings
from mcpassport.stated import assurance_of, build_digest, facts_of, vendor_of
from mcpassport.store import first_look, open_audit, open_keyring, open_store
from mcpassport.store.keys import Keys
from mcpassport.store.master import master_keys
from mcpassport.store.protocol import AuditStore, Store
from mcpassport.store.unready import refuse_unreplayed
from mcpassport.store.vault import Vault
from mcpassport.upstream.call import Upstream


def utc_now() -> datetime:
    """The wall clock."""
    return datetime.now(UTC)


@asynccontextmanager
async def open_services(
    settings: Settings,
    *,
    clock: Clock = utc_now,
    random: Random = secrets.token_bytes,
    watch: Watch | None = None,
) -> AsyncIterator[Services]:
    """Every object below the edge, closed in reverse order; `DataFolderError` if one cannot."""
    watch = watch or Watch()
    async with AsyncExitStack() as stack:
        files = await _open_files(stack, settings, clock, random, watch.metrics)
        store, audit_store, keys = files
        sources: _Sources = {"clock": clock, "random": random}
        http, evaluator = _open_outward(stack, settings, watch)
        audit = await _open_trail(stack, settings, files, sources, watch.metrics)
        vault, keeper = Vault(keys, random), _keeper(settings, store, audit_store, keys, clock)
        owners = await owners_of(Below(settings, *files[:2], keys, vault, http, clock, random))
        stack.push_async_callback(owners["refresher"].close)
        sweeps = _sweeps(owners)
        jobs = jobs_of(store, audit_store, audit, keeper, sweeps, Sources(**sources))
        yield Services(
            settings=settings,
            **sources,
            build_digest=build_digest(),
            store=store,
            audit_store=audit_store,
            keys=keys,
            http=http,
            evaluator=evaluator,
            audit=audit,
            vault=vault,
            keeper=keeper,
            **owners,
            upstream=Upstream(
                http=http, evaluator=evaluator, vault=vault, limits=settings.limits, clock=clock
            ),
            watch=watch,
            jobs=jobs,
            readiness=Readiness(store, audit_store, keys, jobs, clock),
        )


def _sweeps(owners: Owners) -> Sweeps:
    return Sweeps(owners["rekeying"].sweep, owners["refresher"].sweep, owners["delivery"].deliver)


def _open_outward(
    stack: AsyncExitStack, settings: Settings, watch: Watch
) -> tuple[WatchedHttp, Evaluator]:
    """The one outbound client, watched, and what evaluates expressions over its answers."""
    http = HttpClient(
        limits=settings.limits,
        private_hosts=settings.private_hosts,
        user_agent=f"mcpassport/{__version__}",
    )
    stack.push_async_callback(http.close)
    evaluator = Evaluator()
    stack.push_async_callback(evaluator.close)
    return WatchedHttp(http, watch.metrics, watch.tracing), evaluator


def _keeper(
    settings: Settings, store: Store, audit_store: AuditStore, keys: Keys, clock: Clock
) -> Keeper:
    return Keeper(
        store,
        audit_store,
        clock,
        operations_key=keys.operations_key,
        retention=timedelta(days=settings.audit_retention_days),
    )


async def _open_trail(
    stack: AsyncExitStack,
    settings: Settings,
    files: tuple[Store, AuditStore, Keys],
    sources: "_Sources",
    metrics: Metrics,
) -> AuditLog:
    """Start committing, and record what a process that died left in the outbox."""
    store, audit_store, keys = files
    audit = AuditLog(
        store=store,
        audit=audit_store,
        fingerprint_key=keys.fingerprint_key,
        reserve=Reserve(audit_store, settings.audit_volume_bytes),
        **sources,
    )
    metrics.audit_queue(lambda: audit.waiting)
    for part in (audit.reserve, audit):
        await part.start()
        stack.push_async_callback(part.close)
    await audit.move_outbox()
    return audit


async def _open_files(
    stack: AsyncExitStack, settings: Settings, clock: Clock, random: Random, metrics: Metrics
) -> tuple[Store, AuditStore, Keys]:
    """The store, the audit and the keys; a wrong master key is told here, and so are lost keys."""
    master, previous = master_keys(settings)
    store = TimedStore(open_store(settings.records_url), metrics)
    stack.push_async_callback(store.close)
    await first_look(settings.records_url, store)
    audit_store = TimedAudit(
        open_audit(settings.records_url, durability=settings.audit_durability), metrics
    )
    stack.push_async_callback(audit_store.close)
    keys = await open_keyring(
        settings.keyring_url, master, store, clock=clock, random=random, previous=previous
    )
    stack.push_async_callback(keys.close)
    await keys.token_keys()
    return store, audit_store, keys


class _Sources(TypedDict):
    clock: Clock
    random: Random


def _reference(services: Services) -> ReferencePages:
    settings = services.settings
    published = Published(
        Releases(services.store, services.versions),
        services.versions,
        vendor_of(settings),
        settings.public_url,
    )
    return ReferencePages(
        services.versions,
        facts_of(settings),
        published,
        services.clock,
        assurance_of(settings, services.build_digest),
    )


def _connect(services: Services) -> ConnectPages:
    return ConnectPages(services, vendor_of(services.settings))


@asynccontextmanager
async def open_application(
    services: Services, *, sleep: Sleep = asyncio.sleep
) -> AsyncIterator[ASGIApp]:
    """The whole app over open services, behind its middleware, its counter and its jobs running.

    `sleep` is what jobs wait with. Raises `DataFolderError` over a restored backup whose
    revocations are not replayed.
    """
    settings, random = services.settings, services.random
    await refuse_unreplayed(services.store)
    await catch_up(services)
    floods = Floods(settings.limits, random=random)
    protocol = Protocol(
        versions=services.versions,
        accounts=services.accounts,
        upstream=services.upstream,
        limits=settings.limits,
        server_version=__version__,
        throttle=floods.throttle,
        watch=services.watch,
        running=services.running,
    )
    counter = EdgeCounter(services.audit_store, services.clock, services.audit.reserve)
    heartbeat = Heartbeat(services.store, services.audit.process)
    jobs = Jobs(services.store, services.jobs, sleep=sleep, clock=services.clock)
    issuers = Issuers(services.http, services.clock)
    mcp = McpEndpoint(
        gate=Gate(services.store, services.keys, services.clock, services.running, issuers),
        protocol=protocol,
        audit=services.audit,
        edge=counter,
        floods=floods,
        certificates=certificates_of(settings),
    )
    reference = _reference(services)
    door = Door(services, counter, floods)
    async with AsyncExitStack() as stack:
        for part in (heartbeat, counter, jobs, services.running):
            await part.start()
            stack.push_async_callback(part.close)
        managed = management_app(services, door)
        application = Application(mcp, reference, _connect(services), managed)
        front = front_of(services, counter)
        yield guarded(application, front)


@asynccontextmanager
async def command_line_app(settings: Settings) -> AsyncIterator[ASGIApp]:
    """Management API and reference in this process, as `cli:<os user>`.

    The principal is a constant of this app: no header can claim it.
    """
    principal = os_principal()

    async def as_os_user(_request: Request) -> Principal:
        return principal

    async with open_services(settings) as services:
        reference = _reference(services)
        management = management_app(services, as_os_user)
        yield Application(management, reference, _connect(services), management)


def os_principal() -> Principal:
    """Who runs a command on the host: `cli:<os user>`."""
    try:
        name = pwd.getpwuid(geteuid()).pw_name
    except KeyError:
        name = str(geteuid())
    return Principal(f"cli:{name}", "admin")
