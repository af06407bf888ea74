// Narrows the tools down, as the filter of a server would, and says what is left of them.
{
  const tools = [...document.querySelectorAll(".tool")];
  const rows = new Map();
  for (const link of document.querySelectorAll('#tool-catalog table a[href^="#tool-"]')) {
    rows.set(link.hash.slice(1), link.closest("tr"));
  }
  const facets = [
    ["Access", (tool) => [tool.dataset.access]],
    ["Resource", (tool) => [tool.dataset.resource]],
    ["Tag", (tool) => tool.dataset.tags.split("\n").filter(Boolean)],
  ];
  const keys = new Map(
    tools.map((tool) => [tool, tool.querySelector("summary").textContent.toLowerCase()]),
  );
  const chosen = [];
  let text = null;
  let status = null;

  const labelled = (name, control) => {
    const label = document.createElement("label");
    label.append(name, control);
    return label;
  };

  const picker = (name, values) => {
    const select = document.createElement("select");
    const found = [...new Set(tools.flatMap(values))].sort();
    for (const value of ["", ...found]) {
      const option = document.createElement("option");
      option.value = value;
      option.textContent = value || "any";
      select.append(option);
    }
    select.addEventListener("change", narrow);
    chosen.push([select, values]);
    return found.length > 1 ? labelled(name, select) : "";
  };

  const fits = (tool) =>
    chosen.every(([select, values]) => !select.value || values(tool).includes(select.value)) &&
    keys.get(tool).includes(text.value.trim().toLowerCase());

  const count = (number) => number.toLocaleString("en");

  const narrow = () => {
    let left = 0;
    let cost = 0;
    for (const tool of tools) {
      const shown = fits(tool);
      tool.hidden = !shown;
      const row = rows.get(tool.id);
      if (row) row.hidden = !shown;
      if (shown) {
        left += 1;
        cost += Number(tool.dataset.cost);
      }
    }
    status.textContent =
      `${count(left)} of ${count(tools.length)} tools, about ${count(cost)} tokens of the model’s context`;
  };

  const entries = () => tools.filter((tool) => !tool.hidden).map((tool) => tool.firstElementChild);

  const unfolder = () => {
    const button = document.createElement("button");
    button.type = "button";
    const label = () => {
      button.textContent = entries().some((each) => !each.open) ? "Open all" : "Close all";
    };
    button.addEventListener("click", () => {
      const closed = entries().some((each) => !each.open);
      for (const each of entries()) each.open = closed;
      label();
    });
    label();
    return button;
  };

  if (tools.length > 1) {
    const bar = document.createElement("div");
    bar.className = "narrow";
    bar.setAttribute("role", "search");
    bar.setAttribute("aria-label", "Tools");
    text = document.createElement("input");
    text.type = "search";
    text.addEventListener("input", narrow);
    status = document.createElement("p");
    status.setAttribute("role", "status");
    bar.append(labelled("Name or path", text));
    for (const [name, values] of facets) bar.append(picker(name, values));
    bar.append(unfolder(), status);
    const first = rows.get(tools[0].id)?.closest(".scroll") ?? tools[0];
    first.before(bar);
    narrow();
  }

  // A tool that a link leads to and that is narrowed away: all of them are shown again.
  document.addEventListener("wanted", (event) => {
    if (!event.target.hidden) return;
    text.value = "";
    for (const [select] of chosen) select.value = "";
    narrow();
  });
}
