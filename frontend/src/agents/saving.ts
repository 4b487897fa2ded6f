// Saves the draft on Ctrl S and on the button. What the server refuses stands at its field; who was quicker is shown in a dialog.
// Where Meridian cannot be reached it is tried again by itself; what was written stays in the form all the while.
interface Saved {
  base: string;
  name: string;
  facts: string;
}

interface Refused {
  errors?: Record<string, string>;
  base?: string;
  dialog?: string;
}

const patience = 20_000; // for one save
const pause = 5_000; // before one that did not get through is tried again
let saving: Promise<boolean> | null = null;
let again = 0;

export function savingStart(form: HTMLFormElement): void {
  form.addEventListener("submit", (event) => {
    event.preventDefault();
    form.setAttribute("data-dirty", ""); // the page's own guard takes a submit for a save that has worked
    void save(form);
  });
  form.addEventListener("input", (event) => dirtied(form, event.target as Element));
  document.addEventListener("keydown", (event) => keyed(event, form));
  document.addEventListener("agent:save", () => void save(form));
  addEventListener("online", () => again !== 0 && void save(form));
  document.addEventListener("click", (event) => clicked(event, form), true);
}

function keyed(event: KeyboardEvent, form: HTMLFormElement): void {
  if (!(event.ctrlKey || event.metaKey) || event.key.toLowerCase() !== "s") return;
  event.preventDefault();
  if (document.querySelector("[data-save]")) void save(form);
}

/** What is published is what was saved: unsaved work is saved first. */
function clicked(event: MouseEvent, form: HTMLFormElement): void {
  const target = event.target as Element;
  const publish = target.closest<HTMLAnchorElement>("[data-publish]");
  if (publish && form.hasAttribute("data-dirty")) {
    event.preventDefault();
    void save(form).then((saved) => saved && location.assign(publish.href));
  }
  if (target.closest("[data-load-newer]")) {
    event.preventDefault();
    location.reload(); // which asks where something is not saved
  }
  if (target.closest("[data-take-theirs]")) {
    form.removeAttribute("data-dirty");
    location.reload();
  }
  if (target.closest("[data-overwrite]")) {
    const dialog = target.closest("dialog");
    base(form).value = dialog?.dataset.base ?? "";
    dialog?.close();
    void save(form);
  }
}

function dirtied(form: HTMLFormElement, field: Element): void {
  tabOf(field)?.setAttribute("data-unsaved", "");
  if (form.hasAttribute("data-dirty")) return;
  document.dispatchEvent(new CustomEvent("agent:dirty"));
  if (again === 0) unsavedSay(form); // else it still has to be known that nothing was saved
}

function unsavedSay(form: HTMLFormElement): void {
  say(form.dataset.saidUnsaved ?? "");
  document.querySelector("[data-saved]")?.setAttribute("data-unsaved", "");
}

/** The tab whose panel holds this element. */
function tabOf(element: Element | null | undefined): HTMLElement | null {
  const panel = element?.closest("[role=tabpanel]");
  return panel ? document.getElementById(panel.getAttribute("aria-labelledby") ?? "") : null;
}

function tabsClean(form: HTMLFormElement, mark: string): void {
  for (const tab of form.querySelectorAll(`[role=tab][${mark}]`)) tab.removeAttribute(mark);
}

/** One at a time: a second Ctrl S waits for the first. */
function save(form: HTMLFormElement): Promise<boolean> {
  clearTimeout(again);
  again = 0;
  saving ??= send(form).finally(() => (saving = null));
  return saving;
}

async function send(form: HTMLFormElement): Promise<boolean> {
  tokenRenew(form);
  const body = new FormData(form);
  say(form.dataset.saidSaving ?? "");
  form.removeAttribute("data-dirty"); // what is typed from here on is new
  form.setAttribute("data-saving", "");
  try {
    const headers = { Accept: "application/json" };
    const answer = await fetch(form.action, { method: "POST", body, headers, signal: AbortSignal.timeout(patience) });
    form.removeAttribute("data-saving");
    if (answer.status === 200 && !answer.redirected) return saved(form, (await answer.json()) as Saved);
    form.setAttribute("data-dirty", "");
    if (answer.status === 409 || answer.status === 422) refused(form, (await answer.json()) as Refused);
    else if (answer.status < 500) say(form.dataset.saidRefused ?? ""); // logged out, no longer an admin, or the agent is gone
    else unreached(form);
  } catch {
    form.removeAttribute("data-saving");
    form.setAttribute("data-dirty", "");
    unreached(form);
  }
  document.dispatchEvent(new CustomEvent("agent:refused"));
  return false;
}

function unreached(form: HTMLFormElement): void {
  say(form.dataset.saidFailed ?? "");
  again = window.setTimeout(() => void save(form), pause);
}

/** Logging in again in another tab makes the form's own token void; the cookie has the one that counts. */
function tokenRenew(form: HTMLFormElement): void {
  const field = form.elements.namedItem("csrfmiddlewaretoken") as HTMLInputElement | null;
  const token = /(?:^|; )csrftoken=([^;]+)/.exec(document.cookie)?.[1];
  if (field && token) field.value = token;
}

function saved(form: HTMLFormElement, answer: Saved): boolean {
  base(form).value = answer.base;
  const title = document.querySelector("[data-agent-name]");
  if (title) title.textContent = answer.name;
  errorsShow(form, {});
  const facts = document.querySelector("[data-facts]");
  if (facts) facts.outerHTML = answer.facts;
  if (form.hasAttribute("data-dirty")) unsavedSay(form);
  else {
    tabsClean(form, "data-unsaved");
    say(form.dataset.saidSaved ?? "");
  }
  document.dispatchEvent(new CustomEvent("agent:saved", { detail: { base: answer.base } }));
  return true;
}

function refused(form: HTMLFormElement, answer: Refused): void {
  say(form.dataset.saidFields ?? "");
  if (answer.errors) errorsShow(form, answer.errors);
  const place = document.querySelector<HTMLElement>("[data-overtaken]");
  if (!answer.dialog || !place) return;
  place.innerHTML = answer.dialog;
  const dialog = place.querySelector("dialog");
  if (!dialog) return;
  dialog.dataset.base = answer.base;
  dialog.showModal();
}

/** Each sentence at its field; the tab of the first one is opened, and the field waits to be mended. */
function errorsShow(form: HTMLFormElement, errors: Record<string, string>): void {
  tabsClean(form, "data-wrong");
  for (const place of form.querySelectorAll<HTMLElement>("[data-error-for]")) {
    const name = place.dataset.errorFor ?? "";
    place.textContent = errors[name] ?? "";
    place.hidden = !errors[name];
    if (errors[name]) tabOf(place)?.setAttribute("data-wrong", "");
    const field = form.querySelector(`[name="${CSS.escape(name || "-")}"]`);
    if (errors[name]) field?.setAttribute("aria-invalid", "true");
    else field?.removeAttribute("aria-invalid");
  }
  const known = new Set([...form.querySelectorAll<HTMLElement>("[data-error-for]")].map((place) => place.dataset.errorFor));
  const rest = Object.entries(errors).filter(([name]) => !known.has(name)).map(([name, text]) => `${name}: ${text}`);
  const whole = form.querySelector<HTMLElement>('[data-error-for=""]');
  if (whole && rest.length > 0) {
    whole.textContent = [errors[""], ...rest].filter(Boolean).join(" ");
    whole.hidden = false;
  }
  const first = form.querySelector<HTMLElement>("[data-error-for]:not([hidden])");
  tabOf(first)?.click();
  form.querySelector<HTMLElement>("[aria-invalid]")?.focus();
  first?.scrollIntoView({ block: "center" });
}

function base(form: HTMLFormElement): HTMLInputElement {
  return form.elements.namedItem("base") as HTMLInputElement;
}

function say(text: string): void {
  const place = document.querySelector("[data-saved]");
  if (!place) return;
  place.textContent = text;
  place.removeAttribute("data-unsaved");
}
