// One domain with what was found in its DNS: read once for all tabs, and again
// when the server says that something has changed.
import { getContext, setContext } from "svelte";
import { api, ask } from "../api/client";
import type { Domain, DomainSettings, Key, Publication, Report } from "../api/types";
import { listen, type Event } from "./live";
import { Resource, Task } from "./resource.svelte";

export class DomainState {
  readonly domain: Resource<Domain>;
  readonly report: Resource<Report>;
  readonly keys: Resource<Key[]>;
  readonly publications: Resource<Publication[]>;
  readonly check = new Task();
  /** Grows with every report: what shows its history reads it again. */
  reports = $state(0);
  /** The dialogue that is open: several places of the page offer them. */
  dialog = $state<"publish" | "export">();
  #checking = $state(false);

  constructor(readonly name: string) {
    const params = { params: { path: { name } } };
    this.domain = new Resource(() => ask(api.GET("/api/v1/domains/{name}", params)));
    this.report = new Resource(() => ask(api.GET("/api/v1/domains/{name}/report", params)));
    this.keys = new Resource(async () => (await ask(api.GET("/api/v1/domains/{name}/keys", params))) ?? []);
    this.publications = new Resource(
      async () => (await ask(api.GET("/api/v1/domains/{name}/publications", params))) ?? [],
    );
  }

  get #all() {
    return [this.domain, this.report, this.keys, this.publications];
  }

  get checking(): boolean {
    return this.#checking || this.check.busy;
  }

  /** The zone that the domain lies in, itself as long as that is not known. */
  get zone(): string {
    return this.report.data?.zone || this.name;
  }

  get settings(): DomainSettings | undefined {
    return this.domain.data?.settings;
  }

  refresh(): void {
    for (const resource of this.#all) void resource.refresh();
  }

  /** Follows what the server tells, until the returned function is called. */
  follow(): () => void {
    this.refresh();
    return listen((event) => this.#hear(event));
  }

  #hear(event: Event): void {
    if (event.domain && event.domain !== this.name) return;
    if (event.kind === "checking") {
      this.#checking = true;
      return;
    }
    if (event.kind === "report" || event.kind === "again") this.#checking = false;
    if (event.kind === "report") this.reports++;
    for (const resource of this.#all) resource.soon();
  }

  async checkNow(): Promise<void> {
    await this.check.run(async () => {
      const path = { name: this.name };
      this.report.data = await ask(api.POST("/api/v1/domains/{name}/check", { params: { path } }));
      this.reports++;
      void this.domain.refresh();
    });
    this.#checking = false;
  }

  /** Saves other settings, or switches the domain off and on. */
  async change(body: { settings?: DomainSettings; disabled?: boolean }): Promise<void> {
    const path = { name: this.name };
    this.domain.data = await ask(api.PATCH("/api/v1/domains/{name}", { params: { path }, body }));
    void this.report.refresh();
  }
}

const key = Symbol("domain");

export function provideDomain(state: () => DomainState): void {
  setContext(key, state);
}

export function currentDomain(): DomainState {
  return getContext<() => DomainState>(key)();
}
