import { describe, expect, test, vi } from "vitest";
import { ask, explain, Problem } from "./client";

const answer = (status: number, error?: object) =>
  Promise.resolve({ data: status < 400 ? "body" : undefined, error, response: new Response(null, { status }) });

describe("answers of the API", () => {
  test("a good one is its body", async () => {
    expect(await ask(answer(200))).toBe("body");
  });
  test("an error is a sentence for people, with its status", async () => {
    const problem = await ask(answer(409, { detail: "example.net is hosted already" })).catch((e: unknown) => e);
    expect(problem).toBeInstanceOf(Problem);
    expect(problem).toMatchObject({ message: "Example.net is hosted already.", status: 409 });
  });
  test("the details of what is not valid are told", () => {
    expect(explain({ detail: "validation failed", errors: [{ location: "body.ttl", message: "too small" }] })).toBe(
      "Validation failed. Body.ttl: too small.",
    );
    expect(explain(undefined)).toContain("did not say why");
  });
  test("no server: what to do", async () => {
    await expect(ask(Promise.reject(new TypeError("fetch")))).rejects.toThrow(/cannot be reached/);
  });
  test("without a session: to sign in, and back here", async () => {
    const assign = vi.spyOn(location, "assign").mockImplementation(() => {});
    await ask(answer(401, { detail: "you are not signed in" })).catch(() => {});
    expect(assign).toHaveBeenCalledWith("/signin?next=" + encodeURIComponent(location.pathname));
  });
});
