// What the server tells by itself, as server-sent events. They carry no data:
// whoever hears one asks for what they show.

export interface Event {
  kind: "report" | "checking" | "keys" | "domain" | "publication" | "server" | "policies" | "again";
  domain: string;
}

type Listener = (event: Event) => void;

const listeners = new Set<Listener>();
let source: EventSource | undefined;

/** Listens until the returned function is called. */
export function listen(listener: Listener): () => void {
  listeners.add(listener);
  source ??= open();
  return () => listeners.delete(listener);
}

function open(): EventSource {
  const stream = new EventSource("/api/v1/events");
  let opened = false;
  stream.onmessage = (message: MessageEvent<string>) => tell(JSON.parse(message.data) as Event);
  stream.onopen = () => {
    // What happened while the stream was away is not repeated.
    if (opened) tell({ kind: "again", domain: "" });
    opened = true;
  };
  stream.onerror = () => {
    if (stream.readyState !== EventSource.CLOSED) return;
    setTimeout(() => (source = open()), 5000);
  };
  return stream;
}

function tell(event: Event): void {
  for (const listener of listeners) listener(event);
}
