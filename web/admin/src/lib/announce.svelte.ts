/** What a screen reader is told: the app has one live region for it. */
class Announcement {
  text = $state("");
}

export const announcement = new Announcement();

export function announce(text: string): void {
  // The same text twice would be heard once.
  announcement.text = text === announcement.text ? text + "\u00a0" : text;
}
