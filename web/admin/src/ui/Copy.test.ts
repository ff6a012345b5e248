import { cleanup, render, screen } from "@testing-library/svelte";
import { afterEach, expect, test, vi } from "vitest";
import { announcement } from "../lib/announce.svelte";
import Copy from "./Copy.svelte";

afterEach(cleanup);

test("what the button says, seen or heard, stays in step with what happened", async () => {
  const writeText = vi.fn(() => Promise.resolve());
  vi.stubGlobal("navigator", { ...navigator, clipboard: { writeText } });
  render(Copy, { text: "v=spf1 mx ~all", what: "value of TXT example.com" });
  const button = screen.getByRole("button", { name: "Copy value of TXT example.com" });
  button.click();
  await vi.waitFor(() => expect(screen.getByRole("button", { name: "Copied value of TXT example.com" })).toBe(button));
  expect(writeText).toHaveBeenCalledWith("v=spf1 mx ~all");
  expect(announcement.text).toBe("Copied value of TXT example.com");
});

test("a clipboard that refuses is told", async () => {
  vi.stubGlobal("navigator", { ...navigator, clipboard: { writeText: () => Promise.reject(new Error("no")) } });
  render(Copy, { text: "x", what: "it" });
  screen.getByRole("button", { name: "Copy it" }).click();
  await vi.waitFor(() => expect(screen.getByRole("button", { name: "Not copied it" })).toBeTruthy());
});
