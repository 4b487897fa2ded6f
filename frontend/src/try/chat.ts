// Try it, in text: the page remembers what was said, the server answers with the draft as it is stored.
import { draftSaved } from "./draft";

interface Said {
  role: "contact" | "agent";
  text: string;
}

const patience = 60_000; // the server gives an answer up after 30 s

export function chatStart(panel: HTMLElement): void {
  const form = panel.querySelector<HTMLFormElement>("[data-try-form]")!;
  const chat = new Chat(panel);
  form.addEventListener("submit", (event) => {
    event.preventDefault();
    void chat.send();
  });
  form.addEventListener("keydown", (event) => {
    if (event.key !== "Enter" || event.shiftKey || event.isComposing || !(event.target instanceof HTMLTextAreaElement)) return;
    event.preventDefault();
    form.requestSubmit();
  });
  panel.querySelector("[data-try-restart]")?.addEventListener("click", () => chat.restart());
}

class Chat {
  private said: Said[] = [];
  private round = 0;
  private busy = false;
  private readonly log: HTMLElement;
  private readonly field: HTMLTextAreaElement;

  constructor(private readonly panel: HTMLElement) {
    this.log = panel.querySelector("[data-try-log]")!;
    this.field = panel.querySelector("[name=text]")!;
  }

  async send(): Promise<void> {
    const text = this.field.value.trim();
    if (!text || this.busy) return;
    const round = this.round;
    this.working(true);
    this.field.value = "";
    this.add("[data-try-mine]", text);
    const waiting = this.add("[data-try-waiting]");
    try {
      const answer = await this.ask(text);
      if (round !== this.round) return;
      waiting.insertAdjacentHTML("beforebegin", answer);
      this.remember(text, waiting.previousElementSibling as HTMLElement);
    } catch (error) {
      if (round === this.round) this.lost(error instanceof Refused ? error.message : "unreachable", text);
    } finally {
      waiting.remove();
      if (round === this.round) this.working(false);
    }
    this.log.scrollTo({ top: this.log.scrollHeight });
  }

  /** Forgets all; an answer that is still under way belongs to what was before. */
  restart(): void {
    this.round += 1;
    this.said = [];
    this.log.replaceChildren();
    this.working(false);
    this.panel.querySelector<HTMLButtonElement>("[data-try-restart]")!.disabled = true;
    this.field.focus();
  }

  private async ask(text: string): Promise<string> {
    if (!(await draftSaved())) throw new Refused("unsaved");
    const answer = await fetch(this.panel.dataset.url ?? "", {
      method: "POST",
      headers: { "X-CSRFToken": this.panel.dataset.csrf ?? "" },
      body: new URLSearchParams({ text, history: JSON.stringify(this.said) }),
      signal: AbortSignal.timeout(patience),
    });
    if (answer.status < 500 && (!answer.ok || answer.redirected)) throw new Refused("refused");
    if (!answer.ok) throw new Refused("unreachable");
    return answer.text();
  }

  private remember(text: string, turn: HTMLElement): void {
    const reply = turn.dataset.reply ?? "";
    if (reply) this.said.push({ role: "contact", text }, { role: "agent", text: reply });
  }

  private lost(reason: string, text: string): void {
    const words = this.panel.querySelector(`[data-try-says="${reason}"]`)?.textContent ?? "";
    this.add("[data-try-lost]", words);
    if (!this.field.value) this.field.value = text;
  }

  private add(template: string, words = ""): HTMLElement {
    const copy = this.panel.querySelector<HTMLTemplateElement>(template)!.content.cloneNode(true) as DocumentFragment;
    const item = copy.firstElementChild as HTMLElement;
    const place = item.querySelector("[data-words]");
    if (place) place.textContent = words;
    this.log.append(item);
    this.log.scrollTo({ top: this.log.scrollHeight });
    return item;
  }

  private working(busy: boolean): void {
    this.busy = busy;
    this.panel.querySelector<HTMLButtonElement>("[data-try-send]")!.disabled = busy;
    this.panel.querySelector<HTMLButtonElement>("[data-try-restart]")!.disabled = false;
    this.log.setAttribute("aria-busy", String(busy));
  }
}

class Refused extends Error {}
