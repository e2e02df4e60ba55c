// panva's oidc-provider as an organisation's own: it was written by others and knows nothing of us.
//
// Each line on stdin is {do, …}, and each line on stdout its answer; it ends with stdin. What is remembered, the
// sessions above all, outlives a change of its settings, its keys and its reachability.
import { generateKeyPairSync, randomUUID } from "node:crypto";
import { createServer } from "node:http";
import { createInterface } from "node:readline";
import Provider from "oidc-provider";

console.info = console.error; // stdout is for answers

const port = Number(process.argv[2]);
const issuer = `http://127.0.0.1:${port}`;
// claimsIn: "id_token" or "userinfo"; rewritten: parameters of authorisation requests that are changed on their way in.
const settings = {
  clients: [],
  accounts: {},
  algorithm: "RS256",
  authMethod: "client_secret_basic",
  claimsIn: "id_token",
  rewritten: {},
};
const ALGORITHMS = ["RS256", "PS256", "ES256", "EdDSA"];
const MINUTES = 60;
let events = [];
let jwks = newKeys();
let provider = build();

function newKeys() {
  const pairs = [
    generateKeyPairSync("rsa", { modulusLength: 2048 }),
    generateKeyPairSync("ec", { namedCurve: "P-256" }),
    generateKeyPairSync("ed25519"),
  ];
  return { keys: pairs.map((pair) => ({ ...pair.privateKey.export({ format: "jwk" }), kid: randomUUID(), use: "sig" })) };
}

function build() {
  const built = new Provider(issuer, {
    clients: settings.clients,
    clientDefaults: {
      grant_types: ["authorization_code"],
      response_types: ["code"],
      id_token_signed_response_alg: settings.algorithm,
      token_endpoint_auth_method: settings.authMethod,
      backchannel_logout_session_required: true,
    },
    clientAuthMethods: [settings.authMethod],
    enabledJWA: { idTokenSigningAlgValues: ALGORITHMS },
    claims: { openid: ["sub"], email: ["email", "email_verified"], profile: ["name"] },
    conformIdTokenClaims: settings.claimsIn === "userinfo",
    features: {
      devInteractions: { enabled: false },
      backchannelLogout: { enabled: true },
      // Their own pages load a font from afar.
      rpInitiatedLogout: { logoutSource: askWhetherToLogOut, postLogoutSuccessSource: sayGoodbye },
    },
    pkce: { methods: ["S256"], required: () => true },
    jwks,
    cookies: {
      keys: ["signs the cookies of a test"],
      // A cookie is sent to every port of its host: ours and another provider's are on the same.
      names: { session: `session_${port}`, interaction: `interaction_${port}`, resume: `resume_${port}` },
      long: { httpOnly: true, sameSite: "lax" },
      short: { httpOnly: true, sameSite: "lax" },
    },
    interactions: { url: (_, interaction) => `/interaction/${interaction.uid}` },
    loadExistingGrant: grantAll,
    findAccount: (_, id) => (settings.accounts[id] ? { accountId: id, claims: () => ({ sub: id, ...settings.accounts[id] }) } : undefined),
    ttl: {
      AccessToken: 10 * MINUTES,
      AuthorizationCode: MINUTES,
      Grant: 60 * MINUTES,
      IdToken: 10 * MINUTES,
      Interaction: 10 * MINUTES,
      Session: 60 * MINUTES,
    },
  });
  for (const name of ["authorization.error", "grant.error", "userinfo.error", "backchannel.error", "server_error"]) {
    built.on(name, (_, error) => events.push(`${name}: ${error.message}`));
  }
  built.on("backchannel.success", (_, client, account) => events.push(`backchannel.success: ${client.clientId} ${account}`));
  return built;
}

async function grantAll(context) {
  const grant = new context.oidc.provider.Grant({
    clientId: context.oidc.client.clientId,
    accountId: context.oidc.session.accountId,
  });
  grant.addOIDCScope([...context.oidc.requestParamScopes].join(" "));
  await grant.save();
  return grant;
}

const LOGIN_PAGE = `<!doctype html><html lang="en"><title>The company's own login</title><link rel="icon" href="data:,">
<form method="post"><label>Account <input name="login"></label> <button name="go" value="in">Sign in</button>
<button name="go" value="away">Cancel</button></form></html>`;

function askWhetherToLogOut(context, form) {
  context.body = `<!doctype html><html lang="en"><title>Leave the company?</title><link rel="icon" href="data:,">${form}
<button type="submit" form="op.logoutForm" value="yes" name="logout">Sign me out</button></html>`;
}

function sayGoodbye(context) {
  context.body = `<!doctype html><html lang="en"><title>You have left the company</title><link rel="icon" href="data:,"></html>`;
}

async function interact(request, response) {
  const { prompt } = await provider.interactionDetails(request, response);
  if (request.method !== "POST") {
    response.writeHead(200, { "content-type": "text/html" }).end(LOGIN_PAGE);
    return;
  }
  let body = "";
  for await (const part of request) body += part;
  const form = new URLSearchParams(body);
  const isKnown = prompt.name === "login" && form.get("go") === "in" && form.get("login") in settings.accounts;
  const result = isKnown
    ? { login: { accountId: form.get("login") } }
    : { error: "access_denied", error_description: "nobody was signed in" };
  await provider.interactionFinished(request, response, result, { mergeWithLastSubmission: false });
}

async function serve(request, response) {
  const url = new URL(request.url, issuer);
  if (url.pathname.startsWith("/interaction/")) {
    try {
      await interact(request, response);
    } catch (error) {
      response.writeHead(400, { "content-type": "text/plain" }).end(error.message);
    }
    return;
  }
  if (url.pathname === "/auth") {
    for (const [name, value] of Object.entries(settings.rewritten)) url.searchParams.set(name, value);
    request.url = url.pathname + url.search;
  }
  await provider.callback()(request, response);
}

let listener = null;

function listen() {
  return new Promise((resolve, reject) => {
    listener = createServer(serve).on("error", reject).listen(port, "127.0.0.1", resolve);
  });
}

const COMMANDS = {
  set({ settings: changed }) {
    Object.assign(settings, changed);
    provider = build();
  },
  rotate() {
    jwks = newKeys();
    provider = build();
  },
  events() {
    const told = events;
    events = [];
    return told;
  },
  async down() {
    const closed = new Promise((resolve) => listener.close(resolve));
    listener.closeAllConnections();
    await closed;
  },
  up: listen,
};

await listen();
for await (const line of createInterface({ input: process.stdin })) {
  const command = JSON.parse(line);
  const answer = await COMMANDS[command.do](command);
  process.stdout.write(`${JSON.stringify(answer ?? null)}\n`);
}
process.exit(0);
