// What was measured of a trial call, fetched while it runs and once more when it is over.

const every = 2_000;
const most = 900; // half an hour

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
    if (answer?.ok) place.innerHTML = await answer.text();
    if (place.querySelector("[data-over]")) return;
  }
}
