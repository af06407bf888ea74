"""What the pages show is true: YAML loads, commands run, samples compile, tables name what is."""

import ast
import json
import re
import shlex
import subprocess
import sys
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any, get_args

import pytest
import yaml
from tests.support.pages import DOCS, ROOT, Block, blocks, marked, write_acme
from tests.support.shell import Shell, shell

from mcpassport.catalog.build import build
from mcpassport.cli.demo.processes import free_port, running
from mcpassport.cli.main import app
from mcpassport.errors import MEANINGS
from mcpassport.evidence.checks import CHECKS
from mcpassport.expressions import parse_template
from mcpassport.gate.grant import Reason
from mcpassport.integrations import schema, schema_examples, schema_kinds, schema_paging
from mcpassport.integrations.examples import run_examples
from mcpassport.integrations.lint import check
from mcpassport.integrations.load import load_folder
from mcpassport.integrations.openapi import import_openapi
from mcpassport.records.audit import AuditRow, Phase
from mcpassport.settings import Settings, load

KINTO = ROOT / "tests" / "fixtures" / "openapi" / "kinto-26.json"
INTEGRATIONS = (DOCS / "integrations.md").read_text()
OPERATE = (DOCS / "operate.md").read_text()
SHOWN_ADDRESS = "127.0.0.1:8080"
MARKS = {
    "yaml": {"integration", "docs", "docs-more", "examples", "config", "overlay", "openapi"},
    "sh": {"", "run", "fails", "serving", "curl", "pytest", "host"},
    "text": {"output", "case"},
    "toml": {"settings"},
    "python": {"", "mcp1", "mcp2"},
    "nginx": {""},
    "json": {"stdio"},
}
ALL = [block for page in [ROOT / "README.md", *sorted(DOCS.glob("*.md"))] for block in blocks(page)]
WRITTEN = [block for block in ALL if block.page not in {"README.md", "architecture.md"}]


def name_of(block: Block) -> str:
    return block.name


@pytest.mark.parametrize("block", WRITTEN, ids=name_of)
def test_every_block_has_a_mark_that_is_tested(block: Block) -> None:
    """No example escapes these tests by a mark that nobody knows."""
    assert block.mark in MARKS[block.language]


@pytest.mark.parametrize("block", marked("clients.md", "stdio"), ids=name_of)
def test_a_client_that_starts_a_command_can_be_configured_so(block: Block) -> None:
    """The command starts with the options and variables of the page, and ends with its input."""
    (server,) = json.loads(block.text)["mcpServers"].values()
    assert server["command"] == "mcpassport"
    command = [sys.executable, "-m", "mcpassport", *server["args"]]
    done = subprocess.run(command, input=b"", capture_output=True, check=False, env=server["env"])
    assert (done.returncode, done.stdout, done.stderr) == (0, b"", b"")


# Integrations


def test_the_whole_example_is_clean(tmp_path: Path) -> None:
    """The folder of the page has no finding."""
    write_acme(tmp_path)
    report = check(load_folder(tmp_path / "acme"))
    assert report.findings == ()
    assert report.score == 100


def with_config(folder: Path, patch: dict[str, Any]) -> None:
    """Keys of the patch replace those of the example; methods join its resources."""
    file = folder / "acme" / "integration.yaml"
    config = yaml.safe_load(file.read_text())
    for name, resource in patch.pop("resources", {}).items():
        config["resources"][name]["methods"] |= resource["methods"]
    file.write_text(json.dumps(config | patch))


@pytest.mark.parametrize("block", marked("integrations.md", "config"), ids=name_of)
def test_a_piece_of_config_loads(block: Block, tmp_path: Path) -> None:
    """Put into the example it is no error, and what has a record is still a tool."""
    write_acme(tmp_path)
    with_config(tmp_path, yaml.safe_load(block.text))
    report = check(load_folder(tmp_path / "acme"))
    assert report.catalog is not None, report.findings
    assert {finding.rule for finding in report.findings if finding.severity == "error"} <= {
        "no_record"
    }


def test_the_bodies_of_the_page_become_tools(tmp_path: Path) -> None:
    """The methods and the records of the section on bodies fit each other."""
    write_acme(tmp_path)
    (block,) = marked("integrations.md", "docs-more")
    methods = next(
        yaml.safe_load(each.text)
        for each in marked("integrations.md", "config")
        if "body_format" in each.text
    )
    with_config(tmp_path, methods)
    (tmp_path / "acme" / "docs" / "more.yaml").write_text(block.text)
    report = check(load_folder(tmp_path / "acme"))
    assert report.findings == ()


async def test_the_example_of_the_page_passes(tmp_path: Path) -> None:
    """What is recorded is what the example's folder makes; changed, it fails at its line."""
    write_acme(tmp_path)
    loaded = load_folder(tmp_path / "acme")
    assert loaded.integration is not None
    assert await run_examples(loaded, build(loaded.integration)) == ()
    file = tmp_path / "acme" / "examples" / "contacts.yaml"
    file.write_text(file.read_text().replace("company=Globex", "company=Other"))
    loaded = load_folder(tmp_path / "acme")
    assert loaded.integration is not None
    (finding,) = await run_examples(loaded, build(loaded.integration))
    assert finding.where == "examples/contacts.yaml:7"


@pytest.mark.parametrize("block", marked("integrations.md", "overlay"), ids=name_of)
def test_an_overlay_fits_the_imported_description(block: Block, tmp_path: Path) -> None:
    """Over Kinto's own description it makes tools, without an error."""
    (tmp_path / "docs").mkdir()
    imported = import_openapi(KINTO, name="crm", base_url="https://kinto.example/v1")
    for file, text in imported.files.items():
        (tmp_path / file).write_text(text)
    (tmp_path / "overlay.yaml").write_text(block.text)
    report = check(load_folder(tmp_path))
    assert not report.failed, report.findings
    assert report.catalog is not None
    assert [tool.name for tool in report.catalog.tools] == [
        "create_a_crm_contact",
        "list_all_crm_contacts",
    ]


def test_each_template_becomes_what_the_table_says() -> None:
    """The rows of the table of placeholders, rendered."""
    row = re.compile(r"^\| `(.*?\{\{.*\}\}.*?)` \| `(\{.*?\})` \| `(.*)` \|$", re.MULTILINE)
    rows = row.findall(INTEGRATIONS)
    assert len(rows) == 7
    for template, arguments, expected in rows:
        parsed = parse_template(template.replace("\\|", "|"), "example")
        rendered = parsed.render({"args": json.loads(arguments)})
        assert json.dumps(rendered) == expected, template


@pytest.mark.parametrize(
    "model",
    [
        schema.Config,
        schema.Resource,
        schema.Method,
        schema.Record,
        schema.Overlay,
        schema.Derive,
        schema_kinds.RateLimit,
        schema_kinds.CredentialField,
        schema_kinds.Annotations,
        schema_paging.PagePagination,
        schema_paging.CursorPagination,
        schema_paging.NextUrlPagination,
        schema_paging.OffsetPagination,
        schema_paging.RangePagination,
        schema_paging.ExpressionPagination,
        schema_kinds.QueryAuthorization,
        schema_kinds.ExpressionAuthorization,
        schema_examples.RecordedExample,
        schema_examples.SentRequest,
        schema_examples.RecordedAnswer,
    ],
)
def test_every_key_is_explained(model: Any) -> None:
    """No key that the loader takes is missing from the page."""
    for name, field in model.model_fields.items():
        key = field.alias or name
        assert re.search(rf"\b{key}\b", INTEGRATIONS), key


# Commands


def runnable(page: str) -> list[tuple[Block, str | None]]:
    """Blocks that run, each with the output that the page shows after it."""
    every = blocks(DOCS / page)
    found: list[tuple[Block, str | None]] = []
    for block, following in zip(every, [*every[1:], None], strict=True):
        if block.mark in {"run", "fails", "serving"}:
            shows = following is not None and following.mark == "output"
            found.append((block, following.text if following and shows else None))
    return found


@pytest.fixture
def prepared(tmp_path: Path) -> Iterator[Shell]:
    """A shell in a folder that holds the example of the page on integrations."""
    folder, programs = tmp_path / "work", tmp_path / "bin"
    for path in (folder, programs):
        path.mkdir()
    write_acme(folder)
    with shell(folder, programs) as opened:
        yield opened


@pytest.mark.parametrize("page", ["integrations.md", "operate.md", "evidence.md"])
def test_the_commands_of_a_page_run_in_order(page: str, prepared: Shell) -> None:
    """Each block ends as its mark says, and prints what the page shows; one serves meanwhile."""
    with ExitStack() as stack:
        address = SHOWN_ADDRESS
        for block, shown in runnable(page):
            if block.mark == "serving" and address == SHOWN_ADDRESS:
                address = stack.enter_context(_serving(prepared.folder))
            done = prepared.run(block.text.replace(SHOWN_ADDRESS, address))
            said = f"{block.name}\n{done.stdout}{done.stderr}"
            assert (done.returncode != 0) is (block.mark == "fails"), said
            if shown is not None:
                lines = [line.rstrip() for line in done.stdout.splitlines()]
                assert lines[-len(shown.splitlines()) :] == shown.splitlines(), said


@contextmanager
def _serving(folder: Path) -> Iterator[str]:
    """`mcpassport serve` on the deployment that the page made; its address."""
    port = free_port()
    config = str(folder / "mcpassport" / "mcpassport.toml")
    command = [sys.executable, "-m", "mcpassport", "serve", "--config", config]
    command += ["--port", str(port)]
    with running(command, folder.parent / "serve.log", ready=(port, "/version")):
        yield f"127.0.0.1:{port}"


def commands(block: Block) -> list[list[str]]:
    """The `mcpassport` commands of a block as words."""
    joined = block.text.replace("\\\n", " ")
    lines = [shlex.split(line, comments=True) for line in joined.splitlines()]
    return [words[1:] for words in lines if words[:1] == ["mcpassport"]]


@pytest.mark.parametrize(
    "block", [block for block in ALL if block.language == "sh" and not block.mark], ids=name_of
)
def test_commands_that_are_only_shown_exist(block: Block) -> None:
    """Each names a command, and options that it takes."""
    assert commands(block) or "make" in block.text
    for words in commands(block):
        command, _, unused = app.parse_args(words, exit_on_error=False, print_error=False)
        assert callable(command)
        assert not unused


@pytest.mark.parametrize("block", marked("deploy.md", "host"), ids=name_of)
def test_commands_of_the_host_name_files_and_settings_that_exist(block: Block) -> None:
    """Whatever they take from the repo is there, and each variable is a setting."""
    named = re.findall(r"\bdeploy/[\w./-]+", block.text)
    assert named
    assert all((ROOT / name).is_file() for name in named)
    variables = re.findall(r"\bMCPASSPORT_([A-Z_]+)=", block.text)
    assert {name.lower() for name in variables} <= set(Settings.model_fields)


@pytest.mark.parametrize("block", marked("test.md", "pytest"), ids=name_of)
def test_the_commands_for_single_tests_find_some(block: Block) -> None:
    """What they name is collected."""
    for line in block.text.splitlines():
        words = shlex.split(line)
        assert words[:3] == [".venv/bin/python", "-m", "pytest"]
        command = [sys.executable, *words[1:], "--collect-only", "-q"]
        done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
        assert done.returncode == 0, done.stdout + done.stderr


def test_the_case_that_is_shown_is_one() -> None:
    """The golden case of the page is the file, to the byte."""
    (block,) = marked("test.md", "case")
    assert block.text == (ROOT / "tests" / "cases" / "protocol" / "ping.txt").read_text()


def test_the_mutant_that_is_shown_is_one() -> None:
    """The patch of the page is the file, to the byte."""
    (block,) = marked("evidence.md", "case")
    assert block.text == (ROOT / "tests" / "mutants" / "LIM-03.patch").read_text()


def test_every_check_is_told_of() -> None:
    """The page says of each check how it tries its promise."""
    text = (DOCS / "evidence.md").read_text()
    assert re.findall(r"^\| `([A-Z]{3}-\d\d)` \|", text, re.MULTILINE) == list(CHECKS)


def test_every_file_that_the_page_on_tests_names_exists() -> None:
    """No table leads to a file that is gone."""
    text = (DOCS / "test.md").read_text()
    names = re.findall(r"`([\w./]+\.(?:py|txt|lock))`", text)
    assert len(names) > 20
    for name in names:
        places = [ROOT, ROOT / "src" / "mcpassport", ROOT / "tests" / "contracts"]
        places.append(ROOT / "requirements")
        found = any((place / name).exists() for place in places) or name == "unmapped.txt"
        assert found or name == "expected.txt", name


# Samples and tables


@pytest.mark.parametrize("block", [b for b in ALL if b.language == "python"], ids=name_of)
def test_python_samples_compile(block: Block) -> None:
    """Each is Python as it stands."""
    compile(block.text, block.name, "exec")


def test_the_error_sample_reads_both_channels() -> None:
    """It finds the envelope of a result, of a JSON-RPC error and of a bare refusal."""
    (sample,) = [block for block in marked("clients.md", "") if block.language == "python"]
    names: dict[str, Any] = {}
    exec(compile(sample.text, sample.name, "exec"), names)
    envelope_of, envelope = names["envelope_of"], {"type": "rate_limited"}
    failed = {"isError": True, "_meta": {"mcpassport/error": envelope}}
    assert envelope_of({"result": failed}) == envelope
    assert envelope_of({"error": {"code": 429, "data": envelope}}) == envelope
    assert envelope_of({"error": envelope}) == envelope
    assert envelope_of({"result": {"content": []}}) is None


def test_the_settings_that_are_shown_are_valid(tmp_path: Path) -> None:
    """Each settings file of the page is read without a problem, and sets what it shows."""
    first, second, third = marked("operate.md", "settings")
    file = tmp_path / "mcpassport.toml"
    file.write_text(first.text)
    assert load(file, {}).public_url == "https://mcp.vendor.example"
    file.write_text(second.text)
    shared = load(file, {})
    assert shared.records_url == shared.keyring_url
    file.write_text(third.text)
    apart = load(file, {})
    assert apart.records_url != apart.keyring_url
    assert {apart.records_url[:13], apart.keyring_url[:13]} == {"postgresql://"}


def test_every_audit_field_and_reason_is_explained() -> None:
    """No field of a row and no reason of the gate is missing from the page."""
    for name in (*AuditRow.__struct_fields__, *get_args(Reason), *get_args(Phase)):
        assert f"`{name}`" in OPERATE, name


def test_symptoms_are_error_texts_of_the_program() -> None:
    """Each symptom of the troubleshooting table is a type, or stands in a text of the code."""
    table = OPERATE.partition("## Troubleshooting")[2]
    rows = re.findall(r"^\| (.*?) \|", table, re.MULTILINE)[2:]
    types = {meaning.type for meaning in MEANINGS.values()}
    texts = [
        node.value
        for path in (ROOT / "src" / "mcpassport").rglob("*.py")
        for node in ast.walk(ast.parse(path.read_text()))
        if isinstance(node, ast.Constant) and isinstance(node.value, str)
    ]
    assert len(rows) > 20
    for symptom in (part for row in rows for part in re.findall(r"`([^`]*)`", row)):
        known = symptom in types or symptom == "/mcp/…"
        assert known or any(symptom in text for text in texts), symptom
