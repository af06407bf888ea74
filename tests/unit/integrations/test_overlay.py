"""The overlay: keep, then derive, then patch; and what it makes of a generic resource."""

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, TypeAlias

import pytest

from mcpassport.integrations.lint import check
from mcpassport.integrations.load import Loaded, load_folder

WriteFolder: TypeAlias = Callable[[Mapping[str, str]], Path]

CONFIG = """
    format: 1
    name: store
    label: Store
    base_url: https://store.example/v1
    credentials: [{kind: basic}]
    authorization: {kind: basic}
    pagination: {kind: next_url, next_header: Next-Page, limit_param: _limit}
    resources:
      record:
        label: Records
        singular: record
        tags: [data]
        methods:
          list:
            http: GET
            path: /buckets/{{args.bucket_id}}/collections/{{args.collection_id}}/records
            query: {trace: 'b-{{args.bucket_id}}', bucket: '{{args.bucket_id}}'}
            headers: {X-Bucket: '{{args.bucket_id}}'}
            response_path: data
          get:
            http: GET
            path: /buckets/{{args.bucket_id}}/collections/{{args.collection_id}}/records/{{args.id}}
            response_path: data
            content:
              - {type: resource, value: body, uri: 'store://{{args.bucket_id}}/{{args.id}}'}
      bucket:
        methods:
          list: {http: GET, path: /buckets}
    """
DOCS = """
    - resource: record
      method: list
      title: List records
      description: Lists the records of a collection. Records come newest first.
      path_schema:
        type: object
        required: [bucket_id, collection_id]
        properties:
          bucket_id: {type: string, description: Bucket of the record.}
          collection_id: {type: string, description: Collection of the record.}
      query_schema:
        type: object
        required: [fields]
        properties:
          fields: {type: string, description: Members of each record to return.}
          since: {type: string, description: Only newer records., enum: [record]}
      header_schema:
        type: object
        properties:
          X-Level: {type: integer, description: Level of detail.}
      examples:
        - {arguments: {bucket_id: b, collection_id: c, fields: id}}
    - resource: record
      method: get
      title: Get a record
      description: Returns one record of a collection by its id.
      path_schema:
        type: object
        required: [bucket_id, collection_id, id]
        properties:
          bucket_id: {type: string, description: Bucket of the record.}
          collection_id: {type: string, description: Collection of the record.}
          id: {type: string, minLength: 1, description: Id of the record.}
    - resource: bucket
      method: list
      description: Lists the buckets that this account may read.
    """


def loaded(write_folder: WriteFolder, overlay: str) -> Loaded:
    """The store with that overlay."""
    return load_folder(
        write_folder({"integration.yaml": CONFIG, "docs/all.yaml": DOCS, "overlay.yaml": overlay})
    )


def names(result: Loaded) -> set[str]:
    """`resource.method` of every record."""
    return {f"{r['resource']}.{r['method']}" for r in result.content["documentation"]}


def record(result: Loaded, name: str) -> dict[str, Any]:
    """One record by `resource.method`."""
    found: dict[str, Any] = next(
        item
        for item in result.content["documentation"]
        if f"{item['resource']}.{item['method']}" == name
    )
    return found


DERIVED = """
    derive:
      - resource: contacts
        from: record
        args: {bucket_id: 'crm/eu 1', collection_id: contacts, X-Level: 2, fields: 'id,name'}
        label: Contacts
        singular: contact
        tags: [crm]
        words: {record: contact, records: contacts}
    """


def test_a_generic_resource_becomes_a_particular_one(write_folder: WriteFolder) -> None:
    """Fixed arguments are literals in the call, and gone from what the tool asks for."""
    result = loaded(write_folder, DERIVED)
    assert not result.findings
    contacts = result.content["config"]["resources"]["contacts"]
    assert (contacts["label"], contacts["singular"], contacts["tags"]) == (
        "Contacts",
        "contact",
        ["crm"],
    )
    listed = contacts["methods"]["list"]
    assert listed["path"] == "/buckets/crm%2Feu%201/collections/contacts/records"
    assert listed["query"] == {"trace": "b-crm/eu 1", "bucket": "crm/eu 1", "fields": "id,name"}
    assert listed["headers"] == {"X-Bucket": "crm/eu 1", "X-Level": "2"}
    assert contacts["methods"]["get"]["path"].endswith("/collections/contacts/records/{{args.id}}")
    documented = record(result, "contacts.list")
    assert "path_schema" not in documented
    assert "header_schema" not in documented
    assert documented["query_schema"]["properties"].keys() == {"since"}
    assert "required" not in documented["query_schema"]
    assert documented["examples"] == [{"arguments": {}}]
    assert record(result, "contacts.get")["path_schema"]["required"] == ["id"]


def test_an_address_keeps_no_fixed_argument(write_folder: WriteFolder) -> None:
    """In the address of a resource it is a literal; an expression that reads one is an error."""
    result = loaded(write_folder, DERIVED)
    contacts = result.content["config"]["resources"]["contacts"]["methods"]["get"]
    assert contacts["content"][0]["uri"] == "store://crm%2Feu%201/{{args.id}}"
    reading = CONFIG.replace("value: body", "value: args.bucket_id & body")
    files = {"integration.yaml": reading, "docs/all.yaml": DOCS, "overlay.yaml": DERIVED}
    found = load_folder(write_folder(files)).findings
    assert "content expression of 'get' reads args.bucket_id" in str(found)


def test_titles_and_descriptions_are_reworded_and_values_are_not(
    write_folder: WriteFolder,
) -> None:
    """Whole words change with their capital; an enumerated value keeps its text."""
    documented = record(loaded(write_folder, DERIVED), "contacts.list")
    assert documented["title"] == "List contacts"
    assert documented["description"] == (
        "Lists the contacts of a collection. Contacts come newest first."
    )
    since = documented["query_schema"]["properties"]["since"]
    assert since == {"type": "string", "description": "Only newer contacts.", "enum": ["record"]}


def test_the_generic_resource_stays_only_when_it_is_kept(write_folder: WriteFolder) -> None:
    """Without `keep` the source of a derivation goes and everything else stays."""
    assert names(loaded(write_folder, DERIVED)) == {"contacts.list", "contacts.get", "bucket.list"}
    kept = loaded(write_folder, "\n    keep: [record.get]" + DERIVED)
    assert names(kept) == {"contacts.list", "contacts.get", "record.get"}
    none = loaded(write_folder, "\n    keep: []" + DERIVED)
    assert names(none) == {"contacts.list", "contacts.get"}
    assert none.content["config"]["resources"].keys() == {"contacts"}


def test_a_derived_resource_is_a_set_of_good_tools(write_folder: WriteFolder) -> None:
    """The whole way to the catalog: names, no leftover argument, nothing dropped."""
    report = check(loaded(write_folder, "\n    keep: []" + DERIVED))
    assert report.catalog is not None
    assert [tool.name for tool in report.catalog.tools] == [
        "get_single_store_contact_by_id",
        "list_all_store_contacts",
    ]
    assert not report.catalog.dropped
    assert report.catalog.tools[0].input_schema["properties"].keys() == {"id"}


def test_keep_alone_selects_methods_and_their_records(write_folder: WriteFolder) -> None:
    """Resources without a method left are removed."""
    result = loaded(write_folder, "keep: ['record.*']")
    assert names(result) == {"record.list", "record.get"}
    assert result.content["config"]["resources"].keys() == {"record"}


def test_patches_come_last_and_reach_what_was_derived(write_folder: WriteFolder) -> None:
    """A record of a derived method is patched, removed, or written anew."""
    patch = """
    patch:
      config:
        label: Shop
        resources:
          contacts:
            methods:
              list: {response_path: null, scopes: [read]}
              count: {http: GET, path: /count}
      records:
        contacts.list: {description: 'Lists people, newest first, with their mail address.'}
        contacts.count: {description: Counts the people there are in the collection.}
        contacts.get: null
    """
    result = loaded(write_folder, DERIVED + patch)
    assert not result.findings
    assert result.content["config"]["label"] == "Shop"
    methods = result.content["config"]["resources"]["contacts"]["methods"]
    assert methods["list"]["scopes"] == ["read"]
    assert "response_path" not in methods["list"]
    assert names(result) == {"contacts.list", "contacts.count", "bucket.list"}
    assert record(result, "contacts.list")["description"].startswith("Lists people")
    assert record(result, "contacts.list")["title"] == "List contacts"


def test_a_finding_in_what_a_patch_wrote_points_to_the_overlay(write_folder: WriteFolder) -> None:
    """The line is that of the patch, and that of the original for what was not patched."""
    result = loaded(write_folder, "\npatch:\n  config:\n    label: 7\n")
    assert [finding.where for finding in result.findings] == ["overlay.yaml:4"]


@pytest.mark.parametrize(
    ("overlay", "where", "said"),
    [
        ("keep: [nothing.*]", "overlay.yaml:1", "matches no method"),
        ("keep: [nothing]", "overlay.yaml:1", "resource.method"),
        ("kep: []", "overlay.yaml:1", "Did you mean 'keep'"),
        (
            "derive: [{resource: a, from: record, args: {bucket_id: '..', collection_id: c}}]",
            "overlay.yaml:1",
            "cannot be a segment",
        ),
        ("derive: [{resource: a, from: record, args: {nothing: 1}}]", "overlay.yaml:1", "nothing"),
        ("derive: [{resource: a, from: record, args: {}}]", "overlay.yaml:1", "at least 1"),
        ("patch: {config: {nothing: null}}", "overlay.yaml:1", "nothing"),
        ("patch: {records: {record.put: {title: x}}}", "overlay.yaml:1", "record.put"),
        ("patch: {records: {record.list: {examples: null, body: null}}}", "overlay.yaml:1", "body"),
    ],
)
def test_an_entry_that_matches_nothing_is_an_error(
    write_folder: WriteFolder, overlay: str, where: str, said: str
) -> None:
    """A stale overlay is noticed when a newer description is imported."""
    result = loaded(write_folder, overlay)
    assert result.integration is None
    found = [finding for finding in result.findings if finding.where == where]
    assert any(said in f"{finding.message} {finding.mend}" for finding in found)


def test_the_same_folder_is_overlaid_to_the_same_content(write_folder: WriteFolder) -> None:
    """Loading twice makes one digest: the overlay leaves no trace in what was imported."""
    first, second = loaded(write_folder, DERIVED), loaded(write_folder, DERIVED)
    assert first.integration is not None
    assert second.integration is not None
    assert first.integration.digest == second.integration.digest
