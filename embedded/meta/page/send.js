// What the contact sends: text, files, places, choices from a list, voice notes.

import { $, app, ask, attempt, el, myPath, tell } from "./core.js";

const PLACES = [
  { name: "Central Station", address: "1 Station Square", latitude: 40.7527, longitude: -73.9772 },
  { name: "Riverside Park", address: "Riverside Drive", latitude: 40.8018, longitude: -73.9723 },
  { name: "Home", address: "48 Garden Street", latitude: 40.7433, longitude: -74.0288 },
];

let recorder = null;

export function anchor(menu, button) {
  const at = button.getBoundingClientRect();
  const box = menu.getBoundingClientRect();
  menu.style.left = `${Math.max(8, Math.min(at.left, innerWidth - box.width - 8))}px`;
  menu.style.top = `${Math.max(8, at.top - box.height - 8)}px`;
}

// Sheets

export function sheetShow(title, ...content) {
  $("sheet-title").textContent = title;
  $("sheet-body").replaceChildren(...content);
  $("sheet").showModal();
}

export function sheetOption(title, more, onclick) {
  return el("button", { type: "button", class: "option", onclick: () => { $("sheet").close(); onclick(); } }, el("b", {}, title), more ? el("small", {}, more) : "");
}

export function listReply(message, row) {
  const reply = { id: row.id, title: row.title, ...(row.description ? { description: row.description } : {}) };
  send({ type: "interactive", interactive: { type: "list_reply", list_reply: reply }, context: { message_id: message.id } });
}

export function placesShow() {
  sheetShow("Send a location", ...PLACES.map((place) => sheetOption(place.name, place.address, () => send({ type: "location", location: place }))));
}

// Sending

export const send = attempt(async (message) => {
  const context = app.quote && message.type !== "reaction" ? { context: { message_id: app.quote.id } } : {};
  await ask(myPath("messages"), { phone_number_id: app.chosen.number, ...context, ...message });
  if (message.type !== "reaction") quoteSet(null);
  await app.refresh();
});

export function quoteSet(message) {
  app.quote = message;
  $("quoting").hidden = !message;
  $("quoting").querySelector("p").textContent = message?.text || "";
  if (message) $("text").focus();
}

export function textSend() {
  const text = $("text").value.trim();
  if (!text) return;
  $("text").value = "";
  composerFit();
  send({ type: "text", text });
}

export function composerFit() {
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

export function attach(wanted) {
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

export const recordToggle = () => (recorder ? recorder.media.stop() : recordStart());

export function recordDiscard() {
  recorder.send = false;
  recorder.media.stop();
}
