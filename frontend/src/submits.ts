// One click, one request: while a form is on its way, sending it again does nothing.

const longest = 10_000; // a plain form whose answer is a download leaves the page where it is

interface Request {
  ctx: { sourceElement: Element };
}

export function submitsStart(): void {
  document.addEventListener("submit", refuseTwice, { capture: true });
  addEventListener("submit", leaving);
  document.addEventListener("htmx:before:request", (event) => mark(sourceOf(event), true));
  document.addEventListener("htmx:finally:request", (event) => mark(sourceOf(event), false));
  addEventListener("pageshow", () => document.querySelectorAll("form[data-under-way]").forEach((form) => mark(form, false)));
}

function refuseTwice(event: SubmitEvent): void {
  const form = event.target as HTMLFormElement;
  if (!form.hasAttribute("data-under-way")) return;
  event.preventDefault();
  event.stopImmediatePropagation();
}

/** Heard last: what nobody has taken over leaves the page. */
function leaving(event: SubmitEvent): void {
  const form = event.target as HTMLFormElement;
  if (event.defaultPrevented || form.method !== "post" || form.target) return;
  mark(form, true);
  setTimeout(() => mark(form, false), longest);
}

function sourceOf(event: Event): Element {
  return (event as CustomEvent<Request>).detail.ctx.sourceElement;
}

function mark(element: Element, underWay: boolean): void {
  if (element.matches("form[method=post], form[hx-post]")) element.toggleAttribute("data-under-way", underWay);
}
