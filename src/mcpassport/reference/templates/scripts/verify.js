// Is this copy what was signed? Finds an alteration, not a dishonest host: whoever serves another page
// also serves another script. `mcpassport reference verify` with a fingerprint is the real check.
//
// (1) The signature file is the envelope of a release, of the key that it carries, and holds.
// (2) Served: the bytes of this page, fetched anew from the same origin, are the signed ones.
//     Opened from a file, where nothing can be fetched: the data that the page carries is.
{
  const box = document.querySelector(".check");
  const served = location.protocol === "http:" || location.protocol === "https:";
  const BANNER = /<p class="drift" role="status">What runs here is no longer what release [0-9.]+ describes: the live catalog has the digest <code>[0-9a-f]{64}<\/code>, the release <code>[0-9a-f]{64}<\/code>\. <a href="\/reference\/[a-z0-9-]+\/current">Current build, unpublished<\/a><\/p>\n/;

  class Altered extends Error {}

  const bytes = (text) => Uint8Array.from(atob(text), (each) => each.charCodeAt(0));

  const digest = async (data) => {
    const found = new Uint8Array(await crypto.subtle.digest("SHA-256", data));
    return [...found].map((each) => each.toString(16).padStart(2, "0")).join("");
  };

  const parse = (text) => {
    try {
      const envelope = JSON.parse(text);
      const payload = bytes(envelope.payload);
      const statement = JSON.parse(new TextDecoder().decode(payload));
      const about = statement.predicate.mcpassport;
      const [signature] = envelope.signatures;
      if (envelope.payloadType !== "application/vnd.in-toto+json" || envelope.signatures.length !== 1) throw 0;
      return { payload, statement, about, key: bytes(about.key), keyid: signature.keyid, signed: bytes(signature.sig) };
    } catch {
      throw new Altered("the signature file is not the envelope of a release.");
    }
  };

  const unseal = async (text) => {  // (1)
    const found = parse(text);
    if (await digest(found.key) !== found.keyid) {
      throw new Altered("the signature file names another key than the one that it carries.");
    }
    const head = new TextEncoder().encode(`DSSEv1 28 application/vnd.in-toto+json ${found.payload.length} `);
    const message = new Uint8Array([...head, ...found.payload]);
    const key = await crypto.subtle.importKey("raw", found.key, "Ed25519", false, ["verify"]);
    if (!await crypto.subtle.verify("Ed25519", key, found.signed, message)) {
      throw new Altered("the signature does not hold: it, or what it signs, was altered.");
    }
    return found;
  };

  const signedDigest = (found, name) =>
    found.statement.subject.find((each) => each.name === name)?.digest.sha256;

  const check = async (signature, page) => {  // (2)
    const found = await unseal(signature);
    const data = new TextEncoder().encode(document.getElementById("reference").textContent);
    const intact = await digest(data) === signedDigest(found, "reference.json");
    if (page === null) {
      if (!intact) throw new Altered("the data in this page is not what was signed.");
    } else if (await digest(page) !== signedDigest(found, "index.html")) {
      throw new Altered(intact
        ? "this page is not what was signed; the data in it is."
        : "this page, and the data in it, is not what was signed.");
    }
    const what = page === null ? "The data in this page is" : "This page is";
    return `${what} what release ${found.about.release} was signed as. Signer not established: compare the key's fingerprint ${found.keyid} with the one that the vendor gave you elsewhere. This button finds an alteration, not a dishonest host.`;
  };

  const fetched = async (url) => {
    const answer = await fetch(url, { cache: "no-store" });
    if (!answer.ok) throw new Error(`${url} answered ${answer.status}.`);
    return answer.text();
  };

  const ownPage = async () => {
    const answer = await fetch(location.pathname, { cache: "no-store" });
    const text = new TextDecoder("utf-8", { ignoreBOM: true }).decode(await answer.arrayBuffer());
    return new TextEncoder().encode(text.replace(BANNER, ""));
  };

  const tell = (verdict, text) => {
    const said = box.querySelector("[role=status]");
    said.dataset.verdict = verdict;
    said.textContent = text;
  };

  const judge = async (read) => {
    tell("", "Checking\u2026");
    try {
      tell("consistent", await check(...await read()));
    } catch (error) {
      if (error instanceof Altered) tell("altered", `Altered: ${error.message}`);
      else tell("unknown", `Not checked: ${error.message} Use mcpassport reference verify.`);
    }
  };

  if (box) {
    const [button, label] = [box.querySelector("button"), box.querySelector("label")];
    box.hidden = false;
    button.hidden = !served;
    label.hidden = served;
    const place = location.pathname.replace(/(\/|\/index\.html|\.html)$/, "");
    button.addEventListener("click", () =>
      judge(async () => [await fetched(`${place}/signature.json`), await ownPage()]));
    label.querySelector("input").addEventListener("change", ({ target }) => {
      if (target.files.length) judge(async () => [await target.files[0].text(), null]);
    });
  }
}
