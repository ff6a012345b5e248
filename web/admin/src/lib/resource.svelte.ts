import { asProblem, type Problem } from "../api/client";

/** Something that is read from the server, and read again when it has changed. */
export class Resource<T> {
  data = $state.raw<T>();
  problem = $state.raw<Problem>();
  #asked = 0;
  #timer: ReturnType<typeof setTimeout> | undefined;

  constructor(private readonly read: () => Promise<T>) {}

  /** Reads it in a moment: many events at once make one reading. */
  soon(): void {
    if (this.#timer) return;
    this.#timer = setTimeout(() => {
      this.#timer = undefined;
      void this.refresh();
    }, 250);
  }

  /** Reads it. An older answer never replaces a newer one. */
  async refresh(): Promise<void> {
    const asked = ++this.#asked;
    try {
      const data = await this.read();
      if (asked !== this.#asked) return;
      this.data = data;
      this.problem = undefined;
    } catch (fault) {
      if (asked === this.#asked) this.problem = asProblem(fault);
    }
  }
}

/** Something that is being done: whether it is under way, and what went wrong. */
export class Task {
  busy = $state(false);
  problem = $state.raw<Problem>();

  /** Runs it, unless it runs already. Returns whether it ended well. */
  async run(work: () => Promise<void>): Promise<boolean> {
    if (this.busy) return false;
    this.busy = true;
    this.problem = undefined;
    try {
      await work();
      return true;
    } catch (fault) {
      this.problem = asProblem(fault);
      return false;
    } finally {
      this.busy = false;
    }
  }
}
