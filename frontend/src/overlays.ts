// Menus (details), dialogs and drawers (dialog), tabs, and the rail on small screens.

export function overlaysStart(): void {
  document.addEventListener("click", clicked);
  document.addEventListener("keydown", keyed);
  document.querySelectorAll<HTMLElement>(".tabs-line").forEach(tabCurrentShow);
  document.addEventListener("htmx:after:swap", () => document.querySelectorAll<HTMLElement>("[role=tablist]").forEach(tabsRestore));
}

export function dialogOpen(selector: string): void {
  const dialog = document.querySelector<HTMLDialogElement>(selector);
  if (dialog && !dialog.open) dialog.showModal();
}

function clicked(event: MouseEvent): void {
  const target = event.target as Element;
  menusClose(target);
  const opener = target.closest<HTMLElement>("[data-opens]");
  if (opener?.dataset.opens) {
    dialogOpen(opener.dataset.opens);
    opener.closest("details[data-menu]")?.removeAttribute("open");
  }
  if (target.closest("[data-closes]") || target instanceof HTMLDialogElement) target.closest("dialog")?.close();
  if (target.closest("[data-rail-open]")) railShow(true);
  if (target.closest("[data-rail-close]")) railShow(false);
  const tab = target.closest<HTMLElement>("[role=tab]");
  if (tab) tabChoose(tab);
}

/** Escape closes one thing: a menu that is open below a dialog stays, for whoever comes back to it. */
function keyed(event: KeyboardEvent): void {
  if (event.key === "Escape" && !document.querySelector("dialog[open]")) {
    menusClose(null);
    railShow(false);
  }
  const tab = (event.target as Element).closest?.<HTMLElement>("[role=tab]");
  if (tab && (event.key === "ArrowRight" || event.key === "ArrowLeft")) tabStep(tab, event.key === "ArrowRight" ? 1 : -1);
}

function menusClose(inside: Element | null): void {
  for (const menu of document.querySelectorAll<HTMLDetailsElement>("details[data-menu][open]")) {
    if (inside && menu.contains(inside)) continue;
    const held = menu.contains(document.activeElement);
    menu.open = false;
    if (held && !inside) menu.querySelector("summary")?.focus();
  }
}

function railShow(open: boolean): void {
  const rail = document.querySelector<HTMLElement>("[data-rail]");
  const veil = document.querySelector<HTMLElement>("[data-rail-veil]");
  if (!rail || !veil || rail.hasAttribute("data-open") === open) return;
  rail.toggleAttribute("data-open", open);
  veil.hidden = !open;
  document.querySelector("[data-rail-open]")?.setAttribute("aria-expanded", String(open));
  const next = open ? rail.querySelector<HTMLElement>("a, button, summary") : document.querySelector<HTMLElement>("[data-rail-open]");
  next?.focus();
}

function tabChoose(tab: HTMLElement): void {
  const list = tab.closest("[role=tablist]");
  for (const other of list?.querySelectorAll<HTMLElement>("[role=tab]") ?? []) {
    const chosen = other === tab;
    other.setAttribute("aria-selected", String(chosen));
    other.tabIndex = chosen ? 0 : -1;
    const panel = document.getElementById(other.getAttribute("aria-controls") ?? "");
    if (panel) panel.hidden = !chosen;
  }
  history.replaceState(history.state, "", `#${tab.id}`);
  document.dispatchEvent(new CustomEvent("tab:chosen"));
}

/** A live refetch renders the first tab as chosen; the person's own choice is in the address. */
export function tabsRestore(list: ParentNode): void {
  const id = location.hash.slice(1);
  const tab = id ? list.querySelector<HTMLElement>(`[role=tab][id="${CSS.escape(id)}"]`) : null;
  if (tab && tab.getAttribute("aria-selected") !== "true") tabChoose(tab);
}

/** Where the tabs are wider than a phone, the one that is open is what is seen of them. */
function tabCurrentShow(line: HTMLElement): void {
  const current = line.querySelector<HTMLElement>("[aria-current]")?.getBoundingClientRect();
  const frame = line.getBoundingClientRect();
  if (current) line.scrollLeft += current.left - frame.left - (frame.width - current.width) / 2;
}

function tabStep(tab: HTMLElement, step: number): void {
  const tabs = [...(tab.closest("[role=tablist]")?.querySelectorAll<HTMLElement>("[role=tab]") ?? [])];
  const next = tabs[(tabs.indexOf(tab) + step + tabs.length) % tabs.length];
  if (!next) return;
  tabChoose(next);
  next.focus();
}
