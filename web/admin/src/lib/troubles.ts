import type { State } from "../api/types";

const order = ["wrong", "conflict", "missing", "propagating", "unknown"];

/** The state that matters most among the answers to a complaint. */
export function worstState(answers: { state: string }[]): State {
  for (const state of order) {
    if (answers.some((a) => a.state === state)) return state as State;
  }
  return answers.length > 0 ? "ok" : "unknown";
}

/** How many of the answers say that there is something to do or to wait for. */
export function open(answers: { state: string }[]): number {
  return answers.filter((a) => order.includes(a.state)).length;
}
