// The contact's phone: who writes to whom, and their chat. The server's events only say that something has changed.

import { bubble, nearEnd, toEnd } from "./bubble.js";
import { $, app, ask, attempt, business, el, hue, initials, keep, phoneNumber, tell } from "./core.js";
import { anchor, attach, composerFit, quoteSet, recordDiscard, recordToggle, send, textSend } from "./send.js";
import { faultsShow } from "./trouble.js";

const day = new Intl.DateTimeFormat(undefined, { weekday: "long", day: "numeric", month: "long" });

let shown = "";
let typingTimer = 0;

// People and businesses

async function peopleRefresh() {
  app.state = await ask("/state");
  if (!app.state.numbers.some((number) => number.id === app.chosen.number)) app.chosen.number = app.state.numbers[0].id;
  if (!app.state.contacts.some((contact) => contact.key === app.chosen.contact)) app.chosen.contact = app.state.contacts[0].key;
  $("wire").classList.toggle("on", app.state.connected);
  $("wire").textContent = app.state.connected ? "Meridian is connected." : "Waiting for Meridian to answer the handshake.";
  fill($("businesses"), JSON.stringify([app.state.numbers, app.chosen.number]), () => app.state.numbers.map(businessChoice));
  fill($("contacts"), JSON.stringify([app.state.contacts, app.chosen]), () => app.state.contacts.map(contactChoice));
  const elsewhere = app.state.contacts.reduce((sum, contact) => sum + Object.values(contact.unread).reduce((a, b) => a + b, 0), 0);
  $("elsewhere").textContent = elsewhere;
  $("elsewhere").hidden = !elsewhere;
  faultsShow();
}

function fill(place, key, make) {
  if (place.dataset.key === key) return;
  const focused = place.contains(document.activeElement) && document.activeElement.value;
  place.dataset.key = key;
  place.replaceChildren(...make());
  if (focused) place.querySelector(`input[value="${CSS.escape(focused)}"]`)?.focus();
}

function businessChoice(number) {
  const radio = el("input", { type: "radio", name: "business", value: number.id, onchange: () => choose({ number: number.id }) });
  radio.checked = number.id === app.chosen.number;
  return el("label", {}, radio, number.name);
}

function contactChoice(contact) {
  const radio = el("input", { type: "radio", name: "contact", value: contact.key, onchange: () => choose({ contact: contact.key }) });
  radio.checked = contact.key === app.chosen.contact;
  const face = el("span", { class: "face", "aria-hidden": "true" }, initials(contact.name));
  face.style.setProperty("--hue", hue(contact.key));
  const known = contact.wa_id ? phoneNumber(contact.wa_id) : `@${contact.username || contact.key}, number hidden`;
  const unread = Object.values(contact.unread).reduce((a, b) => a + b, 0);
  const badge = unread && contact.key !== app.chosen.contact ? el("span", { class: "badge", "aria-label": `${unread} unread` }, String(unread)) : "";
  return el("label", {}, radio, face, el("span", {}, el("b", {}, contact.name), el("small", {}, contact.on ? known : "phone is off")), badge);
}

const choose = attempt(async (change) => {
  app.chosen = { ...app.chosen, ...change };
  for (const [name, value] of Object.entries(app.chosen)) keep(name, value);
  quoteSet(null);
  $("people").classList.remove("open");
  $("chat").replaceChildren();
  shown = "";
  await refresh();
});

// The chat

async function chatRefresh() {
  const { contact, number } = app.chosen;
  const chat = await ask(`/contacts/${encodeURIComponent(contact)}/messages?phone_number_id=${number}`);
  if (contact !== app.chosen.contact || number !== app.chosen.number) return;
  const { name, display_number: line } = business();
  $("chat-name").textContent = name;
  $("chat-face").textContent = initials(name);
  $("chat-face").style.setProperty("--hue", hue(name) / 3 + 150);
  document.title = `${name} · a pretend phone`;
  typingShow(chat, line);
  messagesShow(chat.messages);
  $("empty").hidden = chat.messages.length > 0 || chat.typing;
  $("phone-off").checked = !chat.phone_on;
  if (document.visibilityState === "visible" && chat.phone_on && chat.messages.some((message) => !message.mine && message.status === "delivered")) {
    await ask(`/contacts/${encodeURIComponent(contact)}/read`, { phone_number_id: number });
  }
}

function typingShow(chat, line) {
  clearTimeout(typingTimer);
  const atEnd = nearEnd();
  $("typing").hidden = !chat.typing;
  $("chat-line").classList.toggle("live", chat.typing);
  $("chat-line").textContent = chat.typing ? "typing…" : `${line} · business account`;
  if (!chat.typing) return;
  typingTimer = setTimeout(() => void refresh(), Math.max(200, chat.typing_until * 1000 - Date.now()));
  if (atEnd) toEnd();
}


function messagesShow(messages) {
  const here = `${app.chosen.contact}/${app.chosen.number}`;
  const first = shown !== here;
  const atEnd = first || nearEnd() || messages.at(-1)?.mine;
  shown = here;
  const list = $("chat");
  $("log").setAttribute("aria-live", first ? "off" : "polite");
  const old = new Map([...list.children].map((item) => [item.dataset.id, item]));
  const wanted = [];
  let before = null;
  for (const message of messages) {
    const date = new Date(message.at * 1000).toDateString();
    if (!before || before.date !== date) wanted.push(old.get(date) || dayBreak(date));
    const turn = !before || before.mine !== message.mine || before.date !== date;
    const key = JSON.stringify([message, turn]);
    let item = old.get(message.id);
    if (!item || item.dataset.key !== key) {
      const fresh = bubble(message, turn);
      fresh.dataset.key = key;
      if (!item && !first) fresh.classList.add("fresh");
      if (item?.contains(document.activeElement)) requestAnimationFrame(() => fresh.querySelector("button")?.focus());
      item = fresh;
    }
    wanted.push(item);
    before = { mine: message.mine, date };
  }
  place(list, wanted);
  if (atEnd) toEnd();
}

// Moves as little as possible, so that nothing is announced twice.
function place(list, wanted) {
  const staying = new Set(wanted);
  for (const item of [...list.children]) if (!staying.has(item)) item.remove();
  wanted.forEach((item, index) => { if (list.children[index] !== item) list.insertBefore(item, list.children[index] || null); });
}

function dayBreak(date) {
  const yesterday = new Date(Date.now() - 864e5).toDateString();
  const name = date === new Date().toDateString() ? "Today" : date === yesterday ? "Yesterday" : day.format(new Date(date));
  return el("li", { class: "day", "data-id": date }, name);
}


// Keeping up

let running = false;
let again = false;

async function refresh() {
  if (running) { again = true; return; }
  running = true;
  try { await peopleRefresh(); await chatRefresh(); } finally { running = false; }
  if (again) { again = false; await refresh(); }
}

function follow() {
  const events = new EventSource("/pretend/events");
  events.onmessage = attempt(refresh);
  events.onerror = () => tell("The pretend Meta does not answer; this page goes on by itself when it does.");
}

$("composer").addEventListener("submit", (event) => { event.preventDefault(); textSend(); });
$("text").addEventListener("input", composerFit);
$("text").addEventListener("keydown", (event) => { if (event.key === "Enter" && !event.shiftKey && !event.isComposing) { event.preventDefault(); textSend(); } });
$("record").addEventListener("click", recordToggle);
$("record-cancel").addEventListener("click", recordDiscard);
$("quote-cancel").addEventListener("click", () => quoteSet(null));
$("attach-menu").addEventListener("toggle", (event) => { if (event.newState === "open") anchor($("attach-menu"), $("attach")); });
$("attach-menu").addEventListener("click", (event) => { const item = event.target.closest("[data-attach]"); if (item) attach(item.dataset.attach); });
for (const starter of document.querySelectorAll(".starters button")) starter.addEventListener("click", () => send({ type: "text", text: starter.textContent }));
$("sheet-close").addEventListener("click", () => $("sheet").close());
$("people-open").addEventListener("click", () => { $("people").classList.add("open"); $("people-close").focus(); });
$("people-close").addEventListener("click", () => { $("people").classList.remove("open"); $("people-open").focus(); });
$("new-contact").addEventListener("submit", attempt(async (event) => {
  event.preventDefault();
  const name = $("new-name").value.trim();
  const wa_id = `1555010${String(Math.floor(Math.random() * 9000) + 1000)}`;
  const { key } = await ask("/contacts", { name, key: wa_id, wa_id });
  $("new-name").value = "";
  await choose({ contact: key });
}));
document.addEventListener("visibilitychange", () => { if (document.visibilityState === "visible") void refresh(); });
app.refresh = refresh;
composerFit();
follow();
