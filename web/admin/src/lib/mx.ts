// The hosts that take mail, while they are edited.
import type { MX } from "../api/types";

export interface MXRow {
  host: string;
  priority: number | null;
}

export function toRows(hosts: MX[] | null): MXRow[] {
  return (hosts ?? []).map(({ host, priority }) => ({ host: host.replace(/\.$/, ""), priority }));
}

/** What was typed; rows without a host are left out. */
export function fromRows(rows: MXRow[]): MX[] {
  return rows
    .map((r) => ({ host: r.host.trim().replace(/\.$/, "").toLowerCase(), priority: r.priority ?? 10 }))
    .filter((r) => r.host);
}

export function sameHosts(a: MX[], b: MX[]): boolean {
  return JSON.stringify(a) === JSON.stringify(b);
}

/** The priority of one more host: behind all others. */
export function nextPriority(rows: MXRow[]): number {
  return Math.max(0, ...rows.map((r) => r.priority ?? 0)) + 10;
}
