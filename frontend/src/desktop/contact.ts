// The contact's panel where the screen has no room for a third column.

export function contactStart(): void {
  document.addEventListener("click", (event) => {
    const target = event.target as Element;
    if (target.closest("[data-contact-open]")) show(true);
    if (target.closest("[data-contact-close]")) show(false);
  });
  document.addEventListener("keydown", (event) => {
    if (event.key !== "Escape" || document.querySelector("dialog[open]") || !panel()?.hasAttribute("data-open")) return;
    event.preventDefault();
    event.stopImmediatePropagation();
    show(false);
  }, { capture: true });
}

function panel(): HTMLElement | null {
  return document.querySelector<HTMLElement>("[data-contact-panel]");
}

function show(open: boolean): void {
  const aside = panel();
  if (!aside || aside.hasAttribute("data-open") === open) return;
  aside.toggleAttribute("data-open", open);
  document.querySelector("#more")?.removeAttribute("open");
  if (open) aside.querySelector<HTMLElement>("[data-contact-close]")?.focus();
  else document.querySelector<HTMLElement>("#more > summary")?.focus();
}
