// A message as the phone shows it.

import { $, EMOJI, bytes, business, el, icon } from "./core.js";
import { anchor, listReply, placesShow, quoteSet, send, sheetOption, sheetShow } from "./send.js";

const TICKS = { sent: ["one", "sent"], delivered: ["two", "delivered"], read: ["two", "read"] };
const clock = new Intl.DateTimeFormat(undefined, { hour: "numeric", minute: "2-digit" });

export const nearEnd = () => $("scroll").scrollHeight - $("scroll").scrollTop - $("scroll").clientHeight < 80;
export const toEnd = () => { $("scroll").scrollTop = $("scroll").scrollHeight; };

export function bubble(message, turn) {
  const who = message.mine ? "You" : business().name;
  const parts = el("div", { class: "bubble" }, el("span", { class: "hidden" }, `${who}: `));
  if (message.quote) parts.append(quoted(message.quote));
  if (message.media) parts.append(media(message.media, message.text));
  if (message.location) parts.append(el("div", { class: "map", "aria-hidden": "true" }, icon("pin")));
  for (const card of message.cards || []) parts.append(el("div", { class: "card" }, icon("file"), el("span", {}, el("b", {}, card.name.formatted_name), el("small", {}, card.phones?.[0]?.phone || "Contact"))));
  if (message.title && !message.cards) parts.append(el("p", { class: "words head" }, message.title));
  if (message.location?.address) parts.append(el("p", { class: "words foot" }, message.location.address));
  if (message.text) parts.append(el("p", { class: "words" }, ...formatted(message.text)));
  if (message.description || message.footer) parts.append(el("p", { class: "words foot" }, message.description || message.footer));
  parts.append(meta(message));
  const taps = tappable(message);
  if (taps.length) parts.append(el("div", { class: "taps" }, ...taps));
  if (message.reactions.length) parts.append(el("span", { class: "reactions", role: "img", "aria-label": `Reactions: ${message.reactions.join(" ")}` }, message.reactions.join("")));
  const classes = ["message", message.mine && "mine", turn && "turn", (message.media || message.location) && "has-media", message.reactions.length && "reacted"];
  return el("li", { class: classes.filter(Boolean).join(" "), "data-id": message.id }, parts, acts(message));
}

// *bold*, _italic_, ~struck~ and `code` as messengers show them, and links.
function formatted(text) {
  const found = /(https?:\/\/[^\s<>"]+[^\s<>".,;:!?)])|(?<![\w*])\*(\S(?:[^*\n]*\S)?)\*(?![\w*])|(?<!\w)_(\S(?:[^_\n]*\S)?)_(?!\w)|(?<!\w)~(\S(?:[^~\n]*\S)?)~(?!\w)|`([^`\n]+)`/gu;
  const parts = [];
  let end = 0;
  for (const match of text.matchAll(found)) {
    const [whole, link, bold, italic, struck, code] = match;
    parts.push(text.slice(end, match.index));
    if (link) parts.push(el("a", { href: link, target: "_blank", rel: "noopener noreferrer" }, link));
    else parts.push(el(bold ? "strong" : italic ? "em" : struck ? "s" : "code", {}, bold || italic || struck || code));
    end = match.index + whole.length;
  }
  return [...parts, text.slice(end)];
}

function quoted(quote) {
  const words = el("span", {}, quote.text);
  return el("button", { type: "button", class: "quote", onclick: () => find(quote.id) }, el("b", {}, quote.mine ? "You" : business().name), words);
}

function find(id) {
  const item = [...$("chat").children].find((child) => child.dataset.id === id);
  item?.scrollIntoView({ block: "center", behavior: "smooth" });
  item?.classList.remove("found");
  requestAnimationFrame(() => item?.classList.add("found"));
}

function media(file, text) {
  if (!file.url) return el("a", { class: "card", href: file.link || "#", target: "_blank", rel: "noopener noreferrer" }, icon("link"), el("span", {}, el("b", {}, file.name || "File"), el("small", {}, "elsewhere on the internet")));
  if (file.kind === "image" || file.kind === "sticker") {
    return el("a", { href: file.url, target: "_blank", rel: "noopener" }, el("img", { class: `media ${file.kind}`, src: file.url, alt: text || file.name || "Picture", onload: () => { if (nearEnd()) toEnd(); } }));
  }
  if (file.kind === "video") return el("video", { class: "media", src: file.url, controls: true, preload: "metadata", "aria-label": file.name || "Video" });
  if (file.kind === "audio") return el("audio", { class: "media", src: file.url, controls: true, preload: "metadata", "aria-label": file.voice ? "Voice note" : file.name || "Sound" });
  return el("a", { class: "card", href: file.url, download: file.name || true }, icon("file"), el("span", {}, el("b", {}, file.name || "Document"), el("small", {}, bytes(file.size))));
}

function meta(message) {
  const at = new Date(message.at * 1000);
  const line = el("p", { class: "meta" }, el("time", { datetime: at.toISOString(), title: at.toLocaleString() }, clock.format(at)));
  const tick = message.mine && TICKS[message.status];
  if (tick) line.append(el("span", { class: message.status === "read" ? "seen" : "", role: "img", "aria-label": tick[1] }, icon(tick[0])));
  return line;
}

function tappable(message) {
  if (message.mine) return [];
  const taps = (message.buttons || []).map((button) => {
    if (button.kind === "url") return el("a", { href: /^https?:/.test(button.url) ? button.url : "#", target: "_blank", rel: "noopener noreferrer" }, icon("link"), button.title);
    if (button.kind === "location") return el("button", { type: "button", onclick: placesShow }, icon("pin"), button.title);
    return el("button", { type: "button", onclick: () => tap(message.id, button) }, icon("reply"), button.title);
  });
  if (message.list) taps.push(el("button", { type: "button", onclick: () => listShow(message) }, icon("list"), message.list.button));
  return taps;
}

function tap(id, button) {
  if (button.kind === "quick") return send({ type: "button", button: { payload: button.payload, text: button.title }, context: { message_id: id } });
  return send({ type: "interactive", interactive: { type: "button_reply", button_reply: { id: button.id, title: button.title } }, context: { message_id: id } });
}

function acts(message) {
  const what = (message.text || message.title || message.type).slice(0, 40);
  const react = el("button", { type: "button", class: "icon", "aria-label": `React to “${what}”`, onclick: (event) => emojiShow(event.currentTarget, message) }, icon("more"));
  const reply = el("button", { type: "button", class: "icon", "aria-label": `Reply to “${what}”`, onclick: () => quoteSet({ id: message.id, text: what }) }, icon("reply"));
  return el("div", { class: "acts" }, reply, react);
}

function emojiShow(button, message) {
  const menu = $("emoji");
  const choose = (emoji) => () => { menu.hidePopover(); send({ type: "reaction", reaction: { message_id: message.id, emoji: emoji === message.my_reaction ? "" : emoji } }); };
  menu.replaceChildren(...EMOJI.map((emoji) => el("button", { role: "menuitem", "aria-label": emoji === message.my_reaction ? `Take back ${emoji}` : emoji, onclick: choose(emoji) }, emoji)));
  menu.showPopover();
  anchor(menu, button);
  menu.firstChild.focus();
}

function listShow(message) {
  const rows = message.list.sections.flatMap((section) => [
    section.title ? el("h3", {}, section.title) : "",
    ...section.rows.map((row) => sheetOption(row.title, row.description, () => listReply(message, row))),
  ]);
  sheetShow(message.list.button, ...rows.filter(Boolean));
}
