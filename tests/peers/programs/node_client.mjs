// The TypeScript SDKs, mcp-remote between one of them and the server, and the Inspector's command
// line.
//
// Run in the folder where the client is installed, with its name as argument; standard input and
// output are those of steps.py.

import { execFile } from "node:child_process";
import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { text } from "node:stream/consumers";

const INFO = { name: "peer", version: "1" };
const STEP_MS = 60_000;
const PAGES_AT_MOST = 1000;

async function sdk1({ url, headers }) {
  const { Client } = await import("@modelcontextprotocol/sdk/client/index.js");
  const { StreamableHTTPClientTransport } = await import(
    "@modelcontextprotocol/sdk/client/streamableHttp.js"
  );
  const transport = new StreamableHTTPClientTransport(new URL(url), { requestInit: { headers } });
  return [new Client(INFO), transport];
}

async function sdk2({ url, headers, mode }) {
  const { Client, StreamableHTTPClientTransport } = await import("@modelcontextprotocol/client");
  const negotiated = ["legacy", "auto"].includes(mode) ? mode : { pin: mode };
  const transport = new StreamableHTTPClientTransport(new URL(url), { requestInit: { headers } });
  return [new Client(INFO, { versionNegotiation: { mode: negotiated } }), transport];
}

async function remote({ url, headers, mode }) {
  const { Client } = await import("@modelcontextprotocol/sdk/client/index.js");
  const { StdioClientTransport } = await import("@modelcontextprotocol/sdk/client/stdio.js");
  const transport = new StdioClientTransport({
    command: process.execPath,
    args: [
      "node_modules/mcp-remote/dist/proxy.js", url, "--transport", "http-only", "--allow-http",
      "--protocol", mode, "--silent", ...flagsOf(headers),
    ],
    env: { PATH: process.env.PATH, MCP_REMOTE_CONFIG_DIR: folder() },
    stderr: "ignore",
  });
  return [new Client(INFO), transport];
}

// Every step is a command of its own, and so a session of its own.
class Inspector {
  constructor({ url, headers, mode }) {
    this.given = [
      "node_modules/@modelcontextprotocol/inspector/clients/launcher/build/index.js", "--cli",
      "--server-url", url, "--transport", "http", "--protocol-era", mode, ...flagsOf(headers),
      "--format", "json", "--stored-auth-only",
    ];
    this.env = { PATH: process.env.PATH, HOME: folder() };
  }

  async connect() {}

  async close() {}

  listTools() {
    return this.command("tools/list");
  }

  callTool({ name, arguments: given }) {
    return this.command("tools/call", "--tool-name", name, "--tool-args-json", JSON.stringify(given));
  }

  command(method, ...more) {
    const words = [...this.given, "--method", method, ...more];
    return new Promise((resolve, reject) => {
      execFile(process.execPath, words, { env: this.env }, (_failed, stdout, stderr) => {
        if (stdout) resolve(JSON.parse(stdout).result);
        else reject(new CommandFailed(JSON.parse(stderr).error.message));
      });
    });
  }
}

class CommandFailed extends Error {}

function folder() {
  const kept = mkdtempSync(join(tmpdir(), "peer-"));
  process.on("exit", () => rmSync(kept, { recursive: true, force: true }));
  return kept;
}

function flagsOf(headers) {
  return Object.entries(headers).flatMap(([name, value]) => ["--header", `${name}: ${value}`]);
}

const KINDS = {
  sdk1: [sdk1, "@modelcontextprotocol/sdk"],
  sdk2: [sdk2, "@modelcontextprotocol/client"],
  remote: [remote, "mcp-remote"],
  inspector: [async (asked) => [new Inspector(asked)], "@modelcontextprotocol/inspector"],
};

// The first generation takes a schema before the options.
const optionsOf = (options) => (kind === "sdk2" ? [options] : [undefined, options]);

async function call(client, name, given) {
  const progress = [];
  const options = { timeout: STEP_MS, onprogress: (told) => progress.push(told.progress) };
  const result = await client.callTool({ name, arguments: given }, ...optionsOf(options));
  const block = result.content.find((each) => each.type === "text");
  return {
    error: result.isError === true,
    text: block?.text ?? "",
    blocks: result.content.map((each) => each.type),
    structured: result.structuredContent ?? null,
    meta: result._meta ?? null,
    progress,
  };
}

async function readAll(client, step) {
  const records = [];
  const pages = [];
  let cursor = null;
  for (let page = 0; page < PAGES_AT_MOST; page += 1) {
    const given = cursor === null ? step.arguments : { ...step.arguments, next_cursor: cursor };
    const answer = await call(client, step.tool, given);
    if (answer.error) return answer;
    const found = JSON.parse(answer.text);
    records.push(...found.result);
    pages.push(found.result.length);
    cursor = found.next_cursor;
    if (cursor === null) break;
  }
  return { error: false, records, pages };
}

async function request(step) {
  const response = await fetch(step.url, { method: step.method, headers: step.headers });
  if (!response.ok) throw new Error(`${step.url} answered ${response.status}`);
  return { error: false, text: String(response.status) };
}

const OPERATIONS = {
  list: async (client) => ({ error: false, tools: (await client.listTools()).tools }),
  call: (client, step) => call(client, step.tool, step.arguments ?? {}),
  read_all: readAll,
  request: (_client, step) => request(step),
};

async function taken(client, step) {
  try {
    return await OPERATIONS[step.op](client, step);
  } catch (error) {
    return { error: true, raised: error.constructor.name, text: String(error.message) };
  }
}

const [kind] = process.argv.slice(-1);
const [open, name] = KINDS[kind];
const asked = JSON.parse(await text(process.stdin));
const answers = [];
let refused = null;
const [client, transport] = await open(asked);
try {
  await client.connect(transport);
  for (const step of asked.steps) answers.push(await taken(client, step));
} catch (error) {
  refused = { raised: error.constructor.name, text: String(error.message), status: null };
} finally {
  await client.close();
}
const { version } = JSON.parse(readFileSync(`node_modules/${name}/package.json`, "utf8"));
process.stdout.write(JSON.stringify({ answers, refused, version }));
