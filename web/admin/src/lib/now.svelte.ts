/** The time, for "3 minutes ago": it moves on by itself. */
class Now {
  ms = $state(Date.now());

  constructor() {
    setInterval(() => (this.ms = Date.now()), 15_000);
  }
}

export const now = new Now();
