// The prompt: variables are put in by a click, unknown ones are named, and tokens are counted as one types.
const variable = /\{\{\s*([A-Za-z_][A-Za-z0-9_]{0,63})\s*\}\}/g;

/** One that something fills in. */
export interface Variable {
  name: string;
  meaning: string;
}

export function promptStart(form: HTMLFormElement): void {
  const prompt = field(form, "prompt");
  let last = prompt;
  form.addEventListener("focusin", (event) => {
    const target = event.target as HTMLTextAreaElement;
    if (target.matches?.('[name="prompt"], [name="greeting"], [name="greetings"]')) last = target;
  });
  form.addEventListener("click", (event) => {
    const button = (event.target as Element).closest<HTMLElement>("[data-insert]");
    if (button && last) insert(last, `{{${button.dataset.insert}}}`);
  });
  form.addEventListener("input", () => count(form));
  count(form);
}

/** Meridian's own variables, and those that stand below the prompt with what they become. */
export function variablesKnown(form: HTMLFormElement): Variable[] {
  const builtIn = [...form.querySelectorAll<HTMLElement>("[data-insert]")].map((button) => ({
    name: button.dataset.insert ?? "",
    meaning: button.dataset.meaning ?? "",
  }));
  const own = (field(form, "variables")?.value ?? "").split("\n").map((line) => line.split(/:(.*)/, 2).map((part) => part.trim()));
  return [...builtIn, ...own.filter(([name]) => name).map(([name, meaning]) => ({ name: name ?? "", meaning: meaning ?? "" }))];
}

function insert(target: HTMLTextAreaElement, text: string): void {
  target.focus();
  target.setRangeText(text, target.selectionStart, target.selectionEnd, "end");
  target.dispatchEvent(new InputEvent("input", { bubbles: true }));
}

function count(form: HTMLFormElement): void {
  const text = field(form, "prompt")?.value ?? "";
  show(form, "[data-tokens]", tokens(text).toLocaleString());
  show(form, "[data-characters]", text.length.toLocaleString());
  const place = form.querySelector<HTMLElement>("[data-unknown]");
  const names = unknown(form);
  if (place) place.textContent = names.length > 0 ? `${place.dataset.text} ${names.join(", ")}` : "";
}

/** As apps.compass.costs counts: four characters a token, one where the script is not Latin. */
function tokens(text: string): number {
  const wide = [...text].filter((character) => (character.codePointAt(0) ?? 0) > 0x2e7f).length;
  return wide + Math.ceil((text.length - wide) / 4);
}

function unknown(form: HTMLFormElement): string[] {
  const known = new Set(variablesKnown(form).map((one) => one.name));
  const used = ["prompt", "greeting", "greetings"].flatMap((name) => [...(field(form, name)?.value ?? "").matchAll(variable)]);
  return [...new Set(used.map((found) => found[1] ?? ""))].filter((name) => !known.has(name));
}

function field(form: HTMLFormElement, name: string): HTMLTextAreaElement | null {
  return form.elements.namedItem(name) as HTMLTextAreaElement | null;
}

function show(form: HTMLFormElement, selector: string, text: string): void {
  const place = form.querySelector(selector);
  if (place) place.textContent = text;
}
