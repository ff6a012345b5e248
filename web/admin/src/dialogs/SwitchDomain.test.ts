import { cleanup, render, screen } from "@testing-library/svelte";
import { afterEach, expect, test } from "vitest";
import SwitchDomain from "./SwitchDomain.svelte";

afterEach(cleanup);

function show(off: boolean, server: boolean): { button?: string; text: string } {
  render(SwitchDomain, { domain: "example.com", off, server, toggle: async () => {} });
  return {
    button: screen.queryByRole("button")?.textContent.trim(),
    text: document.querySelector("p")?.textContent ?? "",
  };
}

const asks = "Only an administrator of the server can switch it on again.";

test("who manages one domain is not offered what is refused, and is told who can", () => {
  const shown = show(true, false);
  expect(shown.button).toBeUndefined();
  expect(shown.text).toContain(asks);
});

test("who manages one domain knows before that there is no way back alone", () => {
  const shown = show(false, false);
  expect(shown.button).toBe("Switch off…");
  expect(shown.text).toContain(asks);
});

test("an administrator of the server switches both ways", () => {
  expect(show(true, true).button).toBe("Switch on…");
  cleanup();
  const shown = show(false, true);
  expect(shown.button).toBe("Switch off…");
  expect(shown.text).not.toContain(asks);
});
