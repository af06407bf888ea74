"""Who owns which records: made from settings, store and keys."""

from datetime import timedelta
from functools import partial
from typing import NamedTuple, TypedDict

from mcpassport.accounts.apps import OAuthApps
from mcpassport.accounts.connect import Accounts
from mcpassport.accounts.connecting import CALLBACK, Connecting, Parts
from mcpassport.accounts.fingerprints import FingerprintKeys
from mcpassport.accounts.links import Links
from mcpassport.accounts.offboarding import Kept, Offboarding
from mcpassport.accounts.refresh import Refresher
from mcpassport.accounts.rekeying import Rekeying
from mcpassport.accounts.renewal import Renewal, Sources
from mcpassport.accounts.tenants import Tenants
from mcpassport.gate.api_tokens import ApiTokens
from mcpassport.gate.exchange import TokenKeyExchange
from mcpassport.gate.principals import Principals
from mcpassport.gate.running import Running
from mcpassport.gate.servers import Servers
from mcpassport.gate.switches import Switches
from mcpassport.gate.validity import Lifetimes
from mcpassport.integrations.versions import Versions
from mcpassport.records.grants import Account
from mcpassport.records.integration import Credential
from mcpassport.records.sources import Clock, Random
from mcpassport.settings import Settings
from mcpassport.stated import build_digest
from mcpassport.store.keys import Keys
from mcpassport.store.protocol import AuditStore, Store
from mcpassport.store.revocations import RevocationLog
from mcpassport.store.vault import Vault
from mcpassport.upstream.call import Sender
from mcpassport.webhooks.delivery import Delivery
from mcpassport.webhooks.hooks import Webhooks


class Connections(TypedDict):
    """The owners of accounts, and of how they are connected and stay so."""

    accounts: Accounts
    refresher: Refresher
    oauth_apps: OAuthApps
    links: Links
    connecting: Connecting


class Owners(Connections):
    """The owners of records, by their name in `Services`."""

    webhooks: Webhooks
    delivery: Delivery
    tenants: Tenants
    offboarding: Offboarding
    rekeying: Rekeying
    token_key: TokenKeyExchange
    fingerprint_keys: FingerprintKeys
    versions: Versions
    servers: Servers
    switches: Switches
    running: Running
    api_tokens: ApiTokens
    principals: Principals
    revocations: RevocationLog


class Below(NamedTuple):
    """What the owners of records work with."""

    settings: Settings
    store: Store
    audit: AuditStore
    keys: Keys
    vault: Vault
    http: Sender
    clock: Clock
    random: Random


async def owners_of(below: Below) -> Owners:
    """Made once per process; the revocation log is begun."""
    settings, store, audit, keys, vault, http, clock, random = below
    revocations = RevocationLog(settings.data_dir, store, clock=clock, random=random)
    await revocations.begin()
    lifetimes = Lifetimes(
        default=timedelta(days=settings.default_server_ttl_days),
        allow_unexpiring=settings.allow_unexpiring_servers,
        remembered=timedelta(days=settings.audit_retention_days),
    )
    tenants, kept = Tenants(store, keys, clock), _kept_by(settings)
    versions = Versions(store, clock, hold=settings.publish == "required")
    webhooks = Webhooks(store, audit, keys, vault, clock, random)
    build = build_digest()
    return {
        **_connections(below, tenants, versions),
        "webhooks": webhooks,
        "delivery": Delivery(store, audit, webhooks, http, clock, random),
        "tenants": tenants,
        "offboarding": Offboarding(store, keys, tenants, clock=clock, kept=kept, build=build),
        "rekeying": Rekeying(store, keys, tenants, vault, clock),
        "token_key": TokenKeyExchange(store, keys, clock),
        "fingerprint_keys": FingerprintKeys(store, keys, clock),
        "versions": versions,
        "servers": Servers(store, keys, lifetimes=lifetimes, clock=clock, random=random),
        "switches": Switches(store, clock),
        "running": Running(store),
        "api_tokens": ApiTokens(store, keys, clock=clock, random=random),
        "principals": Principals(store, keys, clock),
        "revocations": revocations,
    }


def _kept_by(settings: Settings) -> Kept:
    return Kept(
        key_backups=timedelta(days=settings.key_backup_days),
        audit=timedelta(days=settings.audit_retention_days),
    )


async def _declared(versions: Versions, account: Account) -> Credential | None:
    """What the live version of its integration says of the account's credential."""
    head = await versions.head(account.integration)
    if head is None:
        return None
    integration = await versions.integration(head)
    found = [each for each in integration.credentials if each.kind == account.credential_kind]
    return found[0] if found else None


def _connections(below: Below, tenants: Tenants, versions: Versions) -> Connections:
    settings, store, _, keys, vault, http, clock, random = below
    apps = OAuthApps(store, keys, vault, clock)
    sources = Sources(clock, random)
    renewal = Renewal(store, vault, apps, partial(_declared, versions), http, sources)
    refresher = Refresher(store, renewal, clock)
    accounts = Accounts(store, vault, clock, refresher)
    links = Links(store, keys, clock, random)
    parts = Parts(links, accounts, tenants, apps, vault, http)
    callback = settings.public_url + CALLBACK
    return {
        "accounts": accounts,
        "refresher": refresher,
        "oauth_apps": apps,
        "links": links,
        "connecting": Connecting(parts, clock=clock, random=random, callback=callback),
    }
