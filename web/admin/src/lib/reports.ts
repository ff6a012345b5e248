// What reports tell, made ready for charts and sentences.
import type { ReportDay, ReportSource } from "../api/types";

/** A bar of a chart: what passed and what failed in a span of days. */
export interface Bar {
  from: string;
  days: number;
  good: number;
  bad: number;
}

const dayLength = 86_400_000;

/** How many days a bar covers, so that there are at most some sixty. */
export function barDays(days: number): number {
  return days <= 62 ? 1 : 7;
}

/** Bars from since to until, an empty one where nothing was reported. */
export function bars(
  counts: { day: string; good: number; bad: number }[],
  since: string,
  until: number,
  step: number,
): Bar[] {
  const start = Date.parse(since);
  const all: Bar[] = [];
  for (let at = start; at <= until; at += step * dayLength) {
    all.push({ from: new Date(at).toISOString(), days: step, good: 0, bad: 0 });
  }
  for (const c of counts) {
    const bar = all[Math.floor((Date.parse(c.day) - start) / (step * dayLength))];
    if (!bar) continue;
    bar.good += c.good;
    bar.bad += c.bad;
  }
  return all;
}

/** Days of mail as counts of what passed DMARC and what did not. */
export function mailCounts(days: ReportDay[]): { day: string; good: number; bad: number }[] {
  return days.map((d) => ({ day: d.day, good: d.aligned, bad: d.messages - d.aligned }));
}

/** The next round number above the largest bar: the top of the axis. */
export function ceiling(all: Bar[]): number {
  const most = Math.max(1, ...all.map((b) => b.good + b.bad));
  const power = 10 ** Math.floor(Math.log10(most));
  return [1, 2, 5, 10].map((n) => n * power).find((n) => n >= most) ?? most;
}

const percents = new Intl.NumberFormat("en", { style: "percent", maximumFractionDigits: 1 });
const numbers = new Intl.NumberFormat("en");

/** "98.4%"; never 100% where a part is missing. */
export function share(part: number, whole: number): string {
  if (whole === 0) return "–";
  const text = percents.format(part / whole);
  if (part < whole && text === "100%") return "99.9%";
  return part > 0 && text === "0%" ? "0.1%" : text;
}

/** "12,345" */
export function number(n: number): string {
  return numbers.format(n);
}

/** The sum of one count over days or sources. */
export function total<T>(all: T[], of: (each: T) => number): number {
  return all.reduce((sum, each) => sum + of(each), 0);
}

/** Addresses with their names, where those are known: "192.0.2.1 (mail.example.com)". */
export function named(source: ReportSource, names: Record<string, string>): string[] {
  return (source.addresses ?? []).map((a) => (names[a] ? `${a} (${names[a]})` : a));
}
