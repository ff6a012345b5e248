// Signing in with a passkey, on the pages that need no other script.

const button = document.getElementById("passkey");
const problem = document.getElementById("passkey-problem");

const octets = (text) => Uint8Array.from(atob(text.replace(/-/g, "+").replace(/_/g, "/")), (c) => c.charCodeAt(0));
const text = (buffer) =>
  btoa(String.fromCharCode(...new Uint8Array(buffer)))
    .replace(/\+/g, "-")
    .replace(/\//g, "_")
    .replace(/=+$/, "");

async function post(path, body) {
  const answer = await fetch(path, {
    method: "POST",
    headers: { "Content-Type": "application/json" },
    body: JSON.stringify(body),
  });
  const said = await answer.json();
  if (!answer.ok) throw new Error(said.detail);
  return said;
}

async function signIn() {
  const options = await post("/signin/passkey/begin", {});
  const credential = await navigator.credentials.get({
    publicKey: { ...options, challenge: octets(options.challenge) },
  });
  const { response } = credential;
  const done = await post("/signin/passkey", {
    next: button.dataset.next,
    credential: {
      id: credential.id,
      rawId: text(credential.rawId),
      type: credential.type,
      response: {
        clientDataJSON: text(response.clientDataJSON),
        authenticatorData: text(response.authenticatorData),
        signature: text(response.signature),
        userHandle: response.userHandle && text(response.userHandle),
      },
    },
  });
  location.assign(done.next);
}

function complain(error) {
  // The browser says NotAllowedError when its user gave up.
  const said = error.name === "NotAllowedError" ? "no passkey was used" : error.message;
  problem.textContent = said.charAt(0).toUpperCase() + said.slice(1) + ".";
  problem.hidden = false;
}

if (button && window.PublicKeyCredential) {
  button.hidden = false;
  button.addEventListener("click", async () => {
    button.disabled = true;
    problem.hidden = true;
    try {
      await signIn();
    } catch (error) {
      complain(error);
    }
    button.disabled = false;
  });
}
