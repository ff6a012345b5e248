// What publishing would do, and what became of it.
import type { Change, Connection, Outcome, Publication, Value } from "../api/types";
import { isZero } from "./time";

export interface Tally {
  create: number;
  change: number;
  delete: number;
  keep: number;
  blocked: number;
}

export function tally(changes: Change[]): Tally {
  const result: Tally = { create: 0, change: 0, delete: 0, keep: 0, blocked: 0 };
  for (const c of changes) {
    if (c.blocked) result.blocked++;
    else if (c.action in result) result[c.action as keyof Tally]++;
  }
  return result;
}

/** How many changes a publication would make. */
export function toMake(changes: Change[]): number {
  const n = tally(changes);
  return n.create + n.change + n.delete;
}

/** Changes in the order in which they matter: what is done, what cannot be, what stays. */
export function inOrder<C extends Change>(changes: C[]): C[] {
  const rank = (c: C) => (c.action === "keep" ? 2 : c.blocked ? 1 : 0);
  return [...changes].sort((a, b) => rank(a) - rank(b));
}

/** A value as it is shown: an MX with its priority. */
export function showValue(type: string, v: Value): string {
  return type === "MX" ? `${v.priority} ${v.text}` : v.text;
}

export interface ValueLine {
  text: string;
  kind: "same" | "lacking" | "extra"; // lacking: it comes, extra: it goes
}

/** The values before and after, as one list: what stays, goes and comes. */
export function valueLines(c: Change): ValueLine[] {
  const before = (c.before ?? []).map((v) => showValue(c.type, v));
  const after = (c.after ?? []).map((v) => showValue(c.type, v));
  return [
    ...before.filter((v) => after.includes(v)).map((text): ValueLine => ({ text, kind: "same" })),
    ...before.filter((v) => !after.includes(v)).map((text): ValueLine => ({ text, kind: "extra" })),
    ...after.filter((v) => !before.includes(v)).map((text): ValueLine => ({ text, kind: "lacking" })),
  ];
}

/** Whether what was typed is the consent that is asked for. */
export function agreed(consent: string, typed: string, domain: string): boolean {
  return !consent || typed.trim().toLowerCase() === domain;
}

/** The last publication that stands and changed something: the one that can be undone. Keys that a rotation published stay. */
export function undoable(all: Publication[]): Publication | undefined {
  return all.find(
    (p) =>
      (p.kind === "publish" || p.kind === "sync") &&
      isZero(p.undone) &&
      (p.results ?? []).some((r) => (r.outcome as Outcome) === "done"),
  );
}

/** The connection to begin with: the domain's own, else the one that fits the provider found. */
export function preferred(connections: Connection[], own: string, provider: string): string {
  const known = (name: string) => connections.some((c) => c.name === name);
  if (known(own)) return own;
  return (
    connections.find((c) => c.provider === provider)?.name ??
    (connections.length === 1 ? (connections[0]?.name ?? "") : "")
  );
}
