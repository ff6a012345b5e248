// The keyboard shortcuts at work: a page offers what they do there.
import { KeyReader, taken, type Action } from "./shortcuts";

const store = "gomail-shortcuts";
type Work = Partial<Record<Action, () => void>>;

class Keyboard {
  #on = $state(localStorage.getItem(store) !== "off");
  #offers: Work[] = [];
  #reader = new KeyReader();

  /** Switched off where single keys are in the way, as with speech input. */
  get on(): boolean {
    return this.#on;
  }

  set on(on: boolean) {
    this.#on = on;
    localStorage.setItem(store, on ? "on" : "off");
  }

  /** Does this work until the returned function is called. The latest offer goes first. */
  offer(work: Work): () => void {
    this.#offers.unshift(work);
    return () => (this.#offers = this.#offers.filter((other) => other !== work));
  }

  press(event: KeyboardEvent): void {
    if (!this.#on || event.defaultPrevented || taken(event.target)) return;
    const action = this.#reader.read(event);
    const work = action && this.#offers.find((offer) => offer[action])?.[action];
    if (!work) return;
    event.preventDefault();
    work();
  }
}

export const keyboard = new Keyboard();
