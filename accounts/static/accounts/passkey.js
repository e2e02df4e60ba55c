// /account/passkey: signs the app in by a passkey, or adds one to the app's account. The texts are in the page.
"use strict";

(() => {
  const main = document.querySelector("main");
  const button = main.querySelector("button");
  const asked = main.dataset;
  const ticket = new URLSearchParams(location.hash.slice(1)).get("ticket");
  let options = null;

  class Refusal extends Error {
    constructor(status) {
      super(`answer ${status}`);
      this.status = status;
    }
  }

  const toBytes = (text) =>
    Uint8Array.from(atob(text.replace(/-/g, "+").replace(/_/g, "/")), (character) => character.charCodeAt(0));

  const toText = (buffer) =>
    btoa(String.fromCharCode(...new Uint8Array(buffer))).replace(/\+/g, "-").replace(/\//g, "_").replace(/=+$/, "");

  const describe = (list) => list.map((one) => ({ ...one, id: toBytes(one.id) }));

  async function post(path, body) {
    const answer = await fetch(asked.api + path, {
      method: "POST",
      headers: { "Content-Type": "application/json" },
      body: JSON.stringify(body),
    });
    if (!answer.ok) throw new Refusal(answer.status);
    return answer.json();
  }

  // What toJSON() gives; some password managers' credentials have no such method.
  function encode(credential) {
    const parts = ["clientDataJSON", "attestationObject", "authenticatorData", "signature", "userHandle"];
    const response = {};
    for (const part of parts) {
      // An attestation has an authenticatorData of its own, which says nothing new.
      if (part === "authenticatorData" && response.attestationObject) continue;
      const value = credential.response[part];
      if (value && value.byteLength) response[part] = toText(value);
    }
    if (credential.response.getTransports) response.transports = credential.response.getTransports();
    return {
      id: credential.id,
      rawId: toText(credential.rawId),
      type: credential.type,
      response,
      clientExtensionResults: {},
    };
  }

  async function signIn() {
    const request = await post("/login/options", {});
    const credential = await navigator.credentials.get({
      publicKey: {
        ...request,
        challenge: toBytes(request.challenge),
        allowCredentials: describe(request.allowCredentials),
      },
    });
    const answer = await post("/login/code", {
      credential: encode(credential),
      code_challenge: asked.code_challenge,
      code_challenge_method: asked.code_challenge_method,
      redirect_uri: asked.redirect_uri,
      state: asked.state,
    });
    finish();
    const back = document.getElementById("back");
    back.querySelector("a").href = answer.redirect_to;
    back.hidden = false;
    location.assign(answer.redirect_to);
  }

  async function prepare() {
    options = await post("/ticket/options", { ticket });
    const account = document.getElementById("account");
    account.querySelector("strong").textContent = options.user.name;
    account.hidden = false;
    button.disabled = false;
  }

  async function add() {
    if (!options) await prepare();
    const creation = options;
    options = null; // its challenge counts once
    const credential = await navigator.credentials.create({
      publicKey: {
        ...creation,
        challenge: toBytes(creation.challenge),
        user: { ...creation.user, id: toBytes(creation.user.id) },
        excludeCredentials: describe(creation.excludeCredentials),
      },
    });
    await post("/ticket/passkey", { ...encode(credential), ticket });
    finish();
  }

  function finish() {
    main.classList.add("good");
    for (const name of ["about", "waiting"]) document.getElementById(name).hidden = true;
    button.hidden = true;
    document.getElementById("done").hidden = false;
  }

  function nameOf(error) {
    if (error instanceof Refusal) {
      if (error.status === 401) return asked.mode === "login" ? "refused" : "expired";
      return { 409: "full", 429: "limited" }[error.status] || "failed";
    }
    if (error instanceof DOMException) {
      if (error.name === "NotAllowedError" || error.name === "AbortError") {
        return asked.mode === "login" ? "cancelled" : "unmade";
      }
      if (error.name === "InvalidStateError") return "exists";
      if (error.name === "SecurityError" || error.name === "NotSupportedError") return "unsupported";
    }
    return "failed";
  }

  function complain(name) {
    document.getElementById(`error-${name}`).hidden = false;
  }

  // Runs one step, with what it waits for and what came of it on the page.
  async function attempt(step, { waits = true } = {}) {
    for (const shown of main.querySelectorAll(".bad")) shown.hidden = true;
    button.disabled = true;
    document.getElementById("waiting").hidden = !waits;
    try {
      await step();
    } catch (error) {
      const name = nameOf(error);
      complain(name);
      button.disabled = name === "expired";
    }
    document.getElementById("waiting").hidden = true;
  }

  // The link of another ticket in the same tab loads nothing by itself.
  window.addEventListener("hashchange", () => location.reload());

  if (!window.PublicKeyCredential || !navigator.credentials) {
    button.disabled = true;
    complain("unsupported");
  } else if (asked.mode === "login") {
    button.addEventListener("click", () => attempt(signIn));
  } else if (!ticket) {
    complain("expired");
  } else {
    history.replaceState(null, "", location.pathname); // a ticket is not for the history
    button.addEventListener("click", () => attempt(add));
    attempt(prepare, { waits: false });
  }
})();
