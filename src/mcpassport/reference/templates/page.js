// Adds search, copy buttons and the mark of the current section. The page is whole without it.
"use strict";

const entries = [];
const add = (kind, element, text, target) =>
  entries.push({ kind, text, key: text.toLowerCase(), href: "#" + (target || element.id) });

const index = () => {
  for (const h of document.querySelectorAll("main h2, main h3")) {
    add("heading", h, h.firstChild.textContent, h.closest("section > h2") ? h.parentElement.id : h.id);
  }
  for (const t of document.querySelectorAll(".tool")) {
    const name = t.querySelector("h4").textContent;
    add("tool", t, name);
    for (const p of t.querySelectorAll("tr[id]")) {
      add("property of " + name, p, p.querySelector(".property").textContent);
    }
  }
  for (const c of document.querySelectorAll(".claim")) {
    add("claim", c, c.id + " " + c.querySelector("p").textContent);
  }
  for (const r of document.querySelectorAll("tr[id^=row-]")) {
    add("checklist row", r, r.cells[0].textContent + " " + r.cells[1].textContent);
  }
};

const find = (query) => {
  const words = query.toLowerCase().split(/\s+/).filter(Boolean);
  if (!words.length) return [];
  return entries.filter((entry) => words.every((word) => entry.key.includes(word))).slice(0, 30);
};

const show = (list, hits, query) => {
  const items = hits.map((hit) => {
    const item = document.createElement("li");
    const link = document.createElement("a");
    const kind = document.createElement("small");
    link.href = hit.href;
    link.textContent = hit.text.length > 90 ? hit.text.slice(0, 89) + "…" : hit.text;
    kind.textContent = hit.kind;
    link.append(kind);
    item.append(link);
    return item;
  });
  if (!items.length && query.trim()) {
    const item = document.createElement("li");
    item.textContent = "Nothing of that name.";
    items.push(item);
  }
  list.replaceChildren(...items);
};

const search = () => {
  const box = document.querySelector(".search");
  const input = document.getElementById("find");
  const list = document.getElementById("found");
  index();
  box.hidden = false;
  input.addEventListener("input", () => show(list, find(input.value), input.value));
  input.addEventListener("keydown", (event) => {
    const first = list.querySelector("a");
    if (event.key === "Enter" && first) first.click();
    if (event.key === "Escape") { input.value = ""; show(list, [], ""); }
  });
  document.addEventListener("keydown", (event) => {
    if (event.key === "/" && !/^(INPUT|TEXTAREA)$/.test(document.activeElement.tagName)) {
      event.preventDefault();
      input.focus();
    }
  });
};

const copy = () => {
  for (const figure of document.querySelectorAll("figure.code")) {
    const button = document.createElement("button");
    button.type = "button";
    button.className = "copy";
    button.textContent = "Copy";
    button.addEventListener("click", async () => {
      try {
        await navigator.clipboard.writeText(figure.querySelector("pre").textContent);
        button.textContent = "Copied";
      } catch {
        getSelection().selectAllChildren(figure.querySelector("pre"));
        button.textContent = "Selected";
      }
      setTimeout(() => { button.textContent = "Copy"; }, 1600);
    });
    figure.append(button);
  }
};

const follow = () => {
  const links = new Map();
  for (const link of document.querySelectorAll(".sections a")) links.set(link.hash.slice(1), link);
  const observer = new IntersectionObserver((changes) => {
    for (const change of changes) {
      if (!change.isIntersecting) continue;
      for (const link of links.values()) link.removeAttribute("aria-current");
      links.get(change.target.id).setAttribute("aria-current", "true");
    }
  }, { rootMargin: "-10% 0px -85% 0px" });
  for (const section of document.querySelectorAll("main > section")) observer.observe(section);
};

// An entry that a link leads into is opened; the browser scrolls to where it then stands.
const open = () => {
  const target = document.getElementById(decodeURIComponent(location.hash.slice(1)));
  if (!target) return;
  const inside = target.matches(".tool") ? target.querySelector("details") : null;
  for (let each = inside || target.closest("details"); each; each = each.parentElement.closest("details")) {
    each.open = true;
  }
  target.scrollIntoView();
};

const unfold = () => {
  const entries = [...document.querySelectorAll(".tool > details")];
  const first = document.querySelector(".tool");
  if (entries.length < 2) return;
  const button = document.createElement("button");
  button.type = "button";
  button.className = "unfold";
  const label = () => {
    button.textContent = entries.some((each) => !each.open) ? "Open all tools" : "Close all tools";
  };
  button.addEventListener("click", () => {
    const closed = entries.some((each) => !each.open);
    for (const each of entries) each.open = closed;
  });
  for (const each of entries) each.addEventListener("toggle", label);
  label();
  first.before(button);
};

addEventListener("beforeprint", () => {
  for (const each of document.querySelectorAll("details:not(.raw)")) each.open = true;
});
addEventListener("hashchange", open);
search();
copy();
follow();
unfold();
open();
