// What has been written of an answer so far, until the whole takes its place.
import type { Heard } from "./stream";

export class Written {
  private bubble: HTMLElement | null = null;
  private tool: HTMLElement | null = null;
  private readonly place: HTMLElement;

  constructor(
    private readonly panel: HTMLElement,
    private readonly waiting: HTMLElement,
  ) {
    this.place = waiting.querySelector("[data-written]")!;
  }

  /** Shows it; returns the name of the sentence to tell, if any. */
  hear(heard: Heard): string {
    if (heard.kind === "text") this.write(heard.text ?? "", heard.first ?? null);
    if (heard.kind === "again") this.bubble?.closest(".turn")?.remove();
    if (heard.kind === "again" || heard.kind === "tool") this.bubble = null;
    if (heard.kind === "tool") this.toolShow(heard);
    if (heard.kind === "tool_done") this.toolDone(heard);
    return heard.kind === "tool" ? "tool" : "";
  }

  /** The whole answer instead; returns its element. */
  replace(html: string): HTMLElement | null {
    this.waiting.insertAdjacentHTML("beforebegin", html);
    return this.waiting.previousElementSibling as HTMLElement | null;
  }

  remove(): void {
    this.waiting.remove();
  }

  private write(text: string, first: number | null): void {
    this.bubble ??= this.add("[data-try-piece]").querySelector<HTMLElement>("[data-words]");
    this.bubble!.append(text);
    const place = this.waiting.querySelector<HTMLElement>("[data-first]")!;
    if (first === null || !place.hidden) return;
    place.querySelector("[data-words]")!.textContent = seconds(first);
    place.hidden = false;
  }

  private toolShow(heard: Heard): void {
    this.tool = this.add("[data-try-tool]");
    this.tool.querySelector("[data-words]")!.textContent = heard.name ?? "";
    this.tool.querySelector("[data-arguments]")!.textContent = heard.arguments ? JSON.stringify(heard.arguments) : "";
  }

  private toolDone(heard: Heard): void {
    if (!this.tool) return;
    this.tool.querySelector<HTMLElement>("[data-runs]")!.hidden = true;
    this.tool.querySelector<HTMLElement>("[data-done]")!.hidden = !heard.ok;
    this.tool.querySelector<HTMLElement>("[data-failed]")!.hidden = Boolean(heard.ok);
    this.tool.querySelector("[data-seconds]")!.textContent = seconds(heard.seconds ?? 0);
  }

  private add(template: string): HTMLElement {
    const copy = this.panel.querySelector<HTMLTemplateElement>(template)!.content.cloneNode(true) as DocumentFragment;
    const item = copy.firstElementChild as HTMLElement;
    this.place.append(item);
    return item;
  }
}

function seconds(value: number): string {
  return `${value.toFixed(2)} s`;
}
