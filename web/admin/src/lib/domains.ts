// The list of domains: what needs attention first.
import type { Domain, DomainState } from "../api/types";

const order: DomainState[] = ["fix", "receiving_only", "unknown", "unchecked", "ready", "parked", "disabled"];

export function byAttention(domains: Domain[]): Domain[] {
  const rank = (d: Domain) => order.indexOf(d.badge.state);
  return [...domains].sort(
    (a, b) => rank(a) - rank(b) || b.badge.fix - a.badge.fix || a.name.localeCompare(b.name, "en"),
  );
}

export const filters = ["all", "attention", "ready", "off"] as const;
export type Filter = (typeof filters)[number];

const filtered: Record<Exclude<Filter, "all">, DomainState[]> = {
  attention: ["fix", "receiving_only", "unknown", "unchecked"],
  ready: ["ready"],
  off: ["parked", "disabled"],
};

export function inFilter(d: Domain, filter: Filter): boolean {
  return filter === "all" || filtered[filter].includes(d.badge.state);
}

/** The domains whose name or provider holds what was typed. */
export function search(domains: Domain[], text: string, filter: Filter): Domain[] {
  const wanted = text.trim().toLowerCase();
  return domains.filter((d) => inFilter(d, filter) && (d.name + " " + d.provider).toLowerCase().includes(wanted));
}
