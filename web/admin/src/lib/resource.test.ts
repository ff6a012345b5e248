import { afterEach, expect, test, vi } from "vitest";
import { Problem } from "../api/client";
import { Resource, Task } from "./resource.svelte";

afterEach(() => vi.useRealTimers());

test("an older answer never replaces a newer one", async () => {
  const answers: ((value: string) => void)[] = [];
  const resource = new Resource(() => new Promise<string>((resolve) => answers.push(resolve)));
  const first = resource.refresh();
  const second = resource.refresh();
  answers[1]?.("new");
  await second;
  answers[0]?.("old");
  await first;
  expect(resource.data).toBe("new");
});

test("what was read stays when it cannot be read again", async () => {
  let fail = false;
  const resource = new Resource(() => (fail ? Promise.reject(new Problem("Gone.")) : Promise.resolve("data")));
  await resource.refresh();
  fail = true;
  await resource.refresh();
  expect(resource.data).toBe("data");
  expect(resource.problem?.message).toBe("Gone.");
});

test("many events make one reading", async () => {
  vi.useFakeTimers();
  const read = vi.fn(() => Promise.resolve(1));
  const resource = new Resource(read);
  for (let i = 0; i < 50; i++) resource.soon();
  await vi.runAllTimersAsync();
  expect(read).toHaveBeenCalledTimes(1);
});

test("a task runs once at a time, and tells what went wrong", async () => {
  const task = new Task();
  let finish = () => {};
  const running = task.run(() => new Promise((resolve) => (finish = resolve)));
  expect(task.busy).toBe(true);
  expect(await task.run(() => Promise.resolve())).toBe(false);
  finish();
  expect(await running).toBe(true);
  expect(await task.run(() => Promise.reject(new Error("no")))).toBe(false);
  expect(task.problem?.message).toBe("no");
});
