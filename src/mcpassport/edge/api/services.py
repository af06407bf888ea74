"""What the management API works with: the objects that the composition root made."""

from dataclasses import dataclass

from mcpassport.accounts.connect import Accounts
from mcpassport.accounts.tenants import Tenants
from mcpassport.audit.log import AuditLog
from mcpassport.expressions import Evaluator
from mcpassport.gate.api_tokens import ApiTokens
from mcpassport.gate.principals import Principals
from mcpassport.gate.servers import Servers
from mcpassport.http import HttpClient
from mcpassport.integrations.versions import Versions
from mcpassport.records.sources import Clock, Random
from mcpassport.settings import Settings
from mcpassport.store.keys import Keys
from mcpassport.store.protocol import AuditStore, Store
from mcpassport.store.vault import Vault
from mcpassport.upstream.call import Upstream


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
    vault: Vault
    http: HttpClient
    evaluator: Evaluator
    audit: AuditLog
    tenants: Tenants
    accounts: Accounts
    versions: Versions
    servers: Servers
    api_tokens: ApiTokens
    principals: Principals
    upstream: Upstream
