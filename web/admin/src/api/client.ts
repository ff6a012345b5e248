// The one client of the admin API. Answers that are errors become a Problem,
// whose sentence is for people.
import createClient from "openapi-fetch";
import { sentence } from "../lib/text";
import type { paths } from "./schema";

export const api = createClient<paths>({ baseUrl: location.origin });

export class Problem extends Error {
  constructor(
    message: string,
    readonly status = 0,
  ) {
    super(message);
  }
}

interface Details {
  detail?: string;
  errors?: { message?: string; location?: string }[] | null;
}

interface Answer<T> {
  data?: T;
  error?: Details;
  response: Response;
}

/** Waits for an answer, and returns its body or throws what is wrong with it. */
export async function ask<T>(call: Promise<Answer<T>>): Promise<T> {
  let answer: Answer<T>;
  try {
    answer = await call;
  } catch {
    throw new Problem("The server cannot be reached. Check your connection and try again.");
  }
  if (answer.response.status === 401) signInAgain();
  if (answer.response.ok) return answer.data as T;
  throw new Problem(explain(answer.error), answer.response.status);
}

/** Makes one text of a problem's details (RFC 9457). */
export function explain(error: Details | undefined): string {
  const parts = [
    error?.detail,
    ...(error?.errors ?? []).map((e) => [e.location, e.message].filter(Boolean).join(": ")),
  ];
  const text = parts
    .filter((p) => p)
    .map((p) => sentence(p as string))
    .join(" ");
  return text || "The server refused, and did not say why.";
}

/** Says what went wrong, whatever it was. */
export function asProblem(fault: unknown): Problem {
  if (fault instanceof Problem) return fault;
  return new Problem(fault instanceof Error ? fault.message : String(fault));
}

function signInAgain(): void {
  location.assign("/signin?next=" + encodeURIComponent(location.pathname));
}
