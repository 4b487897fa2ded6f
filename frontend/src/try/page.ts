// The panel beside the agent editor: the draft in text and by voice; and the checks, which run against it too.
import Alpine from "@alpinejs/csp";
import { callPage } from "../call/component";
import { chatStart } from "./chat";
import { draftSaved, draftStart } from "./draft";
import { measuredStart } from "./measured";

draftStart();
measuredStart();
document.querySelectorAll<HTMLElement>("[data-try]").forEach((panel) => {
  chatStart(panel);
  modesStart(panel);
});
document.addEventListener("click", (event) => void checksRun(event));
Alpine.data("callPage", () => callPage(draftSaved));
Alpine.start();

function modesStart(panel: HTMLElement): void {
  panel.addEventListener("click", (event) => {
    const button = (event.target as Element).closest<HTMLElement>("[data-try-mode]");
    if (button) modeChoose(panel, button.dataset.tryMode ?? "chat");
  });
}

function modeChoose(panel: HTMLElement, mode: string): void {
  for (const button of panel.querySelectorAll<HTMLElement>("[data-try-mode]")) {
    button.setAttribute("aria-pressed", String(button.dataset.tryMode === mode));
  }
  for (const part of panel.querySelectorAll<HTMLElement>("[data-try-part]")) part.hidden = part.dataset.tryPart !== mode;
  if (mode === "talk") document.dispatchEvent(new CustomEvent("try:talk"));
}

/** Checks ask the stored draft, so it is stored first; what the form says wrong is marked there. */
async function checksRun(event: Event): Promise<void> {
  const button = (event.target as Element).closest<HTMLElement>("[data-checks-run]");
  if (button && (await draftSaved())) button.dispatchEvent(new CustomEvent("checks:run"));
}
