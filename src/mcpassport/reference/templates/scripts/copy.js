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

  const equip = (found) => {
    for (const source of found) {
      if (source.matches(".digest")) {
        add(source, source.parentElement, `the ${source.dataset.of} digest`);
      } else {
        const caption = source.querySelector("figcaption");
        add(source.querySelector("pre"), source, caption ? caption.textContent.trim() : "the block");
      }
    }
  };

  const within = (part) => equip(part.querySelectorAll("figure.code, .digest"));
  const outside = [...document.querySelectorAll("figure.code, .digest")];

  equip(outside.filter((source) => !source.closest(".tool")));
  addEventListener("toggle", (event) => {
    const tool = event.target.closest?.(".tool");
    if (tool) within(tool);
  }, true);
  for (const tool of document.querySelectorAll(".tool:has(> details[open])")) within(tool);
}
