import { describe, expect, it } from "vitest";
import { barDays, bars, ceiling, number, share } from "./reports";

describe("bars", () => {
  const until = Date.parse("2026-03-10T12:00:00Z");
  it("has one for each day, also without reports", () => {
    const all = bars([{ day: "2026-03-09T00:00:00Z", good: 3, bad: 1 }], "2026-03-08T00:00:00Z", until, 1);
    expect(all.map((b) => [b.from.slice(0, 10), b.good, b.bad])).toEqual([
      ["2026-03-08", 0, 0],
      ["2026-03-09", 3, 1],
      ["2026-03-10", 0, 0],
    ]);
  });
  it("adds weeks up, and leaves out what lies outside", () => {
    const counts = ["2026-02-01", "2026-03-01", "2026-03-07", "2026-03-08", "2026-05-01"].map((day) => ({
      day: day + "T00:00:00Z",
      good: 1,
      bad: 2,
    }));
    expect(bars(counts, "2026-03-01T00:00:00Z", until, 7).map((b) => [b.good, b.bad])).toEqual([
      [2, 4],
      [1, 2],
    ]);
  });
  it("covers a week when there are many days", () => {
    expect([barDays(30), barDays(90), barDays(365)]).toEqual([1, 7, 7]);
  });
});

describe("ceiling", () => {
  it("is a round number", () => {
    const of = (n: number) => ceiling([{ from: "", days: 1, good: n, bad: 0 }]);
    expect([of(0), of(1), of(3), of(20), of(21), of(73), of(999)]).toEqual([1, 1, 5, 20, 50, 100, 1000]);
  });
});

describe("share", () => {
  it("does not round a loss away", () => {
    expect([share(0, 0), share(1, 2), share(9999, 10000), share(1, 100000), share(7, 7)]).toEqual([
      "–",
      "50%",
      "99.9%",
      "0.1%",
      "100%",
    ]);
  });
});

it("writes numbers with separators", () => expect(number(1234567)).toBe("1,234,567"));
