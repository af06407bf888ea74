// Call a tool and back off as the answer says: wait for the reset, add jitter, give up.
// Plain JavaScript with JSDoc types: TypeScript reads it with `checkJs`.

const ATTEMPTS = 5;
const LONGEST_WAIT = 300; // seconds; a reset further away is not worth holding a worker

/**
 * The envelope of a failure.
 * @typedef {{type: string, message: string, retry?: {safe: boolean, after_seconds?: number | null},
 *   ratelimit?: {reset?: number} | null}} Envelope
 */

/**
 * The error envelope, wherever it stands; null if the call went well.
 * @param {any} answer
 * @returns {Envelope | null}
 */
export function envelopeOf(answer) {
  if (answer.error) return answer.error.data ?? answer.error;
  if (answer.result?.isError) return answer.result._meta?.["mcpassport/error"] ?? {};
  return null;
}

/**
 * Seconds to wait: never less than the reset, plus up to a tenth and one second of jitter.
 * @param {Envelope} envelope
 * @param {number} attempt
 */
export function waitFor(envelope, attempt) {
  const told = envelope.retry?.after_seconds ?? envelope.ratelimit?.reset;
  const base = told ?? Math.min(60, 2 ** attempt);
  return base + Math.random() * (1 + base / 10);
}

/** @param {number} seconds */
const pause = (seconds) => new Promise((done) => setTimeout(done, seconds * 1000));

/**
 * The result of the tool; throws when repeating is unsafe or pointless.
 * @param {string} url
 * @param {string} name
 * @param {Record<string, unknown>} args
 * @param {Record<string, string>} headers
 * @param {(seconds: number) => Promise<unknown>} sleep
 */
export async function callTool(url, name, args, headers = {}, sleep = pause) {
  const body = { jsonrpc: "2.0", id: 1, method: "tools/call", params: { name, arguments: args } };
  for (let attempt = 1; ; attempt += 1) {
    const response = await fetch(url, {
      method: "POST",
      headers: { "Content-Type": "application/json", Accept: "application/json", ...headers },
      body: JSON.stringify(body),
    });
    const answer = await response.json(); // a 429 carries the same JSON as any other answer
    const envelope = envelopeOf(answer);
    if (envelope === null) return answer.result;
    const wait = waitFor(envelope, attempt);
    if (!envelope.retry?.safe || attempt === ATTEMPTS || wait > LONGEST_WAIT) {
      throw new Error(`${envelope.type}: ${envelope.message}`);
    }
    await sleep(wait);
  }
}
