// Try it, in text: the page remembers what was said; the draft as it is stored answers, and is heard while it writes.
import { draftSaved } from "./draft";
import { answerRead, type Heard } from "./stream";
import { Written } from "./written";

interface Said {
  role: "contact" | "agent";
  text: string;
}

export function chatStart(panel: HTMLElement): void {
  const form = panel.querySelector<HTMLFormElement>("[data-try-form]")!;
  const chat = new Chat(panel);
  form.addEventListener("submit", (event) => {
    event.preventDefault();
    void chat.send();
  });
  form.addEventListener("keydown", (event) => {
    if (event.key === "Escape") chat.stop();
    if (event.key !== "Enter" || event.shiftKey || event.isComposing || !(event.target instanceof HTMLTextAreaElement)) return;
    event.preventDefault();
    form.requestSubmit();
  });
  panel.querySelector("[data-try-stop]")?.addEventListener("click", () => chat.stop());
  panel.querySelector("[data-try-restart]")?.addEventListener("click", () => chat.restart());
}

class Chat {
  private said: Said[] = [];
  private turn = ""; // of the answer under way; another one, or none, means that nobody waits for it any more
  private readonly log: HTMLElement;
  private readonly field: HTMLTextAreaElement;

  constructor(private readonly panel: HTMLElement) {
    this.log = panel.querySelector("[data-try-log]")!;
    this.field = panel.querySelector("[name=text]")!;
  }

  async send(): Promise<void> {
    const text = this.field.value.trim();
    if (!text || this.turn) return;
    const turn = (this.turn = String(Math.random()).slice(2));
    this.working(true);
    this.field.value = "";
    this.add("[data-try-mine]", text);
    const written = new Written(this.panel, this.add("[data-try-waiting]"));
    try {
      if (!(await draftSaved())) throw new Error("unsaved");
      for await (const heard of answerRead(this.panel, this.asked(turn, text))) {
        if (turn !== this.turn) return;
        this.heard(heard, text, written);
      }
    } catch (error) {
      if (turn === this.turn) this.lost(error instanceof Error ? error.message : "", text);
    } finally {
      written.remove();
      if (turn === this.turn) this.working(false);
    }
  }

  /** What was written until now stays, and is told as what it is. */
  stop(): void {
    if (this.turn) this.stopAsk();
  }

  /** Forgets all; an answer that is still under way belongs to what was before. */
  restart(): void {
    this.stop();
    this.said = [];
    this.log.replaceChildren();
    this.working(false);
    this.panel.querySelector<HTMLButtonElement>("[data-try-restart]")!.disabled = true;
    this.field.focus();
  }

  private asked(turn: string, text: string): URLSearchParams {
    return new URLSearchParams({ turn, text, history: JSON.stringify(this.said) });
  }

  private stopAsk(): void {
    const headers = { "X-CSRFToken": this.panel.dataset.csrf ?? "" };
    const body = new URLSearchParams({ turn: this.turn });
    void fetch(this.panel.dataset.stopUrl ?? "", { method: "POST", headers, body, keepalive: true }).catch(() => undefined);
  }

  private heard(heard: Heard, text: string, written: Written): void {
    const follows = this.log.scrollHeight - this.log.scrollTop - this.log.clientHeight < 40;
    if (heard.kind === "ended") this.ended(heard.html ?? "", text, written);
    else this.tell(written.hear(heard));
    if (follows) this.log.scrollTo({ top: this.log.scrollHeight });
  }

  private ended(html: string, text: string, written: Written): void {
    const turn = written.replace(html);
    const reply = turn?.dataset.reply ?? "";
    if (reply) this.said.push({ role: "contact", text }, { role: "agent", text: reply });
  }

  private lost(reason: string, text: string): void {
    const words = this.says(reason) || this.says("broken");
    this.add("[data-try-lost]", words);
    if (!this.field.value) this.field.value = text;
  }

  private says(name: string): string {
    return this.panel.querySelector(`[data-try-says="${CSS.escape(name)}"]`)?.textContent ?? "";
  }

  /** What a screen reader hears meanwhile; the answer itself is read once it is whole. */
  private tell(name: string, more = ""): void {
    if (name) this.panel.querySelector("[data-try-status]")!.textContent = `${this.says(name)} ${more}`;
  }

  private add(template: string, words = ""): HTMLElement {
    const copy = this.panel.querySelector<HTMLTemplateElement>(template)!.content.cloneNode(true) as DocumentFragment;
    const item = copy.firstElementChild as HTMLElement;
    const place = item.querySelector("[data-words]");
    if (place && words) place.textContent = words;
    this.log.append(item);
    this.log.scrollTo({ top: this.log.scrollHeight });
    return item;
  }

  private working(busy: boolean): void {
    if (!busy) this.turn = "";
    const [send, stop] = ["[data-try-send]", "[data-try-stop]"].map((name) => this.panel.querySelector<HTMLButtonElement>(name)!);
    const held = document.activeElement === send || document.activeElement === stop;
    send!.hidden = busy;
    stop!.hidden = !busy;
    if (held) (busy ? stop! : this.field).focus();
    this.panel.querySelector<HTMLButtonElement>("[data-try-restart]")!.disabled = false;
    this.log.setAttribute("aria-busy", String(busy));
    this.tell(busy ? "answers" : "nothing");
  }
}
