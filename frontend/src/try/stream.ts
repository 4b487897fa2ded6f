// An answer while it is written: one JSON object a line (apps/compass/views/trying.py), or the whole as HTML.
export interface Heard {
  kind: "text" | "again" | "tool" | "tool_done" | "ended" | "over";
  text?: string;
  first?: number | null;
  name?: string;
  arguments?: unknown;
  ok?: boolean;
  seconds?: number;
  html?: string;
}

const patience = 60_000; // the server gives an answer up after 30 s
const type = "application/x-ndjson";

/** Throws an Error whose message names the sentence that says why there is no answer: refused, unreachable or broken. */
export async function* answerRead(panel: HTMLElement, body: URLSearchParams): AsyncGenerator<Heard> {
  const headers = { "X-CSRFToken": panel.dataset.csrf ?? "", Accept: `${type}, text/html;q=0.5` };
  const request = { method: "POST", headers, body, signal: AbortSignal.timeout(patience) };
  const answer = await fetch(panel.dataset.url ?? "", request).catch(() => null);
  if (!answer || answer.status >= 500) throw new Error("unreachable");
  if (!answer.ok || answer.redirected) throw new Error("refused");
  if (!answer.headers.get("Content-Type")?.startsWith(type)) {
    yield { kind: "ended", html: await answer.text() };
    return;
  }
  let ended = false;
  for await (const line of linesRead(answer.body!)) {
    const heard = JSON.parse(line) as Heard;
    ended ||= heard.kind === "ended";
    yield heard;
  }
  if (!ended) throw new Error("broken");
}

async function* linesRead(body: ReadableStream<Uint8Array>): AsyncGenerator<string> {
  const reader = body.getReader();
  const decoder = new TextDecoder();
  let rest = "";
  try {
    for (;;) {
      const { done, value } = await reader.read().catch(() => ({ done: true, value: undefined }));
      if (done || value === undefined) return;
      const lines = (rest + decoder.decode(value, { stream: true })).split("\n");
      rest = lines.pop() ?? "";
      yield* lines.filter(Boolean);
    }
  } finally {
    void reader.cancel().catch(() => undefined);
  }
}
