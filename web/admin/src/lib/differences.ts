// What is different between two values, word by word: an SPF record's terms, a
// DKIM or DMARC record's tags.

export interface Part {
  text: string;
  kind: "same" | "lacking" | "extra";
}

function parts(value: string): string[] {
  const tags = /^v=(DKIM1|DMARC1|STSv1|TLSRPTv1)\b/i.test(value);
  return value
    .split(tags ? ";" : /\s+/)
    .map((p) => p.trim())
    .filter(Boolean);
}

/** Marks what the found value lacks of the expected one, and what it has more. */
export function difference(expected: string, found: string): Part[] {
  const want = parts(expected);
  const have = parts(found);
  const fold = (s: string) => s.toLowerCase();
  const lacking = want.filter((w) => !have.some((h) => fold(h) === fold(w)));
  const shown: Part[] = have.map((text) => ({
    text,
    kind: want.some((w) => fold(w) === fold(text)) ? "same" : "extra",
  }));
  return [...shown, ...lacking.map((text): Part => ({ text, kind: "lacking" }))];
}

/** The found value that comes nearest to the expected one: the one worth comparing. */
export function nearest(expected: string, found: string[]): string | undefined {
  const score = (value: string) => difference(expected, value).filter((p) => p.kind === "same").length;
  return found.reduce<string | undefined>(
    (best, value) => (best === undefined || score(value) > score(best) ? value : best),
    undefined,
  );
}
