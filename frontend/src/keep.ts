// What a person has opened or chosen stays so when a live fragment is morphed over it.
import htmx from "htmx.org";

const kept = new Set(["aria-selected", "tabindex", "hidden", "open", "data-current"]);
const keepers = "[role=tab], [role=tabpanel], details, dialog, [data-row]";

export function keepStart(): void {
  htmx.registerExtension("keep", {
    htmx_before_morph_attr: (element: Element, detail: { attrName: string }) => !(kept.has(detail.attrName) && element.matches(keepers)),
  });
}
