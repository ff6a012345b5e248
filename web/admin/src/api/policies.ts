// The policy ladders, as package ladder describes them.
import { ask, Problem } from "./client";

export interface Loss {
  source: string;
  name: string;
  kind: string;
  addresses: string[] | null;
  messages: number;
  lost: number;
  disowned: boolean;
  blocks: boolean;
  how: string[] | null;
  include: string;
  docs: string;
}

export interface Ladder {
  ladder: string;
  title: string;
  rungs: string[] | null;
  rung: string;
  next: string;
  state: "offered" | "waiting" | "blocked" | "done" | "watching";
  proof: {
    days: number;
    need_days: number;
    messages: number;
    passed: number;
    failed: number;
    percent: number;
    need_percent: number;
  } | null;
  losses: Loss[] | null;
  watch: { since: string; until: string; worse: boolean } | null;
  back: { to: string; advised: boolean; why: string } | null;
  advice: string;
}

function path(domain: string, rest = ""): string {
  return `/api/v1/domains/${encodeURIComponent(domain)}/policies${rest}`;
}

async function fetched<T>(url: string, init?: RequestInit): Promise<{ data: T; error?: object; response: Response }> {
  const response = await fetch(url, init);
  const body = (await response.json().catch(() => ({}))) as T;
  return response.ok ? { data: body, response } : { data: body, error: body as object, response };
}

/** The ladders of a domain; none where the server offers none. */
export async function ladders(domain: string): Promise<Ladder[]> {
  try {
    return (await ask(fetched<Ladder[] | null>(path(domain)))) ?? [];
  } catch (fault) {
    if (fault instanceof Problem && fault.status === 404) return [];
    throw fault;
  }
}

export async function step(domain: string, ladder: string, direction: "take" | "back", to: string): Promise<void> {
  const init = { method: "POST", headers: { "Content-Type": "application/json" }, body: JSON.stringify({ to }) };
  await ask(fetched(path(domain, `/${encodeURIComponent(ladder)}/${direction}`), init));
}
