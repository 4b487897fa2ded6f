// Voices and models that the providers have: fetched when their tab is opened, filtered there, and chosen into the fields.
import { voiceHear } from "./hearing";

const asks: Record<string, string[]> = {
  voice: ["tts_provider", "tts_model", "voice", "language", "voice_search", "voice_gender", "voice_language"],
  model: ["stt_provider"],
};
const again: Record<string, string> = { tts_provider: "voice", tts_model: "voice", stt_provider: "model" };
const patience = 30_000;
const asked = new WeakMap<HTMLElement, number>();
let timer = 0;

export function offersStart(form: HTMLFormElement): void {
  document.addEventListener("tab:chosen", () => shownFetch(form));
  form.addEventListener("click", (event) => clicked(event, form));
  form.addEventListener("change", (event) => changed(form, (event.target as HTMLInputElement).name));
  form.addEventListener("input", (event) => filtered(event, form), true);
  form.addEventListener("input", () => chosenMark(form));
  form.addEventListener("keydown", searchKeyed);
  shownFetch(form);
}

function shownFetch(form: HTMLFormElement): void {
  for (const place of form.querySelectorAll<HTMLElement>("[data-offers]:not([data-fetched])")) {
    if (place.getClientRects().length > 0) void offersFetch(form, place);
  }
}

/** An answer that comes after one was asked for anew is not shown; a failed one is asked for again when the tab is opened. */
async function offersFetch(form: HTMLFormElement, place: HTMLElement): Promise<void> {
  place.dataset.fetched = "";
  const mine = (asked.get(place) ?? 0) + 1;
  asked.set(place, mine);
  const names = asks[place.dataset.offers ?? ""] ?? [];
  const query = new URLSearchParams(names.map((name) => [name, value(form, name)]));
  const text = await offersText(`${place.dataset.offersUrl}?${query}`);
  if (asked.get(place) !== mine) return;
  if (text === null) return failedShow(place);
  const held = place.contains(document.activeElement) ? (document.activeElement?.id ?? "") : "";
  place.innerHTML = text;
  chosenMark(form);
  focusKeep(place, held);
}

async function offersText(address: string): Promise<string | null> {
  try {
    const answer = await fetch(address, { signal: AbortSignal.timeout(patience) });
    return answer.ok && !answer.redirected ? await answer.text() : null;
  } catch {
    return null;
  }
}

function failedShow(place: HTMLElement): void {
  const note = document.createElement("p");
  note.className = "note note-attention";
  note.textContent = place.dataset.failed ?? "";
  place.replaceChildren(note);
  delete place.dataset.fetched;
}

function focusKeep(place: HTMLElement, id: string): void {
  const field = id ? place.querySelector<HTMLInputElement>(`#${CSS.escape(id)}`) : null;
  field?.focus();
  if (field?.type === "search") field.setSelectionRange(field.value.length, field.value.length);
}

function value(form: HTMLFormElement, name: string): string {
  return (form.elements.namedItem(name) as HTMLInputElement | null)?.value ?? "";
}

function changed(form: HTMLFormElement, name: string): void {
  const place = again[name] ? form.querySelector<HTMLElement>(`[data-offers="${again[name]}"]`) : null;
  if (place) void offersFetch(form, place);
}

/** Looking for a voice or a model changes nothing of the agent. Voices are looked for by the server, models here. */
function filtered(event: Event, form: HTMLFormElement): void {
  const field = (event.target as Element).closest<HTMLInputElement>("[data-offers-filter], [data-offers-search]");
  const place = field?.closest<HTMLElement>("[data-offers]");
  if (!field || !place) return;
  event.stopPropagation();
  if (field.matches("[data-offers-search]")) return search(place, field.value);
  clearTimeout(timer);
  timer = window.setTimeout(() => void offersFetch(form, place), 250);
}

function search(place: HTMLElement, text: string): void {
  const words = text.toLowerCase().split(/\s+/).filter(Boolean);
  for (const part of place.querySelectorAll<HTMLElement>("[data-offers-part]")) {
    const rows = [...part.querySelectorAll<HTMLElement>("[data-offer]")];
    for (const row of rows) row.hidden = !words.every((word) => (row.textContent ?? "").toLowerCase().includes(word));
    const none = part.querySelector<HTMLElement>("[data-none]");
    if (none) none.hidden = rows.length === 0 || rows.some((row) => !row.hidden);
  }
}

/** Enter in a search looks, and does not save the draft. */
function searchKeyed(event: KeyboardEvent): void {
  if (event.key === "Enter" && (event.target as Element).matches("[data-offers-filter], [data-offers-search]")) event.preventDefault();
}

function clicked(event: MouseEvent, form: HTMLFormElement): void {
  const target = event.target as Element;
  const hear = target.closest<HTMLElement>("[data-hear]");
  if (hear) void voiceHear(hear);
  const choose = target.closest<HTMLElement>("[data-choose]");
  const field = choose ? (form.elements.namedItem(choose.dataset.choose ?? "") as HTMLInputElement | null) : null;
  if (!choose || !field || field.disabled) return;
  field.value = choose.dataset.value ?? "";
  field.dispatchEvent(new InputEvent("input", { bubbles: true }));
}

/** What the field says, written or chosen, is what the list shows as chosen. */
function chosenMark(form: HTMLFormElement): void {
  for (const choose of form.querySelectorAll<HTMLElement>("[data-choose]")) {
    const chosen = value(form, choose.dataset.choose ?? "") === choose.dataset.value;
    choose.setAttribute("aria-pressed", String(chosen));
    choose.closest("[data-offer]")?.toggleAttribute("data-chosen", chosen);
  }
}
