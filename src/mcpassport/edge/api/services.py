"""What the management API works with: the objects that the composition root made."""

from dataclasses import dataclass

from mcpassport.accounts.apps import OAuthApps
from mcpassport.accounts.connect import Accounts
from mcpassport.accounts.connecting import Connecting
from mcpassport.accounts.fingerprints import FingerprintKeys
from mcpassport.accounts.links import Links
from mcpassport.accounts.offboarding import Offboarding
from mcpassport.accounts.refresh import Refresher
from mcpassport.accounts.rekeying import Rekeying
from mcpassport.accounts.tenants import Tenants
from mcpassport.audit.keeper import Keeper
from mcpassport.audit.log import AuditLog
from mcpassport.edge.readiness import Readiness
from mcpassport.expressions import Evaluator
from mcpassport.gate.api_tokens import ApiTokens
from mcpassport.gate.exchange import TokenKeyExchange
from mcpassport.gate.principals import Principals
from mcpassport.gate.running import Running
from mcpassport.gate.servers import Servers
from mcpassport.gate.switches import Switches
from mcpassport.integrations.versions import Versions
from mcpassport.jobs import Job
from mcpassport.observe.http import WatchedHttp
from mcpassport.observe.requests import Watch
from mcpassport.records.sources import Clock, Random
from mcpassport.settings import Settings
from mcpassport.store.keys import Keys
from mcpassport.store.protocol import AuditStore, Store
from mcpassport.store.revocations import RevocationLog
from mcpassport.store.vault import Vault
from mcpassport.upstream.call import Upstream
from mcpassport.webhooks.delivery import Delivery
from mcpassport.webhooks.hooks import Webhooks


@dataclass(frozen=True, slots=True, kw_only=True)
class Services:
    """Everything below the edge, made once per process."""

    settings: Settings
    clock: Clock
    random: Random
    build_digest: str
    store: Store
    audit_store: AuditStore
    keys: Keys
    revocations: RevocationLog
    vault: Vault
    http: WatchedHttp
    evaluator: Evaluator
    audit: AuditLog
    keeper: Keeper
    tenants: Tenants
    offboarding: Offboarding
    rekeying: Rekeying
    token_key: TokenKeyExchange
    fingerprint_keys: FingerprintKeys
    accounts: Accounts
    refresher: Refresher
    oauth_apps: OAuthApps
    webhooks: Webhooks
    delivery: Delivery
    links: Links
    connecting: Connecting
    versions: Versions
    servers: Servers
    switches: Switches
    running: Running
    api_tokens: ApiTokens
    principals: Principals
    upstream: Upstream
    watch: Watch
    jobs: tuple[Job, ...]
    readiness: Readiness
