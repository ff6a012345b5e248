// Every text on a page comes from a file per language.
import en from "../strings/en.json";

export type Text = keyof typeof en;
type Counted<K> = K extends `${infer Base}.one` ? Base : never;
export type CountedText = Counted<Text>;

const texts: Record<string, string> = en;
const plurals = new Intl.PluralRules("en");

/** The text of a key, with {names} filled in. */
export function t(key: Text, values: Record<string, string | number> = {}): string {
  return fill(texts[key] ?? key, values);
}

/** The text for a number: "1 record", "3 records". */
export function tn(key: CountedText, n: number, values: Record<string, string | number> = {}): string {
  const form = texts[`${key}.${plurals.select(n)}`] ?? texts[`${key}.other`] ?? key;
  return fill(form, { n, ...values });
}

/** The text of a key made at run time, or the fallback where there is none. */
export function tOr(key: string, fallback: string): string {
  return texts[key] ?? fallback;
}

function fill(text: string, values: Record<string, string | number>): string {
  return text.replace(/\{(\w+)\}/g, (whole, name: string) => String(values[name] ?? whole));
}
