// Keys that save a way to the mouse: which there are, and what a press means.

export const shortcuts = [
  { action: "find", keys: ["/"] },
  { action: "domains", keys: ["g", "d"] },
  { action: "server", keys: ["g", "s"] },
  { action: "check", keys: ["c"] },
  { action: "publish", keys: ["p"] },
  { action: "help", keys: ["?"] },
] as const;
export type Action = (typeof shortcuts)[number]["action"];

/** How long the second key of a pair may take, in milliseconds. */
const patience = 1500;

type Press = Pick<KeyboardEvent, "key" | "ctrlKey" | "metaKey" | "altKey" | "repeat" | "timeStamp">;

/** Reads keys one by one: "g" alone means nothing, "g" and then "d" does. */
export class KeyReader {
  #before = "";
  #since = 0;

  read(press: Press): Action | undefined {
    if (press.ctrlKey || press.metaKey || press.altKey || press.repeat) return undefined;
    const before = press.timeStamp - this.#since < patience ? this.#before : "";
    const found = match([before, press.key]) ?? match([press.key]);
    this.#before = found ? "" : press.key;
    this.#since = press.timeStamp;
    return found;
  }
}

function match(keys: string[]): Action | undefined {
  return shortcuts.find((s) => s.keys.length === keys.length && s.keys.every((key, i) => key === keys[i]))?.action;
}

/** Whether keys belong to what has the focus, as in a field, or to a dialogue. */
export function taken(target: EventTarget | null): boolean {
  if (document.querySelector("dialog[open]")) return true;
  const element = target instanceof Element ? target : undefined;
  return Boolean(element?.closest("input:not([type=checkbox], [type=radio]), textarea, select, [contenteditable]"));
}
