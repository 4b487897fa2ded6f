// What a person has opened or chosen stays so when a live fragment is morphed over it.
import htmx from "htmx.org";

const kept = new Set(["aria-selected", "tabindex", "hidden", "open", "data-current"]);
const keepers = "[role=tab], [role=tabpanel], details, dialog, [data-row]";

export function keepStart(): void {
  htmx.registerExtension("keep", {
    htmx_before_morph_attr: (element: Element, detail: { attrName: string }) => !keeps(element, detail.attrName),
  });
}

/** Elements can name further attributes of their own in `data-keeps`. */
function keeps(element: Element, name: string): boolean {
  const own = element instanceof HTMLElement ? (element.dataset.keeps ?? "").split(" ") : [];
  return own.includes(name) || (kept.has(name) && element.matches(keepers));
}
