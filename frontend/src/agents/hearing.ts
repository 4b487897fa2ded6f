// A sentence in a voice: heard at a click, stopped at the next. What the provider refuses is said in its own words.
const patience = 30_000;
let playing: HTMLElement | null = null;

export async function voiceHear(button: HTMLElement): Promise<void> {
  const place = button.closest<HTMLElement>("[data-offers]");
  const player = place?.querySelector<HTMLAudioElement>("[data-player]");
  const trouble = place?.querySelector<HTMLElement>("[data-player-trouble]");
  if (!player || !trouble) return;
  const again = playing === button;
  stop(player);
  trouble.hidden = true;
  if (again) return;
  playing = button;
  button.setAttribute("aria-pressed", "true");
  player.onended = () => stop(player);
  const words = await sound(button.dataset.hear ?? "", player, () => playing === button);
  if (words === null || playing !== button) return;
  stop(player);
  trouble.textContent = words || (trouble.dataset.words ?? "");
  trouble.hidden = false;
}

/** Plays it while it is still wanted. Null once it plays, else why it does not; empty where nobody said. */
async function sound(address: string, player: HTMLAudioElement, wanted: () => boolean): Promise<string | null> {
  try {
    const answer = await fetch(address, { signal: AbortSignal.timeout(patience) });
    if (!answer.ok) return detail(answer);
    const bytes = await answer.blob();
    if (!wanted()) return null;
    player.src = URL.createObjectURL(bytes);
    await player.play();
    return null;
  } catch {
    return "";
  }
}

async function detail(answer: Response): Promise<string> {
  if (!answer.headers.get("Content-Type")?.includes("json")) return "";
  return ((await answer.json()) as { detail?: string }).detail ?? "";
}

function stop(player: HTMLAudioElement): void {
  playing?.setAttribute("aria-pressed", "false");
  playing = null;
  player.pause();
  if (player.src.startsWith("blob:")) URL.revokeObjectURL(player.src);
  player.removeAttribute("src");
}
