// A form of many rows: another one from the template, numbered as Django's formsets count.
document.addEventListener("click", (event) => {
  const button = (event.target as Element).closest("[data-row-add]");
  const form = button?.closest<HTMLFormElement>("form[data-rowset]");
  if (form) rowAdd(form);
});

function rowAdd(form: HTMLFormElement): void {
  const total = form.querySelector<HTMLInputElement>("input[name$='-TOTAL_FORMS']");
  const template = form.querySelector<HTMLTemplateElement>("template[data-row-template]");
  const rows = form.querySelector("[data-rowset-rows]");
  if (!total || !template || !rows) return;
  const holder = document.createElement("template");
  holder.innerHTML = template.innerHTML.replaceAll("__prefix__", total.value);
  total.value = String(Number(total.value) + 1);
  rows.prepend(holder.content);
  rows.querySelector<HTMLElement>("select, input")?.focus();
  form.setAttribute("data-dirty", "");
}
