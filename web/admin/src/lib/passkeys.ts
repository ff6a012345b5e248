// What a browser and the server say to each other of passkeys: octets as
// base64url. Browsers can do that themselves since 2025; older ones cannot.

export interface CreationOptions {
  challenge: string;
  rp: PublicKeyCredentialRpEntity;
  user: { id: string; name: string; displayName: string };
  pubKeyCredParams: PublicKeyCredentialParameters[];
  excludeCredentials?: { type: "public-key"; id: string; transports?: AuthenticatorTransport[] }[];
  [more: string]: unknown;
}

export function octets(text: string): Uint8Array<ArrayBuffer> {
  const plain = atob(text.replace(/-/g, "+").replace(/_/g, "/"));
  return Uint8Array.from(plain, (c) => c.charCodeAt(0));
}

export function base64url(buffer: ArrayBuffer): string {
  return btoa(String.fromCharCode(...new Uint8Array(buffer)))
    .replace(/\+/g, "-")
    .replace(/\//g, "_")
    .replace(/=+$/, "");
}

/** Whether this browser knows passkeys, and this address can have them: they belong to a name. */
export function possible(host = location.hostname): boolean {
  return "PublicKeyCredential" in window && !/^[\d.]+$|:/.test(host);
}

/** Has the browser make a passkey, and returns what the server keeps of it. */
export async function make(options: CreationOptions): Promise<Record<string, unknown>> {
  const publicKey = {
    ...options,
    challenge: octets(options.challenge),
    user: { ...options.user, id: octets(options.user.id) },
    excludeCredentials: (options.excludeCredentials ?? []).map((c) => ({ ...c, id: octets(c.id) })),
  };
  const made = (await navigator.credentials.create({ publicKey }).catch(gaveUp)) as PublicKeyCredential;
  const response = made.response as AuthenticatorAttestationResponse;
  return {
    id: made.id,
    rawId: base64url(made.rawId),
    type: made.type,
    response: {
      clientDataJSON: base64url(response.clientDataJSON),
      attestationObject: base64url(response.attestationObject),
      transports: response.getTransports?.() ?? [],
    },
  };
}

function gaveUp(fault: unknown): never {
  if (fault instanceof DOMException && fault.name === "InvalidStateError")
    throw new Error("There is a passkey of this account on the device already.");
  if (fault instanceof DOMException && fault.name === "NotAllowedError") throw new Error("No passkey was made.");
  throw fault;
}
