// An entry that a link leads into is opened; the browser scrolls to where it then stands.
{
  const open = () => {
    const target = document.getElementById(decodeURIComponent(location.hash.slice(1)));
    if (!target) return;
    target.closest(".tool")?.dispatchEvent(new Event("wanted", { bubbles: true }));
    const inside = target.matches(".tool") ? target.querySelector("details") : null;
    for (let each = inside || target.closest("details"); each; each = each.parentElement.closest("details")) {
      each.open = true;
    }
    target.scrollIntoView();
  };

  addEventListener("beforeprint", () => {
    for (const each of document.querySelectorAll("details:not(.raw)")) each.open = true;
  });
  addEventListener("hashchange", open);
  open();
}
