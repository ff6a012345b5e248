// States in icons and tones. Colour never stands alone: the word is beside it.
import type { Action, DomainState, Outcome, Requirement, State } from "../api/types";

export type Tone = "good" | "bad" | "warn" | "wait" | "quiet";
export type IconName =
  "check" | "approx" | "clock" | "cross" | "warning" | "question" | "minus" | "plus" | "pencil" | "pause" | "circle";

interface Look {
  icon: IconName;
  tone: Tone;
}

/** How a record looks. What is missing matters as much as the record is needed. */
export function stateLook(state: string, requirement: Requirement | string = "required"): Look {
  switch (state as State) {
    case "ok":
      return { icon: "check", tone: "good" };
    case "ok_differs":
      return { icon: "approx", tone: "good" };
    case "propagating":
      return { icon: "clock", tone: "wait" };
    case "missing":
      return { icon: "cross", tone: requirement === "required" ? "bad" : "warn" };
    case "wrong":
      return { icon: "warning", tone: requirement === "optional" ? "warn" : "bad" };
    case "conflict":
      return { icon: "warning", tone: "warn" };
    case "not_applicable":
      return { icon: "minus", tone: "quiet" };
  }
  return { icon: "question", tone: "quiet" };
}

export function domainLook(state: DomainState): Look {
  switch (state) {
    case "ready":
      return { icon: "check", tone: "good" };
    case "fix":
      return { icon: "warning", tone: "bad" };
    case "receiving_only":
      return { icon: "warning", tone: "warn" };
    case "parked":
      return { icon: "minus", tone: "quiet" };
    case "disabled":
      return { icon: "pause", tone: "quiet" };
    case "unchecked":
      return { icon: "circle", tone: "quiet" };
  }
  return { icon: "question", tone: "quiet" };
}

export function actionLook(action: Action | string): Look {
  switch (action) {
    case "create":
      return { icon: "plus", tone: "good" };
    case "change":
      return { icon: "pencil", tone: "warn" };
    case "delete":
      return { icon: "minus", tone: "bad" };
  }
  return { icon: "check", tone: "quiet" };
}

export function outcomeLook(outcome: Outcome | string): Look {
  switch (outcome) {
    case "done":
      return { icon: "check", tone: "good" };
    case "failed":
      return { icon: "cross", tone: "bad" };
    case "skipped":
      return { icon: "warning", tone: "warn" };
  }
  return { icon: "check", tone: "quiet" };
}

/** Whether a record asks for something to be done. */
export function needsWork(state: string): boolean {
  return state === "missing" || state === "wrong" || state === "conflict";
}
