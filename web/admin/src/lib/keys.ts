// DKIM keys in words.
import type { Key } from "../api/types";
import type { IconName, Tone } from "./states";

export function algorithmTitle(algorithm: string): string {
  return algorithm === "ed25519" ? "Ed25519" : algorithm.toUpperCase();
}

export function keyLook(state: string): { icon: IconName; tone: Tone } {
  switch (state) {
    case "active":
      return { icon: "check", tone: "good" };
    case "pending":
      return { icon: "clock", tone: "wait" };
    case "retiring":
      return { icon: "clock", tone: "warn" };
  }
  return { icon: "minus", tone: "quiet" };
}

/** The steps of a key's life. While it signs nothing is awaited: its next step comes with a rotation. */
export function life(key: Key): NonNullable<Key["stages"]> {
  const stages = key.stages ?? [];
  return key.state === "active" ? stages.map((s) => (s.state === "current" ? { ...s, state: "waiting" } : s)) : stages;
}

/** Whether the key may stop signing: only where another one goes on. */
export function mayRetire(key: Key, all: Key[]): boolean {
  return key.state === "active" && all.some((k) => k.selector !== key.selector && k.state === "active");
}

/** The keys that a rotation has made: those that were not there before. */
export function madeSince(before: string[], all: Key[]): Key[] {
  return all.filter((k) => !before.includes(k.selector));
}
