"""Who owns which records: made from settings, store and keys."""

from datetime import timedelta
from typing import TypedDict

from mcpassport.accounts.connect import Accounts
from mcpassport.accounts.fingerprints import FingerprintKeys
from mcpassport.accounts.offboarding import Kept, Offboarding
from mcpassport.accounts.rekeying import Rekeying
from mcpassport.accounts.tenants import Tenants
from mcpassport.gate.api_tokens import ApiTokens
from mcpassport.gate.exchange import TokenKeyExchange
from mcpassport.gate.principals import Principals
from mcpassport.gate.running import Running
from mcpassport.gate.servers import Servers
from mcpassport.gate.switches import Switches
from mcpassport.gate.validity import Lifetimes
from mcpassport.integrations.versions import Versions
from mcpassport.records.sources import Clock, Random
from mcpassport.settings import Settings
from mcpassport.stated import build_digest
from mcpassport.store.keys import Keys
from mcpassport.store.protocol import Store
from mcpassport.store.revocations import RevocationLog
from mcpassport.store.vault import Vault


class Owners(TypedDict):
    """The owners of records, by their name in `Services`."""

    accounts: Accounts
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


async def owners_of(
    settings: Settings, store: Store, keys: Keys, vault: Vault, clock: Clock, random: Random
) -> Owners:
    """Made once per process; the revocation log is begun."""
    revocations = RevocationLog(settings.data_dir, store, clock=clock, random=random)
    await revocations.begin()
    lifetimes = Lifetimes(
        default=timedelta(days=settings.default_server_ttl_days),
        allow_unexpiring=settings.allow_unexpiring_servers,
        remembered=timedelta(days=settings.audit_retention_days),
    )
    tenants, kept = Tenants(store, keys, clock), _kept_by(settings)
    build = build_digest()
    return {
        "accounts": Accounts(store, vault, clock),
        "tenants": tenants,
        "offboarding": Offboarding(store, keys, tenants, clock=clock, kept=kept, build=build),
        "rekeying": Rekeying(store, keys, tenants, vault, clock),
        "token_key": TokenKeyExchange(store, keys, clock),
        "fingerprint_keys": FingerprintKeys(store, keys, clock),
        "versions": Versions(store, clock, hold=settings.publish == "required"),
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
