// Countries by name, in the page's language. The server knows them by their ISO 3166 codes, which stay what is sent.
const language = document.documentElement.lang || "en";
const names = new Intl.DisplayNames(language, { type: "region", fallback: "code" });
const order = new Intl.Collator(language);

export function countriesStart(): void {
  countriesShow();
  document.addEventListener("htmx:after:swap", countriesShow);
}

function countriesShow(): void {
  document.querySelectorAll<HTMLSelectElement>("select[data-countries]").forEach(choicesShow);
  for (const element of document.querySelectorAll<HTMLElement>("[data-country]")) {
    if (element.dataset.country) element.textContent = named(element.dataset.country);
  }
}

/** By name, so that typing the first letters of one finds it; an empty choice stays on top. */
function choicesShow(select: HTMLSelectElement): void {
  const chosen = select.value;
  const countries = [...select.options].filter((option) => option.value !== "");
  for (const option of countries) option.text = named(option.value);
  select.append(...countries.sort((one, other) => order.compare(one.text, other.text)));
  select.value = chosen;
}

/** What is no code, because it was written by hand long ago, stays as it is. */
function named(code: string): string {
  try {
    return names.of(code) ?? code;
  } catch {
    return code;
  }
}
