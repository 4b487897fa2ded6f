// Recording calls: what comes with it is shown once it is chosen, and the greeting can be made to say so.

export function consentStart(form: HTMLFormElement): void {
  form.addEventListener("change", (event) => {
    const box = event.target as HTMLInputElement;
    const more = box.closest("[data-recording]")?.querySelector<HTMLElement>("[data-recording-more]");
    if (more && box.name === "record") more.hidden = !box.checked;
  });
  form.addEventListener("click", (event) => {
    const button = (event.target as Element).closest<HTMLElement>("[data-consent]");
    if (button) sentenceAdd(form, button);
  });
}

/** Before the question that a greeting mostly ends with, since callers answer what they hear last. */
function sentenceAdd(form: HTMLFormElement, button: HTMLElement): void {
  const greeting = form.elements.namedItem("greeting") as HTMLTextAreaElement | null;
  const done = form.querySelector<HTMLElement>("[data-consent-done]");
  const sentence = button.dataset.sentence ?? "";
  if (!greeting || !done) return;
  const known = greeting.value.includes(sentence);
  done.textContent = (known ? done.dataset.known : done.dataset.added) ?? "";
  if (known) return;
  greeting.value = withSentence(greeting.value.trim(), sentence);
  greeting.dispatchEvent(new Event("input", { bubbles: true }));
}

export function withSentence(greeting: string, sentence: string): string {
  const question = /(?:^|[.!?…]\s+)([^.!?…]*\?)$/.exec(greeting)?.[1];
  if (!question) return `${greeting} ${sentence}`.trim();
  return `${greeting.slice(0, -question.length).trimEnd()} ${sentence} ${question}`.trim();
}
