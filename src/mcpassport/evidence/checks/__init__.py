"""The checks by claim: one file per heading of the reference, one row per claim."""

from collections.abc import Awaitable, Callable
from typing import Final

from mcpassport.evidence.bench import Bench
from mcpassport.evidence.checks.access_tokens import resource_server
from mcpassport.evidence.checks.admins import declared_kinds, on_the_host, tried
from mcpassport.evidence.checks.arguments import checked, filters, one_segment
from mcpassport.evidence.checks.audit_chain import (
    by_script,
    no_contents,
    one_chain,
    only_counted,
)
from mcpassport.evidence.checks.audit_signed import signed_hourly, told
from mcpassport.evidence.checks.audit_trail import every_call, unrecorded
from mcpassport.evidence.checks.audit_trail_read import exported, recomputed
from mcpassport.evidence.checks.bound_credentials import bound
from mcpassport.evidence.checks.client_certificates import pinned
from mcpassport.evidence.checks.client_configuration import handshakes
from mcpassport.evidence.checks.credential_handling import at_rest, one_disclosure
from mcpassport.evidence.checks.digests import recomputed as digests_recomputed
from mcpassport.evidence.checks.encrypted import own_tls
from mcpassport.evidence.checks.envelope import sealed, unreadable
from mcpassport.evidence.checks.failure_modes import leaving
from mcpassport.evidence.checks.failure_store import nothing_without_them
from mcpassport.evidence.checks.failure_table import failure_table, nothing_shown
from mcpassport.evidence.checks.failure_upstream import down_or_slow
from mcpassport.evidence.checks.identity_tokens import signed_on
from mcpassport.evidence.checks.key_backups import keys_apart
from mcpassport.evidence.checks.key_rotation import exchanged
from mcpassport.evidence.checks.lifecycle import (
    expiry,
    kill_switch,
    leaked,
    revocation,
    rotation,
    running_calls,
    suspension,
)
from mcpassport.evidence.checks.load import calls_at_once, large_answers, sizes, tenants_share
from mcpassport.evidence.checks.offboarding import offboarded
from mcpassport.evidence.checks.pass_through import (
    listed,
    not_cached,
    numbered,
    one_page,
    own_account,
)
from mcpassport.evidence.checks.publication import kept_releases, signed_release
from mcpassport.evidence.checks.rate_limits_errors import made_once, one_request
from mcpassport.evidence.checks.roles import agents_open_nothing, roles
from mcpassport.evidence.checks.second_factor import demanded, not_passed_on
from mcpassport.evidence.checks.sent_requests import one_place, query_unseen
from mcpassport.evidence.checks.server_tokens import keyed_hashes, one_answer, random_tokens
from mcpassport.evidence.checks.sessions import no_session
from mcpassport.evidence.checks.tenancy_isolation import blast_radius, isolation
from mcpassport.evidence.checks.tool_catalog import (
    checked_answers,
    growing_progress,
    needed_capability,
)
from mcpassport.evidence.checks.tool_scope_controls import hidden_tool
from mcpassport.evidence.checks.transport import (
    hosts,
    hsts,
    origins,
    preflights,
    safe_answers,
)
from mcpassport.evidence.checks.two_channels import same_facts
from mcpassport.evidence.checks.upstream_accounts import least_scopes, renewed, single_use
from mcpassport.evidence.checks.upstream_hosts import not_followed, vetted
from mcpassport.evidence.checks.zero_data_retention import nothing_is_kept
from mcpassport.evidence.finding import Finding

Check = Callable[[Bench, Finding], Awaitable[None]]

CHECKS: Final[dict[str, Check]] = {
    "TEN-01": isolation,
    "TEN-02": own_account,
    "TEN-03": blast_radius,
    "TEN-04": agents_open_nothing,
    "TEN-05": listed,
    "TEN-06": no_session,
    "AUT-01": random_tokens,
    "AUT-02": demanded,
    "AUT-03": one_answer,
    "AUT-04": not_passed_on,
    "AUT-05": pinned,
    "AUT-06": signed_on,
    "AUT-07": resource_server,
    "AUT-08": origins,
    "AUT-09": preflights,
    "AUT-10": own_tls,
    "AUT-11": roles,
    "AUT-13": on_the_host,
    "AUT-14": hosts,
    "AUT-15": hsts,
    "AUT-16": safe_answers,
    "SCO-01": hidden_tool,
    "SCO-02": filters,
    "SCO-03": checked,
    "SCO-04": one_segment,
    "SCO-08": one_place,
    "LIF-01": expiry,
    "LIF-02": revocation,
    "LIF-03": rotation,
    "LIF-04": suspension,
    "LIF-05": offboarded,
    "LIF-06": kill_switch,
    "LIF-07": running_calls,
    "LIF-08": leaked,
    "CRE-01": sealed,
    "CRE-02": bound,
    "CRE-03": keyed_hashes,
    "CRE-04": one_disclosure,
    "CRE-05": unreadable,
    "CRE-06": declared_kinds,
    "CRE-07": least_scopes,
    "CRE-08": exchanged,
    "CRE-09": tried,
    "CRE-10": keys_apart,
    "CRE-12": at_rest,
    "CRE-14": single_use,
    "CRE-15": renewed,
    "CRE-19": query_unseen,
    "ZDR-01": nothing_is_kept,
    "ZDR-02": not_cached,
    "DAT-02": vetted,
    "DAT-03": not_followed,
    "AUD-01": every_call,
    "AUD-02": unrecorded,
    "AUD-03": no_contents,
    "AUD-04": recomputed,
    "AUD-05": one_chain,
    "AUD-06": signed_hourly,
    "AUD-09": only_counted,
    "AUD-10": by_script,
    "AUD-14": exported,
    "AUD-15": told,
    "LIM-01": same_facts,
    "LIM-02": calls_at_once,
    "LIM-03": one_request,
    "LIM-04": large_answers,
    "LIM-05": made_once,
    "LIM-06": tenants_share,
    "LIM-07": sizes,
    "TOO-02": digests_recomputed,
    "TOO-03": numbered,
    "TOO-05": checked_answers,
    "TOO-06": growing_progress,
    "TOO-07": needed_capability,
    "PAG-01": one_page,
    "FAI-01": nothing_shown,
    "FAI-02": nothing_without_them,
    "FAI-03": down_or_slow,
    "FAI-04": failure_table,
    "FAI-05": leaving,
    "CLI-01": handshakes,
    "VER-01": signed_release,
    "CHG-01": kept_releases,
}
