// Times as people say them. Now is a parameter everywhere.

const words = new Intl.RelativeTimeFormat("en", { numeric: "auto" });
const day = new Intl.DateTimeFormat("en-GB", { day: "numeric", month: "long", year: "numeric" });
const minute = new Intl.DateTimeFormat("en-GB", { dateStyle: "medium", timeStyle: "short" });

const units: [Intl.RelativeTimeFormatUnit, number][] = [
  ["year", 31_536_000],
  ["month", 2_592_000],
  ["day", 86_400],
  ["hour", 3600],
  ["minute", 60],
];

/** Go's zero time means: not known, or never. */
export function isZero(at: string | undefined): boolean {
  return !at || at.startsWith("0001-");
}

/** "3 minutes ago", "in 2 hours", "just now". */
export function relative(at: string, now: number): string {
  const seconds = (Date.parse(at) - now) / 1000;
  for (const [unit, length] of units) {
    if (Math.abs(seconds) >= length) return words.format(Math.trunc(seconds / length), unit);
  }
  return seconds > 20 ? "in a moment" : "just now";
}

/** When something is to come: "in 5 minutes", "within a minute", also when it is due. */
export function upcoming(at: string, now: number): string {
  return Date.parse(at) - now < 60_000 ? "within a minute" : relative(at, now);
}

export function onDay(at: string): string {
  return day.format(new Date(at));
}

export function onMinute(at: string): string {
  return minute.format(new Date(at));
}

/** How long seconds are: "5 minutes", "1 hour", "7 days". */
export function duration(seconds: number): string {
  for (const [unit, length] of units) {
    if (seconds >= length) return plural(Math.round(seconds / length), unit);
  }
  return plural(Math.max(0, Math.round(seconds)), "second");
}

function plural(n: number, unit: string): string {
  return `${n} ${unit}${n === 1 ? "" : "s"}`;
}
