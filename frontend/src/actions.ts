// Small things that a page's elements can ask for: copy, choose a theme, guard unsaved work.
import { themeChoose, themeChosen, type ThemeChoice } from "./theme";
import { toastShow } from "./toast";

export function actionsStart(): void {
  document.addEventListener("click", clicked);
  document.addEventListener("input", typed);
  document.addEventListener("htmx:config:request", emptyFieldsLeave);
  document.addEventListener("htmx:after:request", formDone);
  document.addEventListener("htmx:error", refused);
  document.addEventListener("htmx:response:error", refused);
  document.addEventListener("submit", (event) => (event.target as Element).removeAttribute("data-dirty"));
  addEventListener("beforeunload", (event) => document.querySelector("form[data-dirty]") && event.preventDefault());
  themeMark();
  listsRemember();
  document.querySelectorAll<HTMLElement>("[data-filters-more]").forEach(filtersOpen);
}

/** A link back to a list leads to it as it was left: filtered, sorted, on the same page of it. */
function listsRemember(): void {
  const from = document.referrer ? new URL(document.referrer) : null;
  for (const link of document.querySelectorAll<HTMLAnchorElement>("a[data-back-to]")) {
    const key = `list:${link.pathname}`;
    if (from?.origin === location.origin && from.pathname === link.pathname) sessionStorage.setItem(key, from.search);
    link.search = sessionStorage.getItem(key) ?? "";
  }
}

/** Filters that narrow the list are never out of sight. */
function filtersOpen(button: HTMLElement): void {
  const fields = button.closest("form")?.querySelectorAll<HTMLInputElement>(".filters-more ~ .field :is(select, input)") ?? [];
  if ([...fields].some((field) => field.value !== "")) filtersToggle(button);
}

function filtersToggle(button: HTMLElement): void {
  button.setAttribute("aria-expanded", String(button.closest("form")?.toggleAttribute("data-open") ?? false));
}

function clicked(event: MouseEvent): void {
  const target = event.target as Element;
  const filters = target.closest<HTMLElement>("[data-filters-more]");
  if (filters) filtersToggle(filters);
  const copier = target.closest<HTMLElement>("[data-copy]");
  if (copier) void copy(copier);
  const theme = target.closest<HTMLElement>("[data-theme-choice]");
  if (theme) themeSet(theme.dataset.themeChoice as ThemeChoice);
}

function typed(event: Event): void {
  const field = event.target as HTMLInputElement;
  field.closest("form[data-guard]")?.setAttribute("data-dirty", "");
  if (field.form) confirmName(field);
}

/** A form in a dialog closes it, and one in a menu its menu, once the server has taken it. */
function formDone(event: Event): void {
  const form = event.target;
  if (!(form instanceof HTMLElement)) return; // what asked is gone from the page: htmx tells the document
  const { response } = (event as CustomEvent<{ ctx: { response?: { status: number } } }>).detail.ctx;
  if (!response || response.status >= 400) return;
  if (form.matches("[data-closes-after]")) form.closest("dialog")?.close();
  if (form.matches("[data-empties-after]")) (form as HTMLFormElement).reset();
  const menu = form.matches("details[data-menu] form") ? form.closest("details") : null;
  if (menu && !form.matches("[role=search]")) menu.open = false;
}

interface Asked {
  sourceElement: Element;
  request: { method: string };
  response?: { status: number; headers: Headers };
}

/** What somebody pressed and the server did not do is said, unless the server said so. What a page fetches by itself comes again. */
function refused(event: Event): void {
  const { ctx } = (event as CustomEvent<{ ctx?: Asked }>).detail;
  if (!ctx || (ctx.request.method.toUpperCase() === "GET" && !ctx.sourceElement.matches("a"))) return;
  const { response } = ctx;
  if (response && (response.status < 400 || response.status === 422 || response.headers.has("HX-Trigger"))) return;
  const { unreached = "", failed = "" } = document.body.dataset;
  if (unreached) toastShow({ text: response ? failed : unreached });
}

/** Filters that say nothing stay out of the address. */
function emptyFieldsLeave(event: Event): void {
  const { method, body } = (event as CustomEvent<{ ctx: { request: { method: string; body: FormData } } }>).detail.ctx.request;
  if (method !== "GET") return;
  for (const [name, value] of [...body]) if (value === "") body.delete(name);
}

/** A destroying form names what it destroys; its button works once the name is typed. */
function confirmName(field: HTMLInputElement): void {
  const button = field.form?.querySelector<HTMLButtonElement>("button[data-confirms]");
  if (button && field.matches("[data-confirm-name]")) button.disabled = field.value !== field.dataset.confirmName;
}

async function copy(element: HTMLElement): Promise<void> {
  const source = element.dataset.copy || document.getElementById(element.dataset.copyFrom ?? "")?.textContent || "";
  await navigator.clipboard.writeText(source.trim());
  toastShow({ text: element.dataset.copied ?? source });
}

function themeSet(choice: ThemeChoice): void {
  themeChoose(choice);
  themeMark();
}

function themeMark(): void {
  for (const button of document.querySelectorAll<HTMLElement>("[data-theme-choice][aria-pressed]")) {
    button.setAttribute("aria-pressed", String(button.dataset.themeChoice === themeChosen()));
  }
}
