// POST /api/v1/calls/token, see "Tenant host" in the published API.
import { CallFailure, failureOfAnswer } from "./failures";

export interface TokenSource {
  url: string;
  agent: string;
  csrf: string;
  version?: string;
}

export interface Token {
  server_url: string;
  participant_token: string;
  room_name: string;
  call_id: string;
}

const timeout = 10_000;

export async function tokenFetch(source: TokenSource): Promise<Token> {
  const answer = await ask(source);
  if (answer.ok) return (await answer.json()) as Token;
  const problem = (await answer.json().catch(() => ({}))) as { code?: string };
  throw failureOfAnswer(answer.status, problem.code ?? "", Number(answer.headers.get("Retry-After") ?? 0));
}

async function ask(source: TokenSource): Promise<Response> {
  try {
    return await fetch(source.url, {
      method: "POST",
      headers: { "Content-Type": "application/json", "X-CSRFToken": source.csrf },
      body: JSON.stringify({ agent: source.agent, version: source.version }),
      signal: AbortSignal.timeout(timeout),
    });
  } catch {
    throw new CallFailure("unreachable");
  }
}
