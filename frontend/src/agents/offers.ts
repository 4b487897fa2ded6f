// Voices and models that the providers have: fetched when their tab is opened, filtered there, heard, and chosen into the fields.
const asks: Record<string, string[]> = {
  voice: ["tts_provider", "tts_model", "voice", "language", "voice_search", "voice_gender", "voice_language"],
  model: ["stt_provider"],
};
const again: Record<string, string> = { tts_provider: "voice", tts_model: "voice", stt_provider: "model" };
let timer = 0;

export function offersStart(form: HTMLFormElement): void {
  document.addEventListener("tab:chosen", () => shownFetch(form));
  form.addEventListener("click", (event) => clicked(event, form));
  form.addEventListener("change", (event) => changed(form, (event.target as HTMLInputElement).name));
  form.addEventListener("input", (event) => filtered(event, form), true);
  shownFetch(form);
}

function shownFetch(form: HTMLFormElement): void {
  for (const place of form.querySelectorAll<HTMLElement>("[data-offers]:not([data-fetched])")) {
    if (place.getClientRects().length > 0) void offersFetch(form, place);
  }
}

async function offersFetch(form: HTMLFormElement, place: HTMLElement): Promise<void> {
  place.dataset.fetched = "";
  const names = asks[place.dataset.offers ?? ""] ?? [];
  const query = new URLSearchParams(names.map((name) => [name, value(form, name)]));
  const held = document.activeElement?.id;
  const answer = await fetch(`${place.dataset.offersUrl}?${query}`);
  if (!answer.ok) return;
  place.innerHTML = await answer.text();
  const field = held ? place.querySelector<HTMLInputElement>(`#${CSS.escape(held)}`) : null;
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

/** Looking for a voice changes nothing of the agent. */
function filtered(event: Event, form: HTMLFormElement): void {
  const field = (event.target as Element).closest<HTMLElement>("[data-offers-filter]");
  const place = field?.closest<HTMLElement>("[data-offers]");
  if (!place) return;
  event.stopPropagation();
  clearTimeout(timer);
  timer = window.setTimeout(() => void offersFetch(form, place), 250);
}

function clicked(event: MouseEvent, form: HTMLFormElement): void {
  const target = event.target as Element;
  const hear = target.closest<HTMLElement>("[data-hear]");
  if (hear) void play(hear);
  const choose = target.closest<HTMLElement>("[data-choose]");
  const field = choose ? (form.elements.namedItem(choose.dataset.choose ?? "") as HTMLInputElement | null) : null;
  if (!choose || !field || field.disabled) return;
  field.value = choose.dataset.value ?? "";
  field.dispatchEvent(new InputEvent("input", { bubbles: true }));
  const place = choose.closest<HTMLElement>("[data-offers=voice]");
  if (place) void offersFetch(form, place);
}

async function play(button: HTMLElement): Promise<void> {
  const place = button.closest<HTMLElement>("[data-offers]");
  const player = place?.querySelector<HTMLAudioElement>("[data-player]");
  const trouble = place?.querySelector<HTMLElement>("[data-player-trouble]");
  if (!player || !trouble) return;
  trouble.hidden = true;
  button.setAttribute("aria-busy", "true");
  player.src = button.dataset.hear ?? "";
  await player.play().catch(() => (trouble.hidden = false));
  button.removeAttribute("aria-busy");
}
