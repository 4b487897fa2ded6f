// The drawer of faults, and what else can be done to this server.

import { $, app, ask, attempt, myPath } from "./core.js";

const MOODS = ["duplicate", "reorder", "delay_ms", "lose", "fail_count", "status_count", "cut"];

export function faultsShow() {
  const faults = app.state.faults;
  for (const field of $("faults").elements) {
    if (!field.name || field === document.activeElement && field.tagName === "SELECT") continue;
    if (field.type === "checkbox") field.checked = Boolean(faults[field.name]);
    else field.value = String(valueOf(faults, field));
  }
  $("trouble-open").classList.toggle("on", MOODS.some((name) => faults[name]));
  const problems = app.state.problems ? ` ${app.state.problems} of its calls had a mistake.` : "";
  $("counts").textContent = `${app.state.waiting} webhooks are on their way.${problems}`;
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

const mine = (what, body) => attempt(async () => { await ask(myPath(what), body()); await app.refresh(); });

// The company's other phone: what is said there reaches the contact as well, and Meridian is told.
const inApp = (given) => attempt(async (event) => {
  event.preventDefault();
  const text = $("app-text").value.trim();
  if (!text && given !== "delete") throw new Error("Write what the company says first.");
  await ask(myPath("echoes"), { phone_number_id: app.chosen.number, text: given === "delete" ? "" : text, rewrite: given !== "say" });
  if (given !== "delete") $("app-text").value = "";
  await app.refresh();
});

$("trouble-open").addEventListener("click", () => troubleShow($("trouble").hidden));
$("trouble-close").addEventListener("click", () => troubleShow(false));
$("faults").addEventListener("change", faultSet);
$("app-form").addEventListener("submit", inApp("say"));
$("app-edit").addEventListener("click", inApp("edit"));
$("app-delete").addEventListener("click", inApp("delete"));
$("phone-off").addEventListener("change", mine("phone", () => ({ on: !$("phone-off").checked })));
$("window-close").addEventListener("click", mine("window", () => ({ phone_number_id: app.chosen.number })));
$("number-change").addEventListener("click", mine("number", () => ({ wa_id: `1555010${String(Math.floor(Math.random() * 9000) + 1000)}` })));
$("reset").addEventListener("click", attempt(async () => { if (confirm("Forget all chats, files and faults of this pretend Meta?")) { await ask("/reset", {}); await app.refresh(); } }));
document.addEventListener("keydown", (event) => { if (event.key === "Escape" && !$("trouble").hidden && !document.querySelector("dialog[open], :popover-open")) troubleShow(false); });
