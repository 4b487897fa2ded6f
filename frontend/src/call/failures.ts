// Why a call could not be made: each reason is one block of words on the page.

export type Reason = "refused" | "missing" | "in_use" | "insecure" | "busy" | "unavailable" | "limit" | "unknown" | "unreachable";

export class CallFailure extends Error {
  constructor(
    readonly reason: Reason,
    readonly retryAfter = 0,
  ) {
    super(reason);
  }
}

/** Why no agent took a call that had begun; each has its words as a Reason. */
export type Refusal = Extract<Reason, "busy" | "unavailable" | "limit" | "unknown">;

const refusals: Record<string, Refusal> = {
  busy: "busy",
  spend_limit: "limit",
  unknown_agent: "unknown",
  agent_disabled: "unavailable",
  not_published: "unavailable",
  credential_missing: "unavailable",
};

/** What the Call Service put into the room's metadata before it ended the call: `refused`, a code. */
export function refusalOf(metadata: string | undefined): Refusal | undefined {
  try {
    const { refused } = JSON.parse(metadata || "{}") as { refused?: string };
    return refusals[refused ?? ""];
  } catch {
    return undefined;
  }
}

/** How browsers name what is wrong with a microphone (Media Capture and Streams, getUserMedia). */
const microphoneErrors: Record<string, Reason> = {
  NotAllowedError: "refused",
  SecurityError: "refused",
  NotFoundError: "missing",
  OverconstrainedError: "missing",
  NotReadableError: "in_use",
  AbortError: "in_use",
};

export function failureOf(error: unknown): CallFailure {
  if (error instanceof CallFailure) return error;
  const name = error instanceof Error ? error.name : "";
  return new CallFailure(microphoneErrors[name] ?? "unreachable");
}

/** The reason behind an answer of POST /api/v1/calls/token that is not a token (problem+json with a `code`). */
export function failureOfAnswer(status: number, code: string, retryAfter: number): CallFailure {
  if (status === 429 || code === "busy") return new CallFailure("busy", retryAfter);
  if (status === 404 || code === "unknown_agent") return new CallFailure("unknown");
  if (code === "spend_limit") return new CallFailure("limit");
  if (status < 500 || code === "agent_disabled" || code === "not_published") return new CallFailure("unavailable");
  return new CallFailure("unreachable");
}
