// Colleagues in a private note: `@` offers them, and whoever is named is told.
import { composer, words } from "./server";
import { suggestBegin, type Source } from "./suggest";

export const mentions: Source = {
  label: "labelMentions",
  word: /(?:^|[\s(])@([^@\n]{0,40})$/,
  find: (asked) => (inNote() ? names().filter((name) => begins(name, asked)).map((name) => ({ name: "@", title: name, text: "", put: `@${name} ` })) : []),
  nothing: (asked) => (inNote() && asked === "" ? words("no_colleagues") : ""),
};

export function mentionsStart(): void {
  document.addEventListener("click", (event) => (event.target as Element).closest("[data-mention-open]") && suggestBegin("@"));
}

function inNote(): boolean {
  return composer()?.dataset.mode === "note";
}

function names(): string[] {
  return JSON.parse(document.querySelector("#colleagues-data")?.textContent ?? "[]") as string[];
}

/** The whole name so far, or one of its later words; once it is written out there is nothing left to offer. */
function begins(name: string, asked: string): boolean {
  const plain = name.toLowerCase();
  return plain !== asked.trimEnd() && (plain.startsWith(asked) || plain.split(/\s+/).some((word) => asked !== "" && word.startsWith(asked)));
}
