// The contact's phone: chooses who and whom, shows the chat, sends. The server's events only say that something has changed.

const $ = (id) => document.getElementById(id);
const EMOJI = ["👍", "❤️", "😂", "😮", "🙏", "👎"];
const PLACES = [
  { name: "Central Station", address: "1 Station Square", latitude: 40.7527, longitude: -73.9772 },
  { name: "Riverside Park", address: "Riverside Drive", latitude: 40.8018, longitude: -73.9723 },
  { name: "Home", address: "48 Garden Street", latitude: 40.7433, longitude: -74.0288 },
];
const TICKS = { sent: ["one", "sent"], delivered: ["two", "delivered"], read: ["two", "read"] };
const MOODS = ["duplicate", "reorder", "delay_ms", "lose", "fail_count", "status_count", "cut"];
const clock = new Intl.DateTimeFormat(undefined, { hour: "numeric", minute: "2-digit" });
const day = new Intl.DateTimeFormat(undefined, { weekday: "long", day: "numeric", month: "long" });

let state = { contacts: [], numbers: [], faults: {} };
let chosen = { contact: saved("contact") || "ann", number: saved("number") };
let quote = null;
let recorder = null;
let shown = "";
let typingTimer = 0;

function saved(name) {
  try { return localStorage.getItem(`phone.${name}`); } catch { return null; }
}

function keep(name, value) {
  try { localStorage.setItem(`phone.${name}`, value); } catch { /* private windows keep nothing */ }
}

function el(tag, attributes = {}, ...children) {
  const made = document.createElement(tag);
  for (const [name, value] of Object.entries(attributes)) {
    if (name.startsWith("on")) made.addEventListener(name.slice(2), value);
    else if (value !== false && value != null) made.setAttribute(name, value === true ? "" : value);
  }
  made.append(...children.filter((child) => child != null && child !== ""));
  return made;
}

function icon(name) {
  const svg = document.createElementNS("http://www.w3.org/2000/svg", "svg");
  const use = document.createElementNS("http://www.w3.org/2000/svg", "use");
  use.setAttribute("href", `#i-${name}`);
  svg.setAttribute("aria-hidden", "true");
  svg.append(use);
  return svg;
}

async function ask(path, body, options = {}) {
  const json = body === undefined ? {} : { method: "POST", headers: { "Content-Type": "application/json" }, body: JSON.stringify(body) };
  const answer = await fetch(`/pretend${path}`, { ...json, ...options });
  const content = await answer.json();
  if (!answer.ok) throw new Error(content.error || "This did not work; try again.");
  return content;
}

function tell(sentence) {
  $("note").textContent = sentence;
  $("note").hidden = !sentence;
}

function attempt(work) {
  return async (...given) => {
    try { await work(...given); tell(""); } catch (error) { tell(error instanceof TypeError ? "The pretend Meta does not answer. Is it running?" : error.message); }
  };
}

const hue = (text) => [...text].reduce((sum, letter) => (sum * 137 + letter.codePointAt(0) * 53) % 360, 11);
const initials = (name) => name.split(/\s+/).filter((part) => /\p{L}/u.test(part)).slice(0, 2).map((part) => part[0]).join("").toUpperCase() || "#";
const phoneNumber = (digits) => `+${digits.replace(/^(1)(\d{3})(\d{3})(\d{4})$/, "$1 $2 $3 $4").replace(/^(44)(\d{4})(\d{6})$/, "$1 $2 $3")}`;
const business = () => state.numbers.find((number) => number.id === chosen.number) || { name: "", display_number: "" };
const bytes = (size) => (size < 1e6 ? `${Math.max(1, Math.round(size / 1e3))} kB` : `${(size / 1e6).toFixed(1)} MB`);

// People and businesses

async function peopleRefresh() {
  state = await ask("/state");
  if (!state.numbers.some((number) => number.id === chosen.number)) chosen.number = state.numbers[0].id;
  if (!state.contacts.some((contact) => contact.key === chosen.contact)) chosen.contact = state.contacts[0].key;
  $("wire").classList.toggle("on", state.connected);
  $("wire").textContent = state.connected ? "Meridian is connected." : "Waiting for Meridian to answer the handshake.";
  fill($("businesses"), JSON.stringify([state.numbers, chosen.number]), () => state.numbers.map(businessChoice));
  fill($("contacts"), JSON.stringify([state.contacts, chosen]), () => state.contacts.map(contactChoice));
  const elsewhere = state.contacts.reduce((sum, contact) => sum + Object.values(contact.unread).reduce((a, b) => a + b, 0), 0);
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
  radio.checked = number.id === chosen.number;
  return el("label", {}, radio, number.name);
}

function contactChoice(contact) {
  const radio = el("input", { type: "radio", name: "contact", value: contact.key, onchange: () => choose({ contact: contact.key }) });
  radio.checked = contact.key === chosen.contact;
  const face = el("span", { class: "face", "aria-hidden": "true" }, initials(contact.name));
  face.style.setProperty("--hue", hue(contact.key));
  const known = contact.wa_id ? phoneNumber(contact.wa_id) : `@${contact.username || contact.key}, number hidden`;
  const unread = Object.values(contact.unread).reduce((a, b) => a + b, 0);
  const badge = unread && contact.key !== chosen.contact ? el("span", { class: "badge", "aria-label": `${unread} unread` }, String(unread)) : "";
  return el("label", {}, radio, face, el("span", {}, el("b", {}, contact.name), el("small", {}, contact.on ? known : "phone is off")), badge);
}

const choose = attempt(async (change) => {
  chosen = { ...chosen, ...change };
  for (const [name, value] of Object.entries(chosen)) keep(name, value);
  quoteSet(null);
  $("people").classList.remove("open");
  $("chat").replaceChildren();
  shown = "";
  await refresh();
});

// The chat

async function chatRefresh() {
  const { contact, number } = chosen;
  const chat = await ask(`/contacts/${encodeURIComponent(contact)}/messages?phone_number_id=${number}`);
  if (contact !== chosen.contact || number !== chosen.number) return;
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

const nearEnd = () => $("scroll").scrollHeight - $("scroll").scrollTop - $("scroll").clientHeight < 80;
const toEnd = () => { $("scroll").scrollTop = $("scroll").scrollHeight; };

function messagesShow(messages) {
  const here = `${chosen.contact}/${chosen.number}`;
  const first = shown !== here;
  const atEnd = first || nearEnd() || messages.at(-1)?.mine;
  shown = here;
  const list = $("chat");
  list.setAttribute("aria-live", first ? "off" : "polite");
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

function bubble(message, turn) {
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

function anchor(menu, button) {
  const at = button.getBoundingClientRect();
  const box = menu.getBoundingClientRect();
  menu.style.left = `${Math.max(8, Math.min(at.left, innerWidth - box.width - 8))}px`;
  menu.style.top = `${Math.max(8, at.top - box.height - 8)}px`;
}

// Sheets

function sheetShow(title, ...content) {
  $("sheet-title").textContent = title;
  $("sheet-body").replaceChildren(...content);
  $("sheet").showModal();
}

function option(title, more, onclick) {
  return el("button", { type: "button", class: "option", onclick: () => { $("sheet").close(); onclick(); } }, el("b", {}, title), more ? el("small", {}, more) : "");
}

function listShow(message) {
  const rows = message.list.sections.flatMap((section) => [
    section.title ? el("h3", {}, section.title) : "",
    ...section.rows.map((row) => option(row.title, row.description, () => listReply(message, row))),
  ]);
  sheetShow(message.list.button, ...rows.filter(Boolean));
}

function listReply(message, row) {
  const reply = { id: row.id, title: row.title, ...(row.description ? { description: row.description } : {}) };
  send({ type: "interactive", interactive: { type: "list_reply", list_reply: reply }, context: { message_id: message.id } });
}

function placesShow() {
  sheetShow("Send a location", ...PLACES.map((place) => option(place.name, place.address, () => send({ type: "location", location: place }))));
}

// Sending

const send = attempt(async (message) => {
  const context = quote && message.type !== "reaction" ? { context: { message_id: quote.id } } : {};
  await ask(`/contacts/${encodeURIComponent(chosen.contact)}/messages`, { phone_number_id: chosen.number, ...context, ...message });
  if (message.type !== "reaction") quoteSet(null);
  await refresh();
});

function quoteSet(message) {
  quote = message;
  $("quoting").hidden = !message;
  $("quoting").querySelector("p").textContent = message?.text || "";
  if (message) $("text").focus();
}

function textSend() {
  const text = $("text").value.trim();
  if (!text) return;
  $("text").value = "";
  composerFit();
  send({ type: "text", text });
}

function composerFit() {
  const typed = Boolean($("text").value.trim());
  $("send").hidden = !typed;
  $("record").hidden = typed;
  $("text").style.height = "auto";
  $("text").style.height = `${$("text").scrollHeight + 2}px`;
}

async function fileSend(file, kind, more = {}) {
  const type = file.type || "application/octet-stream";
  const kept = await ask(`/media?name=${encodeURIComponent(file.name || "")}`, undefined, { method: "POST", headers: { "Content-Type": type }, body: file });
  await send({ type: kind, [kind]: { id: kept.id, ...(kind === "document" ? { filename: file.name } : {}), ...more } });
}

function kindOf(file, wanted) {
  if (wanted === "document") return "document";
  const main = file.type.split("/")[0];
  return ["image", "video", "audio"].includes(main) ? main : "document";
}

function attach(wanted) {
  $("attach-menu").hidePopover();
  if (wanted === "location") return placesShow();
  $("file").accept = { image: "image/jpeg,image/png,image/webp,video/mp4", audio: "audio/*", document: "" }[wanted];
  $("file").onchange = attempt(async () => {
    const [file] = $("file").files;
    $("file").value = "";
    if (file) await fileSend(file, kindOf(file, wanted));
  });
  $("file").click();
}

// Voice notes

async function recordStart() {
  if (!navigator.mediaDevices?.getUserMedia || !window.MediaRecorder) return attach("audio");
  let stream;
  try { stream = await navigator.mediaDevices.getUserMedia({ audio: true }); } catch { tell("The microphone is not allowed here; choose a sound instead."); return attach("audio"); }
  const type = ["audio/ogg;codecs=opus", "audio/webm;codecs=opus", "audio/mp4"].find((one) => MediaRecorder.isTypeSupported(one));
  recorder = { media: new MediaRecorder(stream, type ? { mimeType: type } : {}), pieces: [], since: Date.now(), send: true };
  recorder.media.ondataavailable = (event) => recorder.pieces.push(event.data);
  recorder.media.onstop = () => recordEnd(stream);
  recorder.media.start();
  recorder.timer = setInterval(recordClock, 250);
  recordShow(true);
}

function recordClock() {
  const seconds = Math.floor((Date.now() - recorder.since) / 1000);
  $("recording").querySelector("span").textContent = `${Math.floor(seconds / 60)}:${String(seconds % 60).padStart(2, "0")}`;
}

const recordEnd = attempt(async (stream) => {
  const { pieces, media: { mimeType }, send: wanted, timer } = recorder;
  clearInterval(timer);
  recorder = null;
  recordShow(false);
  for (const track of stream.getTracks()) track.stop();
  if (wanted) await fileSend(new File(pieces, "voice", { type: mimeType || "audio/webm" }), "audio", { voice: true });
});

function recordShow(on) {
  $("recording").hidden = !on;
  for (const id of ["text", "attach"]) $(id).hidden = on;
  $("record").classList.toggle("live", on);
  $("record").setAttribute("aria-label", on ? "Send the voice note" : "Record a voice note");
  $("record").querySelector("use").setAttribute("href", on ? "#i-send" : "#i-mic");
  $("recording").querySelector("span").textContent = "0:00";
}

// Trouble

function faultsShow() {
  const faults = state.faults;
  for (const field of $("faults").elements) {
    if (!field.name || field === document.activeElement && field.tagName === "SELECT") continue;
    if (field.type === "checkbox") field.checked = Boolean(faults[field.name]);
    else field.value = String(valueOf(faults, field));
  }
  $("trouble-open").classList.toggle("on", MOODS.some((name) => faults[name]));
  const problems = state.problems ? ` ${state.problems} of its calls had a mistake.` : "";
  $("counts").textContent = `${state.waiting} webhooks are on their way.${problems}`;
}

// A counter between two choices is shown as the nearest one above it; a code that has been used up as none.
function valueOf(faults, field) {
  const count = { fail_code: "fail_count", status_code: "status_count" }[field.name];
  if (count && !faults[count]) return 0;
  const values = [...field.options].map((one) => Number(one.value));
  return values.find((value) => value >= faults[field.name]) ?? values.at(-1);
}

const faultSet = attempt(async (event) => {
  const { name, type, checked, value } = event.target;
  const counts = { fail_code: "fail_count", status_code: "status_count" };
  const wanted = type === "checkbox" ? (name === "cut" ? Number(checked) : checked) : Number(value);
  await ask("/faults", { [name]: wanted, ...(counts[name] ? { [counts[name]]: wanted ? 1 : 0 } : {}) });
});

function troubleShow(on) {
  $("trouble").hidden = !on;
  $("trouble-open").setAttribute("aria-expanded", String(on));
  (on ? $("trouble-close") : $("trouble-open")).focus();
}

const mine = (what, body) => attempt(async () => { await ask(`/contacts/${encodeURIComponent(chosen.contact)}/${what}`, body()); await refresh(); });

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
$("record").addEventListener("click", () => (recorder ? recorder.media.stop() : recordStart()));
$("record-cancel").addEventListener("click", () => { recorder.send = false; recorder.media.stop(); });
$("quote-cancel").addEventListener("click", () => quoteSet(null));
$("attach-menu").addEventListener("toggle", (event) => { if (event.newState === "open") anchor($("attach-menu"), $("attach")); });
$("attach-menu").addEventListener("click", (event) => { const item = event.target.closest("[data-attach]"); if (item) attach(item.dataset.attach); });
for (const starter of document.querySelectorAll(".starters button")) starter.addEventListener("click", () => send({ type: "text", text: starter.textContent }));
$("sheet-close").addEventListener("click", () => $("sheet").close());
$("people-open").addEventListener("click", () => { $("people").classList.add("open"); $("people-close").focus(); });
$("people-close").addEventListener("click", () => { $("people").classList.remove("open"); $("people-open").focus(); });
$("trouble-open").addEventListener("click", () => troubleShow($("trouble").hidden));
$("trouble-close").addEventListener("click", () => troubleShow(false));
$("faults").addEventListener("change", faultSet);
$("phone-off").addEventListener("change", mine("phone", () => ({ on: !$("phone-off").checked })));
$("window-close").addEventListener("click", mine("window", () => ({ phone_number_id: chosen.number })));
$("number-change").addEventListener("click", mine("number", () => ({ wa_id: `1555010${String(Math.floor(Math.random() * 9000) + 1000)}` })));
$("reset").addEventListener("click", attempt(async () => { if (confirm("Forget all chats, files and faults of this pretend Meta?")) { await ask("/reset", {}); shown = ""; await refresh(); } }));
$("new-contact").addEventListener("submit", attempt(async (event) => {
  event.preventDefault();
  const name = $("new-name").value.trim();
  const wa_id = `1555010${String(Math.floor(Math.random() * 9000) + 1000)}`;
  const { key } = await ask("/contacts", { name, key: wa_id, wa_id });
  $("new-name").value = "";
  await choose({ contact: key });
}));
document.addEventListener("visibilitychange", () => { if (document.visibilityState === "visible") void refresh(); });
document.addEventListener("keydown", (event) => { if (event.key === "Escape" && !$("trouble").hidden && !document.querySelector("dialog[open], :popover-open")) troubleShow(false); });
composerFit();
follow();
