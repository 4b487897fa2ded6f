// What every part of the phone stands on: elements, requests, words for people, and who is chosen.

export const EMOJI = ["👍", "❤️", "😂", "😮", "🙏", "👎"];
export const $ = (id) => document.getElementById(id);
export const app = {
  state: { contacts: [], numbers: [], faults: {} },
  chosen: { contact: saved("contact") || "ann", number: saved("number") },
  quote: null,
  refresh: async () => {},
};

function saved(name) {
  try { return localStorage.getItem(`phone.${name}`); } catch { return null; }
}

export function keep(name, value) {
  try { localStorage.setItem(`phone.${name}`, value); } catch { /* private windows keep nothing */ }
}

export function el(tag, attributes = {}, ...children) {
  const made = document.createElement(tag);
  for (const [name, value] of Object.entries(attributes)) {
    if (name.startsWith("on")) made.addEventListener(name.slice(2), value);
    else if (value !== false && value != null) made.setAttribute(name, value === true ? "" : value);
  }
  made.append(...children.filter((child) => child != null && child !== ""));
  return made;
}

export function icon(name) {
  const svg = document.createElementNS("http://www.w3.org/2000/svg", "svg");
  const use = document.createElementNS("http://www.w3.org/2000/svg", "use");
  use.setAttribute("href", `#i-${name}`);
  svg.setAttribute("aria-hidden", "true");
  svg.append(use);
  return svg;
}

export async function ask(path, body, options = {}) {
  const json = body === undefined ? {} : { method: "POST", headers: { "Content-Type": "application/json" }, body: JSON.stringify(body) };
  const answer = await fetch(`/pretend${path}`, { ...json, ...options });
  const content = await answer.json();
  if (!answer.ok) throw new Error(content.error || "This did not work; try again.");
  return content;
}

export function tell(sentence) {
  $("note").textContent = sentence;
  $("note").hidden = !sentence;
}

export function attempt(work) {
  return async (...given) => {
    try { await work(...given); tell(""); } catch (error) { tell(error instanceof TypeError ? "The pretend Meta does not answer. Is it running?" : error.message); }
  };
}

export const hue = (text) => [...text].reduce((sum, letter) => (sum * 137 + letter.codePointAt(0) * 53) % 360, 11);
export const initials = (name) => name.split(/\s+/).filter((part) => /\p{L}/u.test(part)).slice(0, 2).map((part) => part[0]).join("").toUpperCase() || "#";
export const phoneNumber = (digits) => `+${digits.replace(/^(1)(\d{3})(\d{3})(\d{4})$/, "$1 $2 $3 $4").replace(/^(44)(\d{4})(\d{6})$/, "$1 $2 $3")}`;
export const business = () => app.state.numbers.find((number) => number.id === app.chosen.number) || { name: "", display_number: "" };
export const myPath = (what) => `/contacts/${encodeURIComponent(app.chosen.contact)}/${what}`;
export const bytes = (size) => (size < 1e6 ? `${Math.max(1, Math.round(size / 1e3))} kB` : `${(size / 1e6).toFixed(1)} MB`);
