// Settings while they are edited: what is typed, whether it differs, what it
// would change, and saving it.
import { untrack } from "svelte";
import { api, ask } from "../api/client";
import type { Difference } from "../api/types";
import type { DomainState } from "./domain.svelte";
import { Task } from "./resource.svelte";
import { changed, emptySettings, fromForm, toForm, type SettingsForm } from "./settingsform";

export interface Consequences {
  changes: Difference[];
  policy: string;
}

export class SettingsEditor {
  form = $state<SettingsForm>(toForm(emptySettings()));
  consequences = $state.raw<Consequences>();
  readonly task = new Task();
  #from = $state.raw(emptySettings());
  readonly dirty = $derived(changed(this.form, this.#from));

  constructor(readonly domain: DomainState) {
    $effect.pre(() => {
      const settings = domain.settings;
      // What somebody else changes meanwhile does not undo what is being typed.
      untrack(() => {
        if (!settings || this.dirty) return;
        this.#from = settings;
        this.reset();
      });
    });
  }

  reset(): void {
    this.form = toForm(this.#from);
    this.consequences = undefined;
    this.task.problem = undefined;
  }

  async preview(): Promise<void> {
    await this.task.run(async () => {
      const request = { params: { path: { name: this.domain.name } }, body: fromForm(this.form, this.#from) };
      const found = await ask(api.POST("/api/v1/domains/{name}/preview", request));
      this.consequences = { changes: (found.changes ?? []) as Difference[], policy: found.policy };
    });
  }

  async save(): Promise<boolean> {
    return this.task.run(async () => {
      const settings = fromForm(this.form, this.#from);
      await this.domain.change({ settings });
      this.#from = settings;
      this.form = toForm(settings);
    });
  }
}
