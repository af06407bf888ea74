// Marks the section being read in the list of sections.
{
  const links = new Map();
  for (const link of document.querySelectorAll(".sections a")) links.set(link.hash.slice(1), link);
  const observer = new IntersectionObserver((changes) => {
    for (const change of changes) {
      if (!change.isIntersecting) continue;
      for (const link of links.values()) link.removeAttribute("aria-current");
      links.get(change.target.id)?.setAttribute("aria-current", "true");
    }
  }, { rootMargin: "-10% 0px -85% 0px" });
  for (const section of document.querySelectorAll("main > section")) observer.observe(section);
}
