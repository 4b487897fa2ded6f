// The conditions of a check: rows that come and go, each with the fields of its kind.
export {};

const part = document.querySelector<HTMLElement>("[data-assertions]");
if (part) start(part);

function start(part: HTMLElement): void {
  const add = part.querySelector<HTMLButtonElement>("[data-assertion-add]")!;
  add.addEventListener("click", () => {
    const row = blank(part, kinds(part)[0]!.dataset.assertionKind!);
    add.parentElement!.before(row);
    row.querySelector("select")!.focus();
    changed(part);
  });
  part.addEventListener("click", (event) => {
    const row = (event.target as Element).closest("[data-assertion-remove]")?.closest<HTMLElement>("[data-assertion]");
    if (row) remove(row, part);
  });
  part.addEventListener("change", (event) => {
    const select = event.target as HTMLSelectElement;
    if (select.matches("[data-kind]")) retake(select.closest<HTMLElement>("[data-assertion]")!, select.value, part);
  });
  countSay(part);
}

function remove(row: HTMLElement, part: HTMLElement): void {
  const near = [row.nextElementSibling, row.previousElementSibling].find((one) => one?.matches("[data-assertion]"));
  row.remove();
  changed(part);
  (near?.querySelector("select") ?? part.querySelector<HTMLElement>("[data-assertion-add]"))?.focus();
}

/** The same row with the fields of another kind; what was written stays where the field is alike. */
function retake(row: HTMLElement, kind: string, part: HTMLElement): void {
  const fresh = blank(part, kind, row.dataset.assertion);
  const [old, value] = [row, fresh].map((one) => one.querySelector<HTMLInputElement>("[data-value]"));
  if (old && value && old.dataset.value === value.dataset.value) value.value = old.value;
  row.replaceWith(fresh);
  fresh.querySelector("select")!.focus();
  changed(part);
}

function blank(part: HTMLElement, kind: string, number = `${next(part)}`): HTMLElement {
  const made = document.createElement("template");
  made.innerHTML = kinds(part).find((one) => one.dataset.assertionKind === kind)!.innerHTML.replaceAll("__n__", number);
  return made.content.querySelector<HTMLElement>("[data-assertion]")!;
}

function kinds(part: HTMLElement): HTMLTemplateElement[] {
  return [...part.querySelectorAll<HTMLTemplateElement>("template[data-assertion-kind]")];
}

function rows(part: HTMLElement): HTMLElement[] {
  return [...part.querySelectorAll<HTMLElement>("[data-assertion]")];
}

function next(part: HTMLElement): number {
  return 1 + Math.max(-1, ...rows(part).map((row) => Number(row.dataset.assertion)));
}

/** The page's guard hears of it as of any other change. */
function changed(part: HTMLElement): void {
  part.closest("form")?.dispatchEvent(new Event("input", { bubbles: true }));
  countSay(part);
}

function countSay(part: HTMLElement): void {
  part.querySelector<HTMLButtonElement>("[data-assertion-add]")!.disabled = rows(part).length >= Number(part.dataset.most);
}
