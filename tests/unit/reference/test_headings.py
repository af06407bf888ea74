"""Reviewers search for words: every heading and term of the design is on the page."""

import html
import re
from collections.abc import Callable

import pytest

from mcpassport.reference.compose import compose
from mcpassport.reference.headings import HEADINGS
from mcpassport.reference.inputs import Inputs
from mcpassport.reference.renderers import RENDERERS
from mcpassport.reference.sections import SECTIONS

HEADING_TERMS = """
Overview
Data flow | sub-processors | data residency
Tenancy & isolation | Tenant isolation model | Scope per server | Blast radius
Authentication layers | URL token | API Token Required | mTLS | SSO | OAuth 2.1 | Token passthrough
Credential handling | Token storage at rest | One-time disclosure | Key rotation
Zero Data Retention
Tool catalog
Tool scope controls
Pagination
Rate limits & errors
Failure modes
Audit trail
Lifecycle | Expiration | Rotation | Revocation | Tenant offboarding
Client configuration
Documentation quality policy
Procurement checklist
Shared responsibility
Verify this document
Changelog
"""

CHECKLIST_TERMS = """
Tenant isolation · multi-tenancy · segregation
Blast radius · credential aggregation
Credential handling · token storage at rest
Key management · rotation of stored secrets · BYOK
One-time disclosure
Authentication layers · second factor · mTLS · SSO
Token passthrough · confused deputy
OAuth 2.1 · audience · resource indicator · PRM
Tool scope controls · read-only · least privilege
Upstream OAuth scopes requested
Expiration · TTL · time-boxed access
Rotation · overlap
Revocation · offboarding · kill switch
Zero data retention · pass-through · caching
Data flow · sub-processors · data residency
Audit trail · who, what, when, request id
Parameters in logs vs privacy
Log integrity · tamper evidence · retention
SIEM export · alerting
Rate limits · 429 · Retry-After
Failure modes · 5xx · malformed payload · timeout · partial page
Idempotency · no silent retries · duplicate writes
Input validation · schema enforcement
Path traversal · SSRF · header injection
Output size · content type · injection exposure
Tool poisoning · rug pull · tool pinning
Change management · versioned tool catalog · deprecation notice
Tool catalog · JSON Schema · upstream endpoint
Shadow MCP · inventory of servers
Transport security · TLS floor · HSTS
Origin / Host check · DNS rebinding · CORS
Session handling · stateless · cache scope
Admin access · role separation · four eyes
Support access · who can read tokens
Supply chain · SBOM · provenance
Vulnerability disclosure · patch time
Incident response · breach notice
Business continuity · upstream outage behaviour
Human approval for destructive tools
Client configuration · supported clients
Shared responsibility
Compliance evidence · SOC 2 · ISO 27001/42001 · AIUC-1
"""

ASKED = """
prompt injection
agent identity
workload identity
MCP server inventory
DPoP
token lifetime
SCIM offboarding
sub-second revocation
log masking
egress IP allow list
region pinning
pen test of the MCP endpoint
AI training on customer data (no)
filtered egress
sandboxed tools
signed + expiring messages with replay protection
output filtering
name collision and drift detection
full audit into a SIEM
local discovery scan
policy + rate limits
injection detection
"""


def _lines(block: str) -> list[str]:
    return block.strip().splitlines()


def _text(fragment: str) -> str:
    return html.unescape(re.sub(r"<[^>]+>", "", fragment))


def test_every_heading_and_sub_heading_is_a_heading_of_the_page(
    make_inputs: Callable[..., Inputs],
) -> None:
    """A heading of the design stands on the page as a heading, in the same words."""
    page = RENDERERS["html"](compose(make_inputs())).decode()
    found = re.findall(r"<h[23][^>]*>(.*?)<a class=\"link\"", page, flags=re.DOTALL)
    headings = {_text(each).casefold() for each in found}
    wanted = {term.casefold() for line in _lines(HEADING_TERMS) for term in line.split(" | ")}
    assert wanted <= headings


@pytest.mark.parametrize("term", _lines(CHECKLIST_TERMS) + _lines(ASKED))
def test_every_search_term_is_in_the_procurement_checklist(
    make_inputs: Callable[..., Inputs], term: str
) -> None:
    """A row of the checklist is printed word for word, and so is each term asked by name."""
    page = RENDERERS["html"](compose(make_inputs())).decode()
    section = re.search(r'<section id="procurement-checklist".*?</section>', page, re.DOTALL)
    assert section
    assert term in _text(section.group())


def test_the_sections_stand_in_the_order_of_the_design(make_inputs: Callable[..., Inputs]) -> None:
    """The table of sections, the list of headings and the document agree."""
    document = compose(make_inputs())
    designed = tuple(line.split(" | ")[0] for line in _lines(HEADING_TERMS))
    assert designed == HEADINGS == tuple(SECTIONS)
    assert tuple(section.heading for section in document.sections) == HEADINGS
