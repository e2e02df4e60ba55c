import type { Json } from "../accounts/json.js";
import { isProblem } from "../problem.js";

export type Role = "owner" | "admin" | "member";

export interface Organization {
  id: string;
  name: string;
  /** How many are paid for; the owner's own counts. */
  seats: number;
  /** One's own. */
  role: Role;
}

export interface Member {
  user_id: string;
  email: string;
  role: Role;
  joined_at: string;
}

export interface Invitation {
  id: string;
  email: string;
  role: Role;
  created_at: string;
  expires_at: string;
}

/** Proven by a TXT record `txt_value` at `txt_name`. */
export interface Domain {
  domain: string;
  status: "pending" | "verified";
  txt_name: string;
  txt_value: string;
  verified_at: string | null;
}

/** A connection to a provider of OpenID Connect. `callback_url` is registered there; the client's secret is never shown. */
export interface Connection {
  issuer: string;
  client_id: string;
  just_in_time: boolean;
  enforced: boolean;
  session_hours: number;
  callback_url: string;
  updated_at: string;
}

export interface ConnectionSettings {
  issuer: string;
  client_id: string;
  /** May be left out where issuer and client stay as they are. */
  client_secret?: string;
  /** Whoever the provider names becomes a member, as long as a seat is free. Not, unless it is given. */
  just_in_time?: boolean;
  /** Members log in at the provider, and nowhere else. Not, unless it is given. */
  enforced?: boolean;
  /** From 1 to 8760; 24 unless it is given. */
  session_hours?: number;
}

export interface ScimToken {
  id: string;
  created_at: string;
  last_used_at: string | null;
}

interface Somebody {
  id: string;
  email: string;
}

export interface AuditEntry {
  id: string;
  at: string;
  /** `member_removed`, `sso_changed`, … (docs/api.md § 16); there may be more of them one day. */
  type: string;
  via: "member" | "scim" | "sso" | "operator";
  actor: Somebody | null;
  target_user: Somebody | null;
  /** A domain, an id or a role; empty where it was done to a user alone. */
  target: string;
}

export interface Page<Item> {
  items: Item[];
  total: number;
  page: number;
  limit: number;
}

export interface PageOptions {
  /** From 1. */
  page?: number;
  limit?: number;
  signal?: AbortSignal;
}

interface Signal {
  signal?: AbortSignal;
}

/** Of the team tier. Owners and admins may do most of it, anybody else is refused: `permission_denied`. */
export class Organizations {
  constructor(private readonly json: Json) {}

  /** Throws the problem `feature_not_available`, `email_not_verified`, or `conflict` for who is in one already. */
  create(name: string, { signal }: Signal = {}): Promise<Organization> {
    return this.json.post("organizations", { name }, { signal });
  }

  /** One's own; `undefined` for who is in none. */
  current({ signal }: Signal = {}): Promise<Organization | undefined> {
    return unlessMissing(this.json.get<Organization>("organizations/current", { signal }));
  }

  rename(id: string, name: string, { signal }: Signal = {}): Promise<Organization> {
    return this.json.patch(at(id), { name }, { signal, isRepeatable: true });
  }

  /** Its members stay who they are, and lose its tier. */
  delete(id: string, { signal }: Signal = {}): Promise<void> {
    return this.json.delete(at(id), undefined, { signal });
  }

  members(id: string, options: PageOptions = {}): Promise<Page<Member>> {
    return this.#page(at(id, "members"), options);
  }

  /** Throws the problem `conflict` for the last owner. */
  setRole(id: string, userId: string, role: Role, { signal }: Signal = {}): Promise<Member> {
    return this.json.patch(at(id, "members", userId), { role }, { signal, isRepeatable: true });
  }

  /** Also oneself, who leaves. Throws the problem `conflict` for the last owner. */
  removeMember(id: string, userId: string, { signal }: Signal = {}): Promise<void> {
    return this.json.delete(at(id, "members", userId), undefined, { signal });
  }

  /** Those that are pending, newest first. */
  invitations(id: string, options: PageOptions = {}): Promise<Page<Invitation>> {
    return this.#page(at(id, "invitations"), options);
  }

  /** A mail leaves. An address that is invited again has one invitation, the new one. Throws the problem `quota_exceeded` (`quotaOf`). */
  invite(id: string, invitation: { email: string; role: Role }, { signal }: Signal = {}): Promise<Invitation> {
    return this.json.post(at(id, "invitations"), invitation, { signal });
  }

  /** Its link is dead. */
  revokeInvitation(id: string, invitationId: string, { signal }: Signal = {}): Promise<void> {
    return this.json.delete(at(id, "invitations", invitationId), undefined, { signal });
  }

  /** With the token of the mail, by the account that it was sent to. */
  accept(token: string, { signal }: Signal = {}): Promise<Organization> {
    return this.json.post("invitations/accept", { token }, { signal });
  }

  domains(id: string, options: PageOptions = {}): Promise<Page<Domain>> {
    return this.#page(at(id, "domains"), options);
  }

  /** Pending, until its TXT record is there and `verifyDomain` has seen it. */
  addDomain(id: string, domain: string, { signal }: Signal = {}): Promise<Domain> {
    return this.json.post(at(id, "domains"), { domain }, { signal });
  }

  /** Throws the problem `domain_not_verified`: a new record may take a while until it is seen. */
  verifyDomain(id: string, domain: string, { signal }: Signal = {}): Promise<Domain> {
    return this.json.post(at(id, "domains", domain, "verify"), {}, { signal, isRepeatable: true });
  }

  removeDomain(id: string, domain: string, { signal }: Signal = {}): Promise<void> {
    return this.json.delete(at(id, "domains", domain), undefined, { signal });
  }

  /** `undefined` where there is no sign-on. */
  sso(id: string, { signal }: Signal = {}): Promise<Connection | undefined> {
    return unlessMissing(this.json.get<Connection>(at(id, "sso"), { signal }));
  }

  /** Runs the provider's discovery: what is wrong with it is `validation_error` on `issuer`. */
  setSso(id: string, settings: ConnectionSettings, { signal }: Signal = {}): Promise<Connection> {
    return this.json.put(at(id, "sso"), settings, { signal });
  }

  /** Who is linked to it is linked no more. */
  removeSso(id: string, { signal }: Signal = {}): Promise<void> {
    return this.json.delete(at(id, "sso"), undefined, { signal });
  }

  /** Eight, shown once; the old ones are void. Asks for a fresh session: see `whileFresh`. */
  async breakGlass(id: string, { signal }: Signal = {}): Promise<string[]> {
    return (await this.json.post<{ codes: string[] }>(at(id, "sso", "break-glass"), {}, { signal })).codes;
  }

  scimTokens(id: string, options: PageOptions = {}): Promise<Page<ScimToken>> {
    return this.#page(at(id, "scim", "tokens"), options);
  }

  /** For the directory; `token` is shown once. */
  makeScimToken(id: string, { signal }: Signal = {}): Promise<{ id: string; token: string }> {
    return this.json.post(at(id, "scim", "tokens"), {}, { signal });
  }

  revokeScimToken(id: string, tokenId: string, { signal }: Signal = {}): Promise<void> {
    return this.json.delete(at(id, "scim", "tokens", tokenId), undefined, { signal });
  }

  /** Who did what, newest first. */
  audit(id: string, options: PageOptions = {}): Promise<Page<AuditEntry>> {
    return this.#page(at(id, "audit"), options);
  }

  #page<Item>(path: string, { page = 1, limit = 50, signal }: PageOptions): Promise<Page<Item>> {
    return this.json.get(`${path}?page=${page}&limit=${limit}`, { signal });
  }
}

function at(...names: string[]): string {
  return ["organizations", ...names.map(encodeURIComponent)].join("/");
}

async function unlessMissing<Value>(answer: Promise<Value>): Promise<Value | undefined> {
  try {
    return await answer;
  } catch (error) {
    if (!isProblem(error, "not_found")) throw error;
    return undefined;
  }
}
