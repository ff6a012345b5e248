import { describe, expect, it } from "vitest";
import { browserName } from "./browsers";
import { base64url, octets, possible } from "./passkeys";

describe("what browsers call themselves", () => {
  const chrome =
    "Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/148.0.0.0 Safari/537.36";
  const safari =
    "Mozilla/5.0 (iPhone; CPU iPhone OS 18_4 like Mac OS X) AppleWebKit/605.1.15 (KHTML, like Gecko) Version/18.4 Mobile/15E148 Safari/604.1";
  it.each([
    [chrome, "Chrome on Linux"],
    [chrome + " Edg/148.0", "Edge on Linux"],
    [safari, "Safari on iPhone"],
    ["curl/8.14", "curl/8.14"],
    ["", "unknown"],
  ])("%s", (agent, name) => expect(browserName(agent, "unknown")).toBe(name));
});

describe("passkeys", () => {
  it("write octets as they read them", () => {
    const all = Uint8Array.from({ length: 256 }, (_, i) => i);
    expect(octets(base64url(all.buffer))).toEqual(all);
    expect(base64url(Uint8Array.from([251, 255]).buffer)).toBe("-_8");
  });
  it("belong to names", () => {
    Object.assign(window, { PublicKeyCredential: Object });
    expect(["mail.example.com", "localhost", "127.0.0.1", "[::1]"].map((host) => possible(host))).toEqual([
      true,
      true,
      false,
      false,
    ]);
  });
});
