import { cleanup, render, screen } from "@testing-library/svelte";
import { afterEach, expect, test, vi } from "vitest";
import type { Preview } from "../api/types";
import { tick } from "svelte";
import PublishPreview from "./PublishPreview.svelte";

afterEach(cleanup);

const preview = {
  domain: "example.com",
  zone: "example.com",
  connection: "cloudflare",
  provider: "cloudflare",
  token: "t",
  consent: "Mail for example.com goes elsewhere now.",
  changes: [
    {
      name: "example.com",
      type: "MX",
      ttl: 3600,
      action: "change",
      before: [{ text: "old.example.", priority: 1 }],
      after: [{ text: "mail.example.", priority: 10 }],
    },
    {
      name: "x.example.com",
      type: "CNAME",
      ttl: 3600,
      action: "create",
      before: null,
      after: [{ text: "mail.example.", priority: 0 }],
      blocked: "It has addresses.",
    },
  ],
} as Preview;

function show(p: Preview) {
  const publish = vi.fn();
  render(PublishPreview, { preview: p, inSync: false, busy: false, publish, back: () => {}, close: () => {} });
  return publish;
}

test("nothing is written before the domain's name is typed where that is asked for", async () => {
  const publish = show(preview);
  const button = screen.getByRole<HTMLButtonElement>("button", { name: "Publish 1 change" });
  expect(button.disabled).toBe(true);
  const box = screen.getByLabelText<HTMLInputElement>("Type example.com to agree");
  box.value = "example.com";
  box.dispatchEvent(new Event("input", { bubbles: true }));
  await tick();
  expect(button.disabled).toBe(false);
  button.form?.requestSubmit(button);
  expect(publish).toHaveBeenCalledWith("example.com", false);
});

test("what is blocked says why, and what goes and comes is said in words too", () => {
  show(preview);
  expect(screen.getByText("It has addresses.")).toBeTruthy();
  expect(document.querySelector("del")?.textContent).toBe("1 old.example.");
  expect(document.querySelector("ins")?.textContent).toBe("+ 10 mail.example.");
  expect(screen.getByText("removed:")).toBeTruthy();
});
