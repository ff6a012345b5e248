// The records of a report, in the groups and the order that the page shows.
import type { Finding, Probe, Report } from "../api/types";
import { type IconName, needsWork, type Tone } from "./states";

export const groupIds = ["receive", "send", "transport", "clients", "optional", "parked"] as const;
export type GroupId = (typeof groupIds)[number];

export interface Group {
  id: GroupId;
  records: Finding[];
}

const sendPurposes = ["spf", "helo_spf", "dkim", "dmarc", "dmarc_report", "ptr"];
const transportPurposes = ["caa", "mta_sts", "mta_sts_host", "tls_rpt", "tlsa"];

function groupOf(f: Finding): GroupId {
  if (f.purpose === "client") return "clients";
  if (f.purpose === "address" || f.purpose === "mx") return "receive";
  if (f.requirement === "optional" || f.requirement === "not_applicable") return "optional";
  if (sendPurposes.includes(f.purpose)) return "send";
  return transportPurposes.includes(f.purpose) ? "transport" : "optional";
}

/** Sorts records into groups; empty ones are left out. */
export function groupRecords(records: Finding[], parked: boolean): Group[] {
  if (parked) return records.length > 0 ? [{ id: "parked", records }] : [];
  return groupIds
    .map((id) => ({ id, records: records.filter((f) => groupOf(f) === id) }))
    .filter((g) => g.records.length > 0);
}

/** Names a record among all: several may share name and type. */
export function recordId(f: Pick<Finding, "name" | "type" | "value" | "purpose">): string {
  return [f.type, f.name, f.purpose, f.value].join(" ");
}

const weights: Record<string, number> = { required: 0, recommended: 1, optional: 2, not_applicable: 3 };

/** The records that ask for something, what matters most first. */
export function recordsToMend(records: Finding[]): Finding[] {
  return records
    .filter((f) => needsWork(f.state) && f.requirement !== "optional")
    .sort((a, b) => (weights[a.requirement] ?? 3) - (weights[b.requirement] ?? 3));
}

export function probesToMend(probes: Probe[]): Probe[] {
  return probes.filter((p) => needsWork(p.state));
}

export interface Counts {
  good: number;
  work: number;
  wait: number;
  unknown: number;
  optional: number; // missing, and nothing is lost without them
  all: number;
}

/** How the records of a group stand; what does not apply is not counted. */
export function count(records: Finding[]): Counts {
  const counts: Counts = { good: 0, work: 0, wait: 0, unknown: 0, optional: 0, all: 0 };
  for (const f of records) {
    if (f.state === "not_applicable") continue;
    counts.all++;
    if (f.state === "ok" || f.state === "ok_differs") counts.good++;
    else if (f.state === "propagating") counts.wait++;
    else if (f.state === "missing" && f.requirement === "optional") counts.optional++;
    else if (needsWork(f.state)) counts.work++;
    else counts.unknown++;
  }
  return counts;
}

/** How a group looks: as what matters most in it. */
export function countLook(c: Counts): { icon: IconName; tone: Tone } {
  if (c.work > 0) return { icon: "warning", tone: "warn" };
  if (c.wait > 0) return { icon: "clock", tone: "wait" };
  if (c.unknown > 0) return { icon: "question", tone: "quiet" };
  return c.good < c.all ? { icon: "minus", tone: "quiet" } : { icon: "check", tone: "good" };
}

/** How many records of the DNS provider a publication would create or change, as far as is known. */
export function toPublish(report: Report | undefined): number {
  return (report?.records ?? []).filter((f) => needsWork(f.state) && f.set_at === "dns provider").length;
}
