/** Makes a sentence of the server's text, which may begin in lower case and lack its full stop. */
export function sentence(text: string): string {
  const trimmed = text.trim();
  if (!trimmed) return "";
  const whole = trimmed[0]?.toUpperCase() + trimmed.slice(1);
  return /[.!?]$/.test(whole) ? whole : whole + ".";
}

/** Splits what was typed into a box of several lines: one item per line or comma. */
export function lines(text: string): string[] {
  return text
    .split(/[\n,]/)
    .map((s) => s.trim())
    .filter(Boolean);
}

/** Bytes in a unit that a person reads: 1.5 GB. */
export function bytes(n: number): string {
  const units = ["B", "kB", "MB", "GB", "TB"];
  let i = 0;
  let value = n;
  while (value >= 1000 && i < units.length - 1) {
    value /= 1000;
    i++;
  }
  return `${value < 10 && i > 0 ? value.toFixed(1).replace(/\.0$/, "") : Math.round(value)} ${units[i]}`;
}
