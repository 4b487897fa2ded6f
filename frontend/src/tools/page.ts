// The form of a tool: rows that come and go, the form or the JSON Schema, and sample arguments that follow the parameters.

const samples: Record<string, unknown> = { integer: 1, number: 1.5, boolean: true, array: [], object: {} };

for (const form of document.querySelectorAll<HTMLFormElement>("form[data-tool-form]")) start(form);

function start(form: HTMLFormElement): void {
  const sample = form.querySelector<HTMLTextAreaElement>("[data-sample]");
  const json = form.querySelector<HTMLInputElement>("[name=schema_mode][value=json]")?.checked;
  const rows = { said: json ? JSON.stringify(schemaOf(form)) : "" };
  let written = sample ? !["", "{}"].includes(sample.value.trim()) : true;
  form.addEventListener("click", (event) => clicked(event, form));
  form.addEventListener("input", (event) => {
    if (event.target === sample) written = true;
    else if (sample && !written) sample.value = sampleOf(form);
  });
  form.addEventListener("change", (event) => modeChosen(event.target as HTMLInputElement, form, rows));
}

function clicked(event: MouseEvent, form: HTMLFormElement): void {
  const button = (event.target as Element).closest<HTMLElement>("[data-row-add], [data-row-remove]");
  const rows = button?.closest<HTMLElement>("[data-rows-of]");
  if (!button || !rows) return;
  if (button.matches("[data-row-add]")) add(rows);
  else remove(button.closest<HTMLElement>("[data-a-row]")!, rows);
  form.dispatchEvent(new Event("input", { bubbles: true }));
}

function add(rows: HTMLElement): void {
  const last = [...rows.querySelectorAll<HTMLElement>("[data-a-row]")].at(-1);
  if (!last) return;
  const fresh = last.cloneNode(true) as HTMLElement;
  empty(fresh);
  last.after(fresh);
  fresh.querySelector("input")?.focus();
}

/** The last row stays, empty, so that there is one to copy. */
function remove(row: HTMLElement, rows: HTMLElement): void {
  if (rows.querySelectorAll("[data-a-row]").length === 1) return empty(row);
  const next = (row.nextElementSibling ?? row.previousElementSibling) as HTMLElement;
  row.remove();
  next.querySelector<HTMLElement>("input, button")?.focus();
}

function empty(row: HTMLElement): void {
  for (const field of row.querySelectorAll("input")) field.value = "";
  for (const field of row.querySelectorAll("select")) field.selectedIndex = 0;
}

/** The rows become the JSON Schema only where they were changed: what was written there, and rows cannot say, is not lost. */
function modeChosen(field: HTMLInputElement, form: HTMLFormElement, rows: { said: string }): void {
  if (field.name !== "schema_mode") return;
  const json = form.querySelector<HTMLTextAreaElement>("[name=schema_json]");
  const now = JSON.stringify(schemaOf(form));
  if (field.value === "json" && json && now !== rows.said) json.value = JSON.stringify(schemaOf(form), null, 2);
  rows.said = now;
  for (const part of form.querySelectorAll<HTMLElement>("[data-mode]")) part.hidden = part.dataset.mode !== field.value;
}

interface Parameter {
  name: string;
  type: string;
  description: string;
  required: boolean;
  choices: string[];
}

function parameters(form: HTMLFormElement): Parameter[] {
  const rows = form.querySelectorAll<HTMLElement>("[data-rows-of=param_name] [data-a-row]");
  return [...rows].map(parameter).filter((one) => one.name);
}

function parameter(row: HTMLElement): Parameter {
  const value = (name: string): string => row.querySelector<HTMLInputElement>(`[name=${name}]`)?.value.trim() ?? "";
  const choices = value("param_enum").split(",").map((text) => text.trim()).filter(Boolean);
  const required = value("param_required") === "yes";
  return { name: value("param_name"), type: value("param_type"), description: value("param_description"), required, choices };
}

function schemaOf(form: HTMLFormElement): object {
  const rows = parameters(form);
  const properties = Object.fromEntries(rows.map((one) => [one.name, property(one)]));
  const required = rows.filter((one) => one.required).map((one) => one.name);
  return { type: "object", properties, required, additionalProperties: false };
}

function property(one: Parameter): object {
  const numeric = one.type === "integer" || one.type === "number";
  return {
    type: one.type,
    ...(one.description && { description: one.description }),
    ...(one.choices.length && { enum: numeric ? one.choices.map(Number) : one.choices }),
  };
}

function sampleOf(form: HTMLFormElement): string {
  const values = parameters(form).map((one) => [one.name, one.choices[0] ?? samples[one.type] ?? `some ${one.name}`]);
  return JSON.stringify(Object.fromEntries(values), null, 2);
}
