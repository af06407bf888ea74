// Copy buttons on blocks and digests; those of a tool come when it is opened.
{
  const done = new WeakSet();

  const put = async (source, button, label) => {
    try {
      await navigator.clipboard.writeText(source.textContent);
      button.textContent = "Copied";
    } catch {
      getSelection().selectAllChildren(source);
      button.textContent = "Selected";
    }
    setTimeout(() => { button.textContent = label; }, 1600);
  };

  const add = (source, after, name) => {
    if (done.has(source)) return;
    done.add(source);
    const button = document.createElement("button");
    button.type = "button";
    button.className = "copy";
    button.textContent = "Copy";
    button.setAttribute("aria-label", `Copy ${name}`);
    button.addEventListener("click", () => put(source, button, "Copy"));
    after.append(button);
  };

  const within = (part) => {
    for (const figure of part.querySelectorAll("figure.code")) {
      const caption = figure.querySelector("figcaption, .sr");
      add(figure.querySelector("pre"), figure, caption ? caption.textContent.trim() : "the block");
    }
    for (const code of part.querySelectorAll(".digest")) {
      add(code, code.parentElement, `the ${code.dataset.of} digest`);
    }
  };

  for (const part of document.querySelectorAll(".masthead, main > section")) {
    for (const child of part.children) if (!child.matches(".tool")) within(child);
    if (part.matches(".masthead")) within(part);
  }
  addEventListener("toggle", (event) => {
    const tool = event.target.closest?.(".tool");
    if (tool) within(tool);
  }, true);
  for (const tool of document.querySelectorAll(".tool:has(> details[open])")) within(tool);
}
