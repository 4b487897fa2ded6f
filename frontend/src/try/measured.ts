// What was measured of a trial call, fetched while it runs and once more when it is over.

const every = 2_000;
const most = 900; // half an hour
const shown = new WeakMap<Element, string>();

export function measuredStart(): void {
  document.addEventListener("call:begun", (event) => void follow((event as CustomEvent<string>).detail));
}

async function follow(callId: string): Promise<void> {
  for (let round = 0; round < most; round += 1) {
    await new Promise((resolve) => setTimeout(resolve, every));
    const place = document.querySelector<HTMLElement>("[data-trial-turns]");
    const url = place?.closest<HTMLElement>("[data-turns-url]")?.dataset.turnsUrl?.replace(/0{8}-(0{4}-){3}0{12}/, callId);
    if (!place || !url) return;
    const answer = await fetch(url).catch(() => null);
    if (answer?.ok) show(place, await answer.text());
    if (place.querySelector("[data-over]")) return;
  }
}

/** What somebody has opened stays open, and nothing moves where nothing has changed. */
function show(place: HTMLElement, html: string): void {
  if (shown.get(place) === html) return;
  const opened = [...place.querySelectorAll("details[open]")].map((one) => one.id);
  place.innerHTML = html;
  shown.set(place, html);
  for (const id of opened) place.querySelector(`#${id}`)?.setAttribute("open", "");
}
