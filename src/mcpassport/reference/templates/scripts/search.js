// Search over headings, claims, rows of the checklist, tools and properties.
{
  const SHOWN = 40;
  const RANKS = ["heading", "tool", "claim", "checklist row", "property"];
  let entries = null;

  const add = (kind, text, target, of = "") =>
    entries.push({ kind, text, of, key: text.toLowerCase(), href: `#${target}` });

  const headings = () => {
    for (const h of document.querySelectorAll("main h2, main h3")) {
      const section = h.closest("section > h2");
      add("heading", h.firstChild.textContent, section ? h.parentElement.id : h.id);
    }
  };

  const claims = () => {
    for (const c of document.querySelectorAll(".claim")) {
      add("claim", `${c.id} ${c.querySelector("p").textContent}`, c.id);
    }
    for (const r of document.querySelectorAll("tr[id^=row-]")) {
      add("checklist row", `${r.cells[0].textContent} ${r.cells[1].textContent}`, r.id);
    }
  };

  const tools = () => {
    for (const t of document.querySelectorAll(".tool")) {
      const name = t.querySelector("h4").textContent;
      add("tool", name, t.id);
      for (const p of t.querySelectorAll("tr[id]")) {
        add("property", p.querySelector(".property").textContent, p.id, name);
      }
    }
  };

  const ready = () => {
    if (entries) return;
    entries = [];
    headings();
    claims();
    tools();
  };

  // Where the first word stands decides, then the kind, then the order of the page.
  const weight = (entry, first) => {
    const at = entry.key.indexOf(first);
    const place = entry.key === first ? 0 : at === 0 ? 1 : /[a-z0-9]/.test(entry.key[at - 1]) ? 3 : 2;
    return place * RANKS.length + RANKS.indexOf(entry.kind);
  };

  const find = (query) => {
    ready();
    const words = query.toLowerCase().split(/\s+/).filter(Boolean);
    if (!words.length) return [];
    const heaps = Array.from({ length: 4 * RANKS.length }, () => []);
    for (const entry of entries) {
      if (words.every((word) => entry.key.includes(word))) {
        heaps[weight(entry, words[0])].push(entry);
      }
    }
    return heaps.flat();
  };

  const item = (hit) => {
    const line = document.createElement("li");
    const link = document.createElement("a");
    const kind = document.createElement("small");
    link.href = hit.href;
    link.textContent = hit.text.length > 90 ? `${hit.text.slice(0, 89)}…` : hit.text;
    kind.textContent = hit.of ? `${hit.kind} of ${hit.of}` : hit.kind;
    link.append(kind);
    line.append(link);
    return line;
  };

  const box = document.querySelector(".search");
  const input = document.getElementById("find");
  const list = document.getElementById("found");
  const status = document.getElementById("found-count");

  const show = () => {
    const hits = find(input.value);
    list.replaceChildren(...hits.slice(0, SHOWN).map(item));
    const more = hits.length > SHOWN ? `, the first ${SHOWN} shown` : "";
    status.textContent = input.value.trim() ? `${hits.length} found${more}` : "";
  };

  const step = (by) => {
    const links = [...list.querySelectorAll("a")];
    const next = links.indexOf(document.activeElement) + by;
    (links[next] || (next < 0 ? input : links.at(-1)))?.focus();
  };

  box.hidden = false;
  input.addEventListener("focus", ready);
  globalThis.requestIdleCallback?.(ready);
  input.addEventListener("input", show);
  box.addEventListener("keydown", (event) => {
    if (event.key === "ArrowDown" || event.key === "ArrowUp") {
      event.preventDefault();
      step(event.key === "ArrowDown" ? 1 : -1);
    } else if (event.key === "Enter" && document.activeElement === input) {
      list.querySelector("a")?.click();
    } else if (event.key === "Escape") {
      input.value = "";
      input.focus();
      show();
    }
  });
  document.addEventListener("keydown", (event) => {
    if (event.key === "/" && !/^(INPUT|TEXTAREA|SELECT)$/.test(document.activeElement.tagName)) {
      event.preventDefault();
      input.focus();
    }
  });
}
