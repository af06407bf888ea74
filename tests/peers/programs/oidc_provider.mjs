// An OpenID provider on loopback: npm oidc-provider, and what a test needs to steer it.
//
// Run in the folder where oidc-provider is installed. Standard input: one command per line as JSON,
// `{"do": name, ...}`; standard output: one answer per command, `{"ok": ...}` or `{"error": text}`.
// The first line out is `{"issuer": ...}`. When standard input ends, so does the process.

import { generateKeyPairSync, randomUUID } from "node:crypto";
import { once } from "node:events";
import { createServer } from "node:http";
import { createInterface } from "node:readline";
import { text } from "node:stream/consumers";
import Provider from "oidc-provider";

const TOKEN = "/token";
const DAY_S = 86_400;

// What tests change while it runs.
const state = {
  account: "user-1", // who logs in
  claims: {}, // more claims of tokens
  consent: "accept", // or "deny"; or "ask": a form, with a button for each
  withhold: [], // scopes that the user does not grant
  scopes: "read write mcp:read mcp:write contacts:read contacts:write",
  resource: "urn:example:api", // meant where a request names no resource
  format: "jwt", // of access tokens; or "opaque"
  alg: "RS256",
  ttl: 3600, // seconds, of access tokens
};
let keys = fresh();
let provider;
let issuer;
let port = 0;

// --- storage: one map, so that it outlives a provider whose keys are rotated

const storage = new Map();

class Adapter {
  constructor(name) {
    this.name = name;
  }

  async upsert(id, payload, expiresIn) {
    const until = expiresIn ? Date.now() + expiresIn * 1000 : Infinity;
    storage.set(`${this.name}:${id}`, { payload, until });
  }

  async find(id) {
    const found = storage.get(`${this.name}:${id}`);
    return found && found.until > Date.now() ? found.payload : undefined;
  }

  async findByUid(uid) {
    return payloads(this.name).find((payload) => payload.uid === uid);
  }

  async findByUserCode() {
    return undefined;
  }

  async consume(id) {
    const payload = await this.find(id);
    if (payload) payload.consumed = Math.floor(Date.now() / 1000);
  }

  async destroy(id) {
    storage.delete(`${this.name}:${id}`);
  }

  async revokeByGrantId(grantId) {
    for (const [key, { payload }] of storage) {
      if (payload.grantId === grantId) storage.delete(key);
    }
  }
}

function payloads(name) {
  return [...storage].filter(([key]) => key.startsWith(`${name}:`)).map(([, one]) => one.payload);
}

// --- the provider

function fresh() {
  const made = [
    ["RS256", generateKeyPairSync("rsa", { modulusLength: 2048 })],
    ["ES256", generateKeyPairSync("ec", { namedCurve: "P-256" })],
    ["EdDSA", generateKeyPairSync("ed25519")],
  ];
  return made.map(([alg, { privateKey }]) => ({
    ...privateKey.export({ format: "jwk" }), alg, use: "sig", kid: randomUUID(),
  }));
}

function build() {
  const made = new Provider(issuer, {
    adapter: Adapter,
    jwks: { keys },
    cookies: { keys: ["a key of the cookies"] },
    scopes: ["openid", "offline_access", "email"],
    claims: { openid: ["sub", ...Object.keys(state.claims)], email: ["email"] },
    conformIdTokenClaims: false,
    clientDefaults: { grant_types: ["authorization_code", "refresh_token"] },
    findAccount: (_, id) => ({
      accountId: id,
      claims: async () => ({ sub: id, email: `${id}@example.test`, ...state.claims }),
    }),
    interactions: { url: (_, interaction) => `/interaction/${interaction.uid}` },
    extraTokenClaims: () => state.claims,
    issueRefreshToken: (_, client) => client.grantTypeAllowed("refresh_token"),
    rotateRefreshToken: true,
    ttl: { AccessToken: () => state.ttl, ClientCredentials: () => state.ttl, Grant: DAY_S,
      IdToken: () => state.ttl, Interaction: 600, RefreshToken: DAY_S, Session: DAY_S },
    features: {
      clientCredentials: { enabled: true },
      devInteractions: { enabled: false },
      introspection: { enabled: true },
      registration: { enabled: true },
      revocation: { enabled: true },
      resourceIndicators: {
        enabled: true,
        defaultResource: () => state.resource || undefined,
        useGrantedResource: () => true,
        getResourceServerInfo: (_, resource) => ({
          audience: resource,
          scope: state.scopes,
          accessTokenTTL: state.ttl,
          accessTokenFormat: state.format,
          jwt: { sign: { alg: state.alg } },
        }),
      },
    },
  });
  made.use(atTheTokenEndpoint);
  return made;
}

// --- the token endpoint, counted and held up

const paths = {};
const tokens = [];
let failing = []; // answers that the next token requests get instead
let held = null; // {where, released, release}
let waiting = 0;

async function atTheTokenEndpoint(ctx, next) {
  if (ctx.path !== TOKEN) return next();
  await pass("before");
  const instead = failing.shift();
  if (instead) {
    ctx.status = instead.status;
    ctx.set(instead.headers ?? {});
    ctx.body = instead.body;
  } else {
    await next();
  }
  tokens.push({
    grant: ctx.oidc?.params?.grant_type ?? "",
    client: ctx.oidc?.client?.clientId ?? "",
    status: ctx.status,
    error: ctx.body?.error ?? "",
  });
  await pass("after");
}

async function pass(where) {
  if (held?.where !== where) return;
  waiting += 1;
  await held.released;
  waiting -= 1;
}

// --- the user, who logs in and consents

async function interaction(req, res) {
  const { prompt, params, session, grantId } = await provider.interactionDetails(req, res);
  const posted = req.method === "POST" ? new URLSearchParams(await text(req)) : null;
  const decision = state.consent === "ask" ? posted?.get("decision") : state.consent;
  if (!decision) {
    res.setHeader("Content-Type", "text/html; charset=utf-8");
    res.end(
      `<!doctype html><title>${prompt.name}</title><h1>${prompt.name}</h1><form method="post">` +
        '<button name="decision" value="accept">Accept</button>' +
        '<button name="decision" value="deny">Deny</button></form>',
    );
    return;
  }
  await provider.interactionFinished(
    req, res, await outcome(decision, { prompt, params, session, grantId }),
    { mergeWithLastSubmission: decision === "accept" },
  );
}

async function outcome(decision, { prompt, params, session, grantId }) {
  if (decision === "deny") {
    return { error: "access_denied", error_description: "the user said no" };
  }
  if (prompt.name === "login") return { login: { accountId: state.account } };
  const grant = grantId
    ? await provider.Grant.find(grantId)
    : new provider.Grant({ accountId: session.accountId, clientId: params.client_id });
  const { missingOIDCScope, missingOIDCClaims, missingResourceScopes } = prompt.details;
  if (missingOIDCScope) grant.addOIDCScope(missingOIDCScope.join(" "));
  if (missingOIDCClaims) grant.addOIDCClaims(missingOIDCClaims);
  for (const [resource, scopes] of Object.entries(missingResourceScopes ?? {})) {
    const withheld = scopes.filter((scope) => state.withhold.includes(scope));
    const given = scopes.filter((scope) => !state.withhold.includes(scope));
    if (given.length) grant.addResourceScope(resource, given.join(" "));
    if (withheld.length) grant.rejectResourceScope(resource, withheld.join(" "));
  }
  return { consent: { grantId: await grant.save() } };
}

// --- the server

const overrides = {}; // path: {status, headers, body}

async function serve(req, res) {
  const { pathname } = new URL(req.url, issuer);
  paths[pathname] = (paths[pathname] ?? 0) + 1;
  const instead = overrides[pathname];
  if (instead) {
    res.writeHead(instead.status ?? 200, instead.headers ?? {});
    res.end(instead.body ?? "");
  } else if (pathname.startsWith("/interaction/")) {
    await interaction(req, res);
  } else {
    await provider.callback()(req, res);
  }
}

let server;

async function listen() {
  server = createServer((req, res) => {
    serve(req, res).catch((error) => {
      res.statusCode = 500;
      res.end(String(error));
    });
  });
  server.listen(port, "127.0.0.1");
  await once(server, "listening");
  port = server.address().port;
}

// --- commands

const commands = {
  async set({ values }) {
    Object.assign(state, values);
    provider = build();
    return state;
  },
  async client({ client }) {
    await new Adapter("Client").upsert(client.client_id, client);
    return client.client_id;
  },
  async rotate({ keep }) {
    keys = keep ? [...fresh(), ...keys] : fresh();
    provider = build();
    return keys.map((key) => key.kid);
  },
  async keys() {
    return keys;
  },
  async revoke() {
    for (const name of ["Grant", "RefreshToken", "AccessToken"]) {
      for (const key of storage.keys()) if (key.startsWith(`${name}:`)) storage.delete(key);
    }
    return null;
  },
  async hold({ where }) {
    held?.release();
    held = null;
    if (where) {
      let release;
      const released = new Promise((resolve) => { release = resolve; });
      held = { where, released, release };
    }
    return null;
  },
  async fail({ answers }) {
    failing = answers;
    return null;
  },
  async override({ path, answer }) {
    if (answer) overrides[path] = answer;
    else delete overrides[path];
    return null;
  },
  async down() {
    const closed = once(server, "close");
    server.close();
    server.closeAllConnections();
    await closed;
    return null;
  },
  async up() {
    await listen();
    return null;
  },
  async seen() {
    return { paths, tokens, waiting, alive: payloads("RefreshToken").filter((t) => !t.consumed).length };
  },
};

function say(answer) {
  process.stdout.write(`${JSON.stringify(answer)}\n`);
}

await listen();
issuer = `http://127.0.0.1:${port}`;
provider = build();
say({ issuer });
for await (const line of createInterface({ input: process.stdin })) {
  const command = JSON.parse(line);
  try {
    say({ ok: (await commands[command.do](command)) ?? null });
  } catch (error) {
    say({ error: String(error) });
  }
}
process.exit(0);
