// Who is signed in, and where.
import { api, ask } from "../api/client";
import type { Me, Server } from "../api/types";
import { Resource } from "./resource.svelte";

export const me = new Resource<Me>(() => ask(api.GET("/api/v1/me")));
export const server = new Resource<Server>(() => ask(api.GET("/api/v1/server")));

/** Whether the pages about the whole server are shown. */
export function managesServer(): boolean {
  return me.data?.server ?? false;
}
