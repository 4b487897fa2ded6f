// Sign-up: an address is made of the company's name until somebody types their own, and is checked while they type.
// The company begins with the time zone of this browser.
const PAUSE = 250;

export function signupStart(): void {
  const form = document.querySelector<HTMLFormElement>("form[data-signup]");
  const company = form?.querySelector<HTMLInputElement>("[name=company]");
  const slug = form?.querySelector<HTMLInputElement>("[name=slug]");
  const zone = form?.querySelector<HTMLInputElement>("[name=timezone]");
  if (zone) zone.value = Intl.DateTimeFormat().resolvedOptions().timeZone ?? "";
  const said = form?.querySelector<HTMLElement>("[data-signup-said]");
  if (!form || !company || !slug || !said) return;
  let own = slug.value !== "";
  let timer = 0;
  let asked = 0;
  const ask = async (query: string) => {
    const mine = ++asked;
    const answer = await fetch(`${form.dataset.signup}?${query}`, { signal: AbortSignal.timeout(10_000) });
    const { slug: found, problem } = await answer.json();
    if (mine !== asked || !found) return;
    if (!own) slug.value = found;
    said.textContent = problem || `${found}.${location.host}`;
    said.classList.toggle("text-error", Boolean(problem));
  };
  const soon = (query: string) => {
    clearTimeout(timer);
    timer = window.setTimeout(() => void ask(query).catch(() => undefined), PAUSE);
  };
  company.addEventListener("input", () => own || soon(`company=${encodeURIComponent(company.value)}`));
  slug.addEventListener("input", () => {
    own = slug.value !== "";
    soon(own ? `slug=${encodeURIComponent(slug.value)}` : `company=${encodeURIComponent(company.value)}`);
  });
}
