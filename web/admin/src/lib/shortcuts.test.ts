import { beforeEach, describe, expect, test, vi } from "vitest";
import { keyboard } from "./keyboard.svelte";
import { KeyReader, shortcuts, taken } from "./shortcuts";
import { t } from "./t";

const press = (key: string, timeStamp = 0, more = {}) => ({
  key,
  timeStamp,
  ctrlKey: false,
  metaKey: false,
  altKey: false,
  repeat: false,
  ...more,
});

beforeEach(() => {
  document.body.innerHTML = "";
  keyboard.on = true;
});

describe("what a press means", () => {
  test("single keys", () => {
    const reader = new KeyReader();
    expect(["/", "c", "p", "?", "x"].map((key) => reader.read(press(key)))).toEqual([
      "find",
      "check",
      "publish",
      "help",
      undefined,
    ]);
  });
  test("pairs, if the second comes soon", () => {
    const reader = new KeyReader();
    expect(reader.read(press("g", 1000))).toBeUndefined();
    expect(reader.read(press("d", 1400))).toBe("domains");
    reader.read(press("g", 5000));
    expect(reader.read(press("s", 9000))).toBeUndefined();
    expect(reader.read(press("d", 9100))).toBeUndefined();
    reader.read(press("g", 9200));
    expect(reader.read(press("c", 9300))).toBe("check");
  });
  test("the browser's own stay its own", () => {
    const reader = new KeyReader();
    for (const key of ["ctrlKey", "metaKey", "altKey", "repeat"]) {
      expect(reader.read(press("p", 0, { [key]: true }))).toBeUndefined();
    }
  });
  test("each has a text", () => {
    for (const s of shortcuts) expect(t(`shortcuts.${s.action}`)).not.toContain("shortcuts.");
  });
});

describe("whose the keys are", () => {
  test("a field's while one types", () => {
    document.body.innerHTML = `<input id="a" type="search"><textarea id="b"></textarea><select id="c"></select>
      <div contenteditable="true"><b id="d"></b></div><button id="e"></button><input id="f" type="checkbox">`;
    const of = (id: string) => taken(document.getElementById(id));
    expect(["a", "b", "c", "d", "e", "f"].map(of)).toEqual([true, true, true, true, false, false]);
  });
  test("a dialogue's while it is open", () => {
    document.body.innerHTML = "<dialog open></dialog>";
    expect(taken(document.body)).toBe(true);
  });
});

describe("the keyboard", () => {
  const type = (key: string) => keyboard.press(new KeyboardEvent("keydown", { key, cancelable: true }));

  test("does what the page offers, as long as it does", () => {
    const check = vi.fn();
    type("c");
    const end = keyboard.offer({ check });
    type("c");
    end();
    type("c");
    expect(check).toHaveBeenCalledTimes(1);
  });
  test("the latest offer goes first", () => {
    const [frame, list] = [vi.fn(), vi.fn()];
    const ends = [keyboard.offer({ find: frame }), keyboard.offer({ find: list })];
    type("/");
    ends[1]?.();
    type("/");
    ends[0]?.();
    expect([frame.mock.calls.length, list.mock.calls.length]).toEqual([1, 1]);
  });
  test("can be switched off, and remembers it", () => {
    const help = vi.fn();
    const end = keyboard.offer({ help });
    keyboard.on = false;
    type("?");
    expect(help).not.toHaveBeenCalled();
    expect(localStorage.getItem("gomail-shortcuts")).toBe("off");
    end();
  });
});
