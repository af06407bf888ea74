"""overlay.yaml: hand edits over an imported description, applied at each load.

    keep:                            # resource.method patterns; absent: all methods stay
      - articles.*                   #   (but not the resources that `derive` reads from)
    derive:                          # reads what was imported, kept or not
      - resource: contacts           # the new resource
        from: record                 # the generic one it is made of
        args: {collection_id: crm}   # arguments that are no longer asked for, with their values
        label: Contacts              # optional, as are singular, tags, methods and words
        singular: contact
        tags: [crm]                  # default: the tags of the generic resource
        methods: [list, get]         # default: all of its methods
        words: {record: contact, records: contacts}    # whole words of titles and descriptions
    patch:                           # RFC 7396
      config: {rate_limit: {is_limited: "status = 429"}}
      records:
        contacts.list: {title: List contacts}
        contacts.delete: null        # removes the record

The order is keep, derive, patch. An entry that matches nothing is an error, so that an overlay
cannot go stale unseen when a newer description is imported. A patch may bring a whole new method
(one with `http` and `path`), and a record for a method that has none.
"""

from collections.abc import Iterator, Mapping
from fnmatch import fnmatchcase
from typing import Any

from mcpassport.integrations.crosscheck import Slip
from mcpassport.integrations.derive import derive
from mcpassport.integrations.marks import MarkedList, MarkedMap, copied, key_place
from mcpassport.integrations.merge_patch import merge_patch, unmatched_nulls
from mcpassport.integrations.schema import Derive, Overlay

_STALE = "Remove the entry, or mend its name."


def apply_overlay(
    imported: MarkedMap, overlay: Overlay, written: MarkedMap
) -> tuple[MarkedMap, list[Slip]]:
    """The content `{config, documentation}` after the overlay, and what matched nothing.

    `written` is the overlay as read; the paths of the slips lead into it.
    """
    edited = copied(imported)
    slips = list(_keep(edited, overlay))
    for index, entry in enumerate(overlay.derive):
        slips += _derive(edited, imported, entry, (index, written["derive"][index]))
    patch = written.get("patch") or {}
    slips += _patch_config(edited, patch.get("config") or {})
    slips += _patch_records(edited, patch.get("records") or {})
    return edited, slips


def _keep(content: MarkedMap, overlay: Overlay) -> Iterator[Slip]:
    patterns = overlay.keep
    if patterns is None:
        sources = {entry.source for entry in overlay.derive}
        _remove(content, lambda name: name.split(".")[0] in sources)
        return
    names = method_names(content)
    for index, pattern in enumerate(patterns):
        if not any(fnmatchcase(name, pattern) for name in names):
            yield Slip(("keep", index), f"keep: '{pattern}' matches no method.", _STALE)
    _remove(content, lambda name: not any(fnmatchcase(name, pattern) for pattern in patterns))


def _remove(content: MarkedMap, is_gone: Any) -> None:
    resources = resources_of(content)
    for resource, entry in list(resources.items()):
        methods = methods_of(entry)
        for method in list(methods):
            if is_gone(f"{resource}.{method}"):
                del methods[method]
        if not methods:
            del resources[resource]
    kept = MarkedList(content["documentation"].place)
    for record, place in _records(content):
        if not is_gone(record_name(record)):
            kept.add(record, place)
    content["documentation"] = kept


def _derive(
    content: MarkedMap, imported: MarkedMap, entry: Derive, written: tuple[int, Any]
) -> Iterator[Slip]:
    path: tuple[str | int, ...] = ("derive", written[0])
    source = resources_of(imported).get(entry.source)
    if not isinstance(source, MarkedMap):
        yield Slip((*path, "from"), f"derive: there is no resource '{entry.source}'.", _STALE)
        return
    if entry.resource in resources_of(content):
        yield Slip(
            (*path, "resource"),
            f"derive: the resource '{entry.resource}' exists.",
            "Choose another name.",
        )
        return
    unknown = [name for name in entry.methods or () if name not in methods_of(source)]
    if unknown:
        yield Slip(
            (*path, "methods"), f"derive: '{entry.source}' has no method '{unknown[0]}'.", _STALE
        )
    records = [pair for pair in _records(imported) if pair[0].get("resource") == entry.source]
    made = derive(entry, source, records, written[1].place)
    resources_of(content).put(entry.resource, made.resource, written[1].place)
    for record, place in made.records:
        content["documentation"].add(record, place)
    for key, message, mend in made.slips:
        yield Slip((*path, *key), message, mend)


def _patch_config(content: MarkedMap, patch: Any) -> Iterator[Slip]:
    base: tuple[str | int, ...] = ("patch", "config")
    for path in unmatched_nulls(content["config"], patch):
        name = ".".join(str(part) for part in path)
        yield Slip((*base, *path), f"patch: there is no '{name}' to remove.", _STALE)
    known = copied(patch)
    for slip in list(_strangers(content, patch, base)):
        yield slip
        _without(known, slip.path[len(base) :])
    content["config"] = merge_patch(content["config"], known)


def _without(patch: Any, path: tuple[str | int, ...]) -> None:
    """Take one entry out of a patch, so that its name is complained of only once."""
    for part in path[:-1]:
        patch = patch[part]
    del patch[path[-1]]


def _strangers(content: MarkedMap, patch: Any, base: tuple[str | int, ...]) -> Iterator[Slip]:
    """Methods that the patch changes and that are not there; a whole one is an addition."""
    resources = resources_of(content)
    for resource, entry in _mapping(_mapping(patch).get("resources")).items():
        present = methods_of(resources.get(resource))
        methods = _mapping(_mapping(entry).get("methods"))
        for method, change in methods.items():
            whole = {"http", "path"} <= set(_mapping(change))
            if method not in present and change is not None and not whole:
                yield Slip(
                    (*base, "resources", resource, "methods", method),
                    f"patch: there is no method '{resource}.{method}'.",
                    f"{_STALE} A new method needs http and path.",
                )
        if resource not in resources and entry is not None and not methods:
            yield Slip(
                (*base, "resources", resource), f"patch: there is no resource '{resource}'.", _STALE
            )


def _patch_records(content: MarkedMap, patch: Mapping[str, Any]) -> Iterator[Slip]:
    documentation = content["documentation"]
    names = method_names(content)
    for key, change in patch.items():
        path = ("patch", "records", key)
        found = [
            index
            for index, (record, _) in enumerate(_records(content))
            if record_name(record) == key
        ]
        if found:
            for missing in unmatched_nulls(documentation[found[0]], change):
                yield Slip(
                    (*path, *missing), f"patch: {key} has no '{missing[-1]}' to remove.", _STALE
                )
            _replace(documentation, found[0], change)
        elif key in names and change is not None:
            documentation.add(_new_record(key, change), key_place(patch, key))
        else:
            yield Slip(path, f"patch: there is no record and no method '{key}'.", _STALE)


def _replace(documentation: MarkedList, index: int, change: Any) -> None:
    if change is None:
        del documentation[index]
        del documentation.items_at[index]
    else:
        documentation[index] = merge_patch(documentation[index], change)


def _new_record(key: str, change: Any) -> Any:
    resource, method = key.split(".")
    record = MarkedMap(change.place)
    record.put("resource", resource, change.place)
    record.put("method", method, change.place)
    return merge_patch(record, change)


def method_names(content: Mapping[str, Any]) -> list[str]:
    """`resource.method` of every method."""
    return [
        f"{resource}.{method}"
        for resource, entry in resources_of(content).items()
        for method in methods_of(entry)
    ]


def resources_of(content: Mapping[str, Any]) -> Any:
    """The mapping of resources; an empty one where there is none."""
    found = _mapping(content.get("config")).get("resources")
    return found if isinstance(found, MarkedMap) else MarkedMap(content["config"].place)


def methods_of(resource: Any) -> Any:
    """The mapping of methods; an empty one where there is none."""
    found = _mapping(resource).get("methods")
    return found if isinstance(found, MarkedMap) else {}


def record_name(record: Mapping[str, Any]) -> str:
    """`resource.method` of a record."""
    return f"{record.get('resource')}.{record.get('method')}"


def _records(content: MarkedMap) -> list[tuple[Any, Any]]:
    documentation = content["documentation"]
    pairs = zip(documentation, documentation.items_at, strict=True)
    return [pair for pair in pairs if isinstance(pair[0], MarkedMap)]


def _mapping(value: Any) -> Mapping[str, Any]:
    return value if isinstance(value, Mapping) else {}
