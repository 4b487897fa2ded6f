// Web Push: this browser is told also while no page of Meridian is open. Needs the person's leave and the server's key.
import { post, words } from "./server";

let asked = false;

export function pushStart(): void {
  const place = document.querySelector<HTMLElement>("[data-push]");
  if (!place || !key()) return;
  place.hidden = false;
  document.querySelector("[data-push-on]")?.addEventListener("click", () => void subscribe().then(show));
  void show();
}

function key(): string {
  return document.querySelector<HTMLElement>("[data-desk]")?.dataset.pushKey ?? "";
}

function able(): boolean {
  return "serviceWorker" in navigator && "PushManager" in window && isSecureContext;
}

async function show(): Promise<void> {
  if (!able()) return say(words("push_unable"), false);
  if (Notification.permission === "denied") return say(words("push_denied"), false);
  const worker = await navigator.serviceWorker.getRegistration("/");
  const subscription = await worker?.pushManager.getSubscription();
  if (subscription && Notification.permission === "granted") {
    if (!asked) await tell(subscription);
    say(words("push_on"), false);
  } else say(words(asked ? "push_failed" : "push_off"), true);
}

function say(text: string, offer: boolean): void {
  const place = document.querySelector<HTMLElement>("[data-push-words]");
  const button = document.querySelector<HTMLElement>("[data-push-on]");
  if (place) place.textContent = text;
  if (button) button.hidden = !offer;
}

async function subscribe(): Promise<void> {
  asked = true;
  if ((await Notification.requestPermission()) !== "granted") return;
  const worker = await navigator.serviceWorker.register("/sw.js");
  await navigator.serviceWorker.ready;
  try {
    await tell(await worker.pushManager.subscribe({ userVisibleOnly: true, applicationServerKey: key() }));
  } catch (error) {
    if (!(error instanceof DOMException)) throw error; // the browser's push service said no: `show` tells it
  }
}

async function tell(subscription: PushSubscription): Promise<void> {
  asked = true;
  await post(document.querySelector<HTMLElement>("[data-desk]")!.dataset.pushUrl!, JSON.stringify(subscription.toJSON()));
}
