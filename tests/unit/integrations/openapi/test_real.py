"""Descriptions that real products publish, and the demo integration made of one of them."""

import shutil
from collections import Counter
from pathlib import Path

import pytest
import yaml
from tests.support.descriptions import FIXTURES, ROOT, write_folder

from mcpassport.catalog.build import build
from mcpassport.integrations.lint import check
from mcpassport.integrations.load import load_folder
from mcpassport.integrations.openapi import import_openapi
from mcpassport.records.integration import Pagination

KINTO = FIXTURES / "kinto-26.json"
INTERCOM = FIXTURES / "intercom-2.14-reduced.yaml"
WHOLE = ROOT.parent / "shared" / "specs"
"""Unreduced descriptions, where somebody put them beside the checkout."""


def test_intercom_becomes_tools_and_the_report_lists_exactly_what_is_known(tmp_path: Path) -> None:
    """All JSON operations are tools; the known kinds of loss are reported, and no other."""
    imported = import_openapi(INTERCOM, name="intercom")
    loaded = load_folder(write_folder(imported, tmp_path))
    assert loaded.findings == ()
    assert loaded.integration is not None
    catalog = build(loaded.integration)
    assert len(catalog.tools) == imported.methods == 64
    assert Counter(item.rule for item in imported.unmapped) == {
        "server": 1,
        "constant_header": 1,
        "response_media_type": 1,
        "parameter": 1,
        "pagination": 7,
    }
    names = {tool.name for tool in catalog.tools}
    assert {
        "list_all_intercom_contacts",
        "get_single_intercom_contact_by_id",
        "create_a_intercom_ticket",
        "update_a_intercom_conversation_by_id",
        "delete_a_intercom_contact_tag_by_id",
        "intercom_contact_archive",
        "intercom_contact_search",
    } <= names


def test_intercom_pages_by_the_cursor_that_its_answers_show(tmp_path: Path) -> None:
    """`pages.next.starting_after` is recognised where the parameter is declared, and where not."""
    imported = import_openapi(INTERCOM, name="intercom")
    loaded = load_folder(write_folder(imported, tmp_path))
    assert loaded.integration is not None
    paging = {
        method.resource: method.pagination
        for method in loaded.integration.methods
        if method.method == "list"
    }
    cursor = Pagination(
        "cursor",
        limit_param="per_page",
        cursor_param="starting_after",
        cursor_path="pages.next.starting_after",
    )
    assert paging["contacts"] == cursor
    assert paging["conversations"].kind == "cursor"
    assert paging["companies"].kind == "page"
    assert paging["tags"].kind == "none"


def test_a_version_header_that_all_operations_share_is_no_argument(tmp_path: Path) -> None:
    """`Intercom-Version` is sent with its default and leaves every input."""
    loaded = load_folder(write_folder(import_openapi(INTERCOM, name=None), tmp_path))
    assert loaded.content["config"]["headers"] == {"Intercom-Version": "2.14"}
    assert "Intercom-Version" not in str(loaded.content["documentation"])


@pytest.mark.parametrize(
    ("file", "least"), [("intercom-2.14.yaml", 148), ("box.json", 252)], ids=["intercom", "box"]
)
def test_a_whole_description_imports_where_it_is_present(
    tmp_path: Path, file: str, least: int
) -> None:
    """What is imported of the unreduced description loads, and all of it becomes tools."""
    spec = WHOLE / file
    if not spec.exists():
        spec, least = INTERCOM, 63
    imported = import_openapi(spec, name=None)
    loaded = load_folder(write_folder(imported, tmp_path))
    assert loaded.findings == ()
    assert loaded.integration is not None
    assert len(build(loaded.integration).tools) == imported.methods >= least


def test_kinto_has_no_words_so_nothing_is_a_tool_yet(tmp_path: Path) -> None:
    """Every operation is imported, and every one is reported as lacking a description."""
    imported = import_openapi(KINTO, name="crm")
    rules = Counter(item.rule for item in imported.unmapped)
    assert imported.methods == rules["no_description"] == 43
    assert rules["no_security"] == 1
    assert rules["integer_bound"] == 50
    loaded = load_folder(write_folder(imported, tmp_path))
    assert loaded.findings == ()
    assert loaded.integration is not None
    assert build(loaded.integration).tools == ()


def test_kinto_pages_by_its_next_page_header() -> None:
    """Kinto's own parameters give its style of paging away; its lists are under `data`."""
    config = yaml.safe_load(import_openapi(KINTO, name=None).files["integration.yaml"])
    records = config["resources"]["records"]["methods"]
    assert config["base_url"] == "http://127.0.0.1:8888/v1"
    assert config["query_array_format"] == "comma"
    assert records["list"]["response_path"] == "data"
    assert records["list"]["pagination"] == {
        "kind": "next_url",
        "next_header": "Next-Page",
        "limit_param": "_limit",
        "cursor_param": "_token",
    }
    assert (records["update"]["http"], records["replace"]["http"]) == ("PATCH", "PUT")


@pytest.fixture
def crm(tmp_path: Path) -> Path:
    """The demo integration: Kinto's description under the committed overlay."""
    folder = write_folder(import_openapi(KINTO, name="crm"), tmp_path)
    shutil.copy(ROOT / "integrations" / "crm" / "overlay.yaml", folder)
    return folder


def test_the_demo_makes_contacts_and_tickets_of_kintos_records(crm: Path) -> None:
    """Ten tools and a full score; nothing of Kinto's generic resources stays."""
    report = check(load_folder(crm))
    assert report.catalog is not None
    assert [tool.name for tool in report.catalog.tools] == [
        "create_a_crm_contact",
        "create_a_crm_ticket",
        "delete_a_crm_contact_by_id",
        "delete_a_crm_ticket_by_id",
        "get_single_crm_contact_by_id",
        "get_single_crm_ticket_by_id",
        "list_all_crm_contacts",
        "list_all_crm_tickets",
        "update_a_crm_contact_by_id",
        "update_a_crm_ticket_by_id",
    ]
    assert (report.findings, report.score) == ((), 100)


def test_the_demo_shows_flat_fields_and_fixes_bucket_and_collection(crm: Path) -> None:
    """Tools know nothing of Kinto: neither its envelope nor its buckets, headers or parameters."""
    report = check(load_folder(crm))
    assert report.catalog is not None
    tools = {tool.name: tool for tool in report.catalog.tools}
    create = tools["create_a_crm_ticket"]
    assert set(create.input_schema["properties"]) == {
        *("subject", "body", "status", "priority", "contact_id"),
    }
    assert create.method.path == "/buckets/crm/collections/tickets/records"
    assert create.method.response_path == "data"
    listing = tools["list_all_crm_tickets"]
    assert set(listing.input_schema["properties"]) == {
        *("limit", "next_cursor", "_sort", "status", "priority", "contact_id"),
    }
    assert listing.tags == ("support",)
    assert set(tools["get_single_crm_contact_by_id"].input_schema["properties"]) == {"id"}
