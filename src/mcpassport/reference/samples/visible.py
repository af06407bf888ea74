"""Recompute what the model sees of each tool: visible.py URL [API-TOKEN]; needs rfc8785."""

import hashlib
import json
import sys
import urllib.request

import rfc8785

MEMBERS = ("name", "title", "description", "inputSchema", "annotations")
url, *factor = sys.argv[1:]
headers = {"Content-Type": "application/json", **({"X-Api-Token": factor[0]} if factor else {})}
body = b'{"jsonrpc":"2.0","id":1,"method":"tools/list"}'
with urllib.request.urlopen(urllib.request.Request(url, body, headers)) as answer:  # noqa: S310  # the URL is yours
    for tool in json.load(answer)["result"]["tools"]:
        seen = rfc8785.dumps({name: tool[name] for name in MEMBERS if name in tool})
        print(hashlib.sha256(seen).hexdigest(), tool["name"])  # noqa: T201  # a command
