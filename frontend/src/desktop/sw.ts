// The service worker: shows what is pushed, and opens it. It caches nothing.

interface Pushed {
  title?: string;
  body?: string;
  url?: string;
  tag?: string;
}

interface WorkerEvent extends Event {
  waitUntil(promise: Promise<unknown>): void;
}

interface PushEvent extends WorkerEvent {
  data: { json(): unknown } | null;
}

interface ClickEvent extends WorkerEvent {
  notification: Notification & { data: string };
}

interface Page {
  url: string;
  focus(): Promise<Page>;
  navigate(url: string): Promise<Page | null>;
}

interface Worker extends EventTarget {
  registration: ServiceWorkerRegistration;
  clients: { matchAll(options: object): Promise<Page[]>; openWindow(url: string): Promise<unknown> };
}

const worker = self as unknown as Worker;

worker.addEventListener("push", (event) => {
  const pushed = ((event as PushEvent).data?.json() ?? {}) as Pushed;
  const options = { body: pushed.body ?? "", tag: pushed.tag ?? pushed.url ?? "meridian", data: pushed.url ?? "/desktop/" };
  (event as PushEvent).waitUntil(worker.registration.showNotification(pushed.title ?? "Meridian", options));
});

worker.addEventListener("notificationclick", (event) => {
  const { notification } = event as ClickEvent;
  notification.close();
  (event as ClickEvent).waitUntil(open(notification.data));
});

/** In a desktop that is open already, else in a new window. */
async function open(url: string): Promise<void> {
  const pages = await worker.clients.matchAll({ type: "window", includeUncontrolled: true });
  const desk = pages.find((page) => new URL(page.url).pathname.startsWith("/desktop/"));
  if (!desk) return void (await worker.clients.openWindow(url));
  await desk.focus();
  await desk.navigate(url);
}
