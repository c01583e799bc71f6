// A real, certified OpenID Connect provider, and a hand on it for tests: it can be told to lie.
//
// The provider itself is never changed: what it answers is changed on its way out, as somebody between us
// and it could, or as a provider with a fault would. POST /-/set takes a JSON object, merged into `orders`
// below; POST /-/reset forgets them all; POST /-/rotate gives it new keys; GET /-/seen lists what it was asked.

import http from "node:http";
import { once } from "node:events";
import Provider from "oidc-provider";
import * as jose from "jose";

const CLIENT = { id: "feedsrv", secret: "s3cr+t/with=%20strange:letters" };
const fresh = () => ({
  accounts: { anna: { preferred_username: "anna", name: "Anna Ahlgren", email: "anna@example.com",
    email_verified: true, groups: ["authors"] } },
  redirectUris: ["http://localhost/signin/callback"],
  backchannel: null,        // where to tell that somebody signed out
  method: "client_secret_basic",
  brief: true,              // claims at userinfo only, as the specification would have it
  discovery: {},            // members to replace; null takes one away
  idToken: null,            // { claims, header, sign: "none" | "HS256" | "HS256-public" | "stranger" | "garbage" }
  tokenAnswer: null,        // members to replace in what the token endpoint says
  userinfo: {},             // members to replace
  answers: {},              // by path: { status, headers, body, delay, drip }
  silentIss: false,         // leave `iss` out of the answer in the browser
});
let orders = fresh();
let keys = [];
let provider;
let issuer;
const seen = [];

async function newKey(use = "sig") {
  const { privateKey } = await jose.generateKeyPair("RS256", { extractable: true, modulusLength: 2048 });
  const key = await jose.exportJWK(privateKey);
  return { ...key, use, alg: "RS256", kid: await jose.calculateJwkThumbprint(key) };
}

function build() {
  provider = new Provider(issuer, {
    clients: [{
      client_id: CLIENT.id,
      client_secret: CLIENT.secret,
      token_endpoint_auth_method: orders.method,
      redirect_uris: orders.redirectUris,
      post_logout_redirect_uris: [],
      ...(orders.backchannel
        ? { backchannel_logout_uri: orders.backchannel, backchannel_logout_session_required: true } : {}),
    }],
    jwks: { keys },
    cookies: { keys: ["cookies of the tests' provider"] },
    claims: { openid: ["sub", "groups"], profile: ["name", "preferred_username"],
      email: ["email", "email_verified"] },
    conformIdTokenClaims: orders.brief,
    features: { devInteractions: { enabled: false }, backchannelLogout: { enabled: true } },
    // It refuses to tell anybody at a private address; here everybody is on this machine.
    fetch: (url, { dispatcher, ...options }) => fetch(url, options),
    interactions: { url: (ctx, interaction) => `/interaction/${interaction.uid}` },
    ttl: { AccessToken: 600, AuthorizationCode: 60, IdToken: 600, Interaction: 600, Session: 3600, Grant: 3600 },
    async findAccount(ctx, id) {
      const account = orders.accounts[id];
      return account && { accountId: id, claims: async () => ({ sub: id, ...account }) };
    },
    // Nobody is asked for consent: the provider and this service belong to one house.
    async loadExistingGrant(ctx) {
      const grant = new ctx.oidc.provider.Grant({
        clientId: ctx.oidc.client.clientId, accountId: ctx.oidc.session.accountId,
      });
      grant.addOIDCScope("openid profile email");
      await grant.save();
      return grant;
    },
  });
  provider.on("server_error", (ctx, error) => console.error(error));
  provider.on("backchannel.error", (ctx, error) => console.error(error));
}

async function forge(token) {
  const order = orders.idToken;
  if (!order || !token) return token;
  if (order.sign === "garbage") return "not.a.token";
  const claims = { ...jose.decodeJwt(token), ...order.claims };
  for (const [name, value] of Object.entries(claims)) if (value === null) delete claims[name];
  const key = keys[0];
  const header = { ...jose.decodeProtectedHeader(token), ...order.header };
  const coded = (value) => jose.base64url.encode(JSON.stringify(value));
  if (order.sign === "none") return `${coded({ ...header, alg: "none" })}.${coded(claims)}.`;
  const made = new jose.SignJWT(claims);
  if (order.sign === "HS256")
    return made.setProtectedHeader({ ...header, alg: "HS256" }).sign(new TextEncoder().encode(CLIENT.secret));
  if (order.sign === "HS256-public") {
    // The public key as a shared secret: what a careless verifier would take.
    const text = await jose.exportSPKI(await jose.importJWK({ kty: key.kty, n: key.n, e: key.e, alg: "RS256" }));
    return made.setProtectedHeader({ ...header, alg: "HS256" }).sign(new TextEncoder().encode(text));
  }
  const signer = order.sign === "stranger" ? await newKey() : key;
  return made.setProtectedHeader(header).sign(await jose.importJWK(signer, "RS256"));
}

const merged = (words, orders) => {
  const made = { ...words, ...orders };
  for (const [name, value] of Object.entries(made)) if (value === null) delete made[name];
  return made;
};

async function changed(path, body) {
  if (path === "/.well-known/openid-configuration") return merged(body, orders.discovery);
  if (path === "/me") return merged(body, orders.userinfo);
  if (path === "/token") {
    const answer = merged(body, orders.tokenAnswer ?? {});
    if (answer.id_token) answer.id_token = await forge(answer.id_token);
    return answer;
  }
  return body;
}

// What the provider writes is held back, so that it can be changed before it leaves.
function ask(request, response, path) {
  return new Promise((resolve) => {
    const pieces = [];
    const end = response.end.bind(response);
    response.write = (piece) => pieces.push(Buffer.from(piece));
    response.end = (piece) => {
      if (piece) pieces.push(Buffer.from(piece));
      resolve({ body: Buffer.concat(pieces), end });
    };
    provider.callback()(request, response);
  });
}

async function interact(request, response) {
  const details = await provider.interactionDetails(request, response);
  if (request.method === "GET") {
    response.setHeader("content-type", "text/html");
    return response.end(`<!DOCTYPE html><html lang="en"><title>Provider</title>
      <form method="post"><label>Account <input name="account"></label>
      <button name="act" value="go">Continue</button><button name="act" value="stop">Cancel</button></form></html>`);
  }
  const form = new URLSearchParams(await text(request));
  const result = form.get("act") === "stop"
    ? { error: "access_denied", error_description: "End-User aborted <b>interaction</b>" }
    : { login: { accountId: form.get("account") } };
  return provider.interactionFinished(request, response, result, { mergeWithLastSubmission: false });
}

async function text(request) {
  const pieces = [];
  for await (const piece of request) pieces.push(piece);
  return Buffer.concat(pieces).toString();
}

async function ordered(request, response, path) {
  const said = (body) => { response.setHeader("content-type", "application/json"); response.end(JSON.stringify(body)); };
  if (path === "/-/set") { orders = { ...orders, ...JSON.parse(await text(request)) }; build(); return said({}); }
  if (path === "/-/reset") { orders = fresh(); seen.length = 0; build(); return said({}); }
  if (path === "/-/rotate") { keys = [await newKey()]; build(); return said({}); }
  if (path === "/-/seen") return said(seen);
  if (path === "/-/mint") {
    // Any token, signed by the provider's own key: what its other services would be sent.
    const { claims, header } = JSON.parse(await text(request));
    const key = await jose.importJWK(keys[0], "RS256");
    return said({ token: await new jose.SignJWT(claims)
      .setProtectedHeader({ alg: "RS256", kid: keys[0].kid, ...header }).sign(key) });
  }
  response.statusCode = 404;
  return said({});
}

async function answer(request, response) {
  const path = new URL(request.url, issuer).pathname;
  if (path.startsWith("/-/")) return ordered(request, response, path);
  seen.push(`${request.method} ${path}`);
  const order = orders.answers[path];
  if (order) {
    await new Promise((resume) => setTimeout(resume, order.delay ?? 0));
    response.writeHead(order.status ?? 200, { "content-type": "application/json", ...order.headers });
    if (order.drip) {
      const timer = setInterval(() => response.write(" "), order.drip);
      return response.on("close", () => clearInterval(timer));
    }
    return response.end(order.size ? " ".repeat(order.size) : order.body ?? "");
  }
  if (path.startsWith("/interaction/")) return interact(request, response);
  const { body, end } = await ask(request, response, path);
  const location = response.getHeader("location");
  if (orders.silentIss && location && new URL(location, issuer).searchParams.has("iss")) {
    const address = new URL(location, issuer);
    address.searchParams.delete("iss");
    response.setHeader("location", address.href);
  }
  let out = body;
  if (String(response.getHeader("content-type")).includes("json") && body.length) {
    out = Buffer.from(JSON.stringify(await changed(path, JSON.parse(body))));
    response.setHeader("content-length", out.length);
  }
  return end(out);
}

const server = http.createServer((request, response) => {
  answer(request, response).catch((error) => {
    console.error(error);
    if (!response.headersSent) response.statusCode = 500;
    response.end();
  });
});
server.listen(Number(process.argv[2] ?? 0), "127.0.0.1");
await once(server, "listening");
issuer = `http://127.0.0.1:${server.address().port}`;
keys = [await newKey()];
build();
console.log(`listening ${server.address().port}`);
// It ends with whoever started it: that end of the pipe closes however a test run dies.
process.stdin.on("end", () => process.exit(0)).resume();
