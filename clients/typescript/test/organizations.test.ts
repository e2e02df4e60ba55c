import assert from "node:assert/strict";
import { test } from "node:test";
import { createAdiuvaClient, isProblem, MemoryTokens, quotaOf } from "../src/index.js";
import { problem } from "./fake_server.js";

/** A client whose requests are answered with `answers`, one after the other, and what was asked. */
function asking(...answers: Response[]) {
  const asked: string[] = [];
  const tokens = new MemoryTokens({ access_token: "a", refresh_token: "r", expires_at: Number.POSITIVE_INFINITY });
  const fetch: typeof globalThis.fetch = async (input, init) => {
    const request = new Request(input, init);
    asked.push(`${request.method} ${request.url.replace("http://fake/api/v1/", "")} ${await request.text()}`.trim());
    const answer = answers.shift();
    if (answer === undefined) throw new TypeError("fetch failed");
    return answer;
  };
  const { organizations } = createAdiuvaClient({ baseUrl: "http://fake", tokens, fetch, retry: { lostAnswers: 0 } });
  return { organizations, asked };
}

test("who is in no organisation, and one without sign-on, are no errors", async () => {
  const { organizations } = asking(problem(404, "not_found"), problem(404, "not_found"), problem(403, "permission_denied"));
  assert.equal(await organizations.current(), undefined);
  assert.equal(await organizations.sso("o"), undefined);
  await assert.rejects(organizations.sso("o"), (error) => isProblem(error, "permission_denied"));
});

test("a name that somebody typed stays one part of its path", async () => {
  const { organizations, asked } = asking(Response.json({}), new Response(null, { status: 204 }));
  await organizations.verifyDomain("o", "../../auth/me?x=1#");
  await organizations.removeMember("o", "u/../../v");
  assert.deepEqual(asked, [
    "POST organizations/o/domains/..%2F..%2Fauth%2Fme%3Fx%3D1%23/verify {}",
    "DELETE organizations/o/members/u%2F..%2F..%2Fv",
  ]);
});

test("lists are asked for page by page", async () => {
  const page = () => Response.json({ items: [], total: 0, page: 2, limit: 10 });
  const { organizations, asked } = asking(page(), page());
  await organizations.members("o");
  await organizations.scimTokens("o", { page: 2, limit: 10 });
  assert.deepEqual(asked, ["GET organizations/o/members?page=1&limit=50", "GET organizations/o/scim/tokens?page=2&limit=10"]);
});

test("seats that are used up are told as any other quota", async () => {
  const { organizations } = asking(problem(402, "quota_exceeded", { resource: "seats", limit: 5, used: 5 }));
  const error: unknown = await organizations.invite("o", { email: "ben@acme.example", role: "member" }).catch((refused: unknown) => refused);
  assert.deepEqual([quotaOf(error)?.resource, quotaOf(error)?.limit], ["seats", 5]);
});
