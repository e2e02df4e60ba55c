import type { Json } from "./accounts/json.js";
import type { Abortable, Downloaded, Packages } from "./blobs.js";
import type { Page, PageOptions } from "./organizations/organizations.js";
import { isProblem } from "./problem.js";
import type { Transport } from "./transport.js";

export type PluginPermission = `${"read" | "write"}:${"tasks" | "projects" | "notes" | "checkpoints" | "calendar"}`;
export type PluginStatus = "pending_review" | "approved" | "rejected" | "withdrawn" | "taken_down";
export type ReportReason = "malware" | "privacy" | "broken" | "copyright" | "other";

export interface PluginManifest {
  /** `^[a-z0-9-]+$`, at most 64 characters. */
  id: string;
  name: string;
  /** Semantic Versioning 2.0.0, higher than all that were submitted before. */
  version: string;
  description: string;
  category: string;
  /** 0, which is free, or 50 to 100000. */
  price_cents: number;
  permissions: PluginPermission[];
  /** A path in the package. */
  entrypoint: string;
}

export interface Plugin {
  id: string;
  name: string;
  description: string;
  /** The live one. */
  version: string;
  /** A public name, never an address. */
  author: string;
  category: string;
  price_cents: number;
  currency: string;
  permissions: PluginPermission[];
  install_count: number;
  /** 0 without any rating. */
  avg_rating: number;
  rating_count: number;
  /** By oneself, now. */
  installed: boolean;
}

export interface PluginVersion {
  version: string;
  published_at: string;
  permissions: PluginPermission[];
  package_checksum: string;
  package_size_bytes: number;
}

export interface PluginDetail extends Plugin {
  /** Of the live version. */
  manifest: PluginManifest;
  /** The approved ones, the newest first. */
  versions: PluginVersion[];
  package_checksum: string;
}

export interface PluginInstallation {
  plugin_id: string;
  version: string;
  /** Those that were agreed to. */
  permissions: PluginPermission[];
  installed_at: string;
  /** What was paid for it; 0 where it was free. */
  amount_cents: number;
}

export interface InstalledPlugin {
  plugin_id: string;
  version: string;
  /** The live one; `null` where nothing is live. */
  latest_version: string | null;
  permissions: PluginPermission[];
  /** What the live version asks for beyond them: ask the user, then `install` again. */
  permissions_added: PluginPermission[];
  installed_at: string;
  /** Why it was taken down, for the user to read; `author` where its author has withdrawn it; `null` where nothing is wrong. */
  withdrawn_reason: string | null;
}

export interface PluginPurchase {
  plugin_id: string;
  amount_cents: number;
  currency: string;
  purchased_at: string;
  /** All of it ends the purchase. */
  refunded_cents: number;
  receipt_url: string | null;
}

export interface PluginCheck {
  code: string;
  passed: boolean;
  message: string;
  /** What was found, and where. */
  evidence: string[];
  /** `shadow`: it reports, and nothing is refused for it. */
  mode: "enforced" | "shadow";
}

export interface ReviewMessage {
  side: "review" | "author";
  text: string;
  written_at: string;
}

export interface PluginSubmission {
  id: string;
  name: string;
  version: string;
  status: PluginStatus;
  /** It is what the catalog shows. */
  live: boolean;
  checks: PluginCheck[];
  package_checksum: string;
  submitted_at: string;
  decided_at: string | null;
  reason_code: string | null;
  reason: string | null;
  /** What reviewers ask and one's own answers, the oldest first. */
  messages: ReviewMessage[];
}

export interface EarningsFigures {
  gross_cents: number;
  developer_share_cents: number;
  platform_share_cents: number;
  paid_cents: number;
  pending_cents: number;
  sales: number;
  refunds: number;
  refunded_cents: number;
}

export interface Earnings extends EarningsFigures {
  by_plugin: (EarningsFigures & { plugin_id: string; name: string })[];
}

export interface Onboarding {
  /** Only `ready` is paid; `restricted`: Stripe has disabled something after details were given. */
  state: "none" | "pending" | "restricted" | "ready";
  /** Stripe's names of what is due. */
  requirements: string[];
  disabled_reason: string | null;
}

export interface PluginSearch extends PageOptions {
  category?: string;
  /** Words that it has, or that begin some of its words. */
  q?: string;
  sort?: "rating" | "installs" | "newest";
}

interface Signal {
  signal?: AbortSignal;
}

/**
 * The marketplace. `list`, `get`, `rate` and `install` are of the power and team tiers, anybody else is refused:
 * `feature_not_available`. What was bought, and one's own, is there on every tier. Whatever was taken down is the problem
 * `taken_down`, with the public `reason`.
 */
export class Plugins {
  constructor(
    private readonly url: string,
    private readonly transport: Transport,
    private readonly json: Json,
    private readonly packages: Packages,
  ) {}

  list({ category, q, sort, ...options }: PluginSearch = {}): Promise<Page<Plugin>> {
    return this.#page("plugins", options, { category, q, sort });
  }

  get(id: string, { signal }: Signal = {}): Promise<PluginDetail> {
    return this.json.get(at(id), { signal });
  }

  /**
   * The live version with its permissions; buys what costs something, once, however often it is asked for. Where there is a
   * page to pay on, the problem is `payment_required`: open `checkoutUrlOf(error)`, and call it again.
   */
  install(id: string, { signal }: Signal = {}): Promise<PluginInstallation> {
    return this.json.post(at(id, "install"), {}, { signal, isRepeatable: true });
  }

  /** What is gone already (an answer may have been lost) is no error. A purchase is kept. */
  async uninstall(id: string, { signal }: Signal = {}): Promise<void> {
    try {
      await this.json.delete(at(id, "install"), undefined, { signal });
    } catch (error) {
      if (!isProblem(error, "not_found")) throw error;
    }
  }

  /** With what has become of each, the newest first. */
  installed(options: PageOptions = {}): Promise<Page<InstalledPlugin>> {
    return this.#page("plugins/installed", options);
  }

  /** Paid, and paid back, the newest first. */
  purchases(options: PageOptions = {}): Promise<Page<PluginPurchase>> {
    return this.#page("plugins/purchases", options);
  }

  /** The package of an installed plugin, of the version that the server chooses unless one is named. Throws `ChecksumMismatch`. */
  package(id: string, options: { version?: string } & Signal = {}): Promise<Downloaded> {
    return this.packages.fetch(encodeURIComponent(id), options);
  }

  /** To the reviewers, never to the author; `other` asks for a text. Throws the problem `conflict` while an earlier one is open. */
  async report(id: string, report: { reason: ReportReason; text?: string }, { signal }: Signal = {}): Promise<void> {
    await this.json.post(at(id, "reports"), report, { signal });
  }

  /** One to five stars, of what one has or had installed; the last one counts. */
  rate(id: string, stars: number, { signal }: Signal = {}): Promise<{ plugin_id: string; stars: number; avg_rating: number; rating_count: number }> {
    return this.json.put(at(id, "rating"), { stars }, { signal });
  }

  /**
   * A new plugin, or a new version of one's own; `package` is a zip. Throws the problem `checks_failed` (`checksOf`), or
   * `conflict` for a version that was submitted before: after a lost answer look at `mine`.
   */
  async submit(
    manifest: PluginManifest,
    { package: zip, signal, timeout }: { package: Uint8Array<ArrayBuffer> | ArrayBuffer | Blob } & Abortable,
  ): Promise<Pick<PluginSubmission, "id" | "version" | "status" | "checks">> {
    const form = new FormData();
    form.set("manifest", JSON.stringify(manifest));
    form.set("package", zip instanceof Blob ? zip : new Blob([zip]), "package.zip");
    const init = { method: "POST", body: form, signal: signal ?? null };
    const response = await this.transport.send(() => new Request(`${this.url}/api/v1/plugins`, init), { timeout });
    return (await response.json()) as Pick<PluginSubmission, "id" | "version" | "status" | "checks">;
  }

  /** One's own submissions, the newest first. */
  mine(options: PageOptions = {}): Promise<Page<PluginSubmission>> {
    return this.#page("plugins/mine", options);
  }

  /** The version before it is live again. It never returns; a higher one may be submitted. */
  withdraw(id: string, version: string, { signal }: Signal = {}): Promise<PluginSubmission> {
    return this.json.post(at(id, "versions", version, "withdraw"), {}, { signal });
  }

  /** To a reviewer's question. Throws the problem `conflict` where none is open. */
  answer(id: string, version: string, text: string, { signal }: Signal = {}): Promise<ReviewMessage> {
    return this.json.post(at(id, "versions", version, "messages"), { text }, { signal });
  }

  /** `period`: a month by UTC, `2026-11`; all time without one. */
  earnings({ period, signal }: { period?: string } & Signal = {}): Promise<Earnings> {
    return this.json.get(`plugins/earnings${queryOf({ period })}`, { signal });
  }

  /** Whether one can be paid, and why not. */
  onboarding({ signal }: Signal = {}): Promise<Onboarding> {
    return this.json.get("plugins/onboarding", { signal });
  }

  /** Stripe's page to begin or to continue at: to be opened in a browser, once, within minutes. */
  async beginOnboarding({ signal }: Signal = {}): Promise<string> {
    const begun = await this.json.post<{ onboarding_url: string }>("plugins/onboarding", {}, { signal, isRepeatable: true });
    return begun.onboarding_url;
  }

  #page<Item>(path: string, { page, limit, signal }: PageOptions, filter: Record<string, string | undefined> = {}): Promise<Page<Item>> {
    return this.json.get(path + queryOf({ ...filter, page, limit }), { signal });
  }
}

/** The page to pay on, where `error` says that a plugin has to be paid for; `undefined` for any other error. */
export function checkoutUrlOf(error: unknown): string | undefined {
  return isProblem(error, "payment_required") ? (error.problem.checkout_url ?? undefined) : undefined;
}

/** What the machine's checks say, where `error` is a refused submission; `undefined` for any other error. */
export function checksOf(error: unknown): PluginCheck[] | undefined {
  return isProblem(error, "checks_failed") ? (error.problem.checks as unknown as PluginCheck[]) : undefined;
}

function at(...names: string[]): string {
  return ["plugins", ...names.map(encodeURIComponent)].join("/");
}

function queryOf(values: Record<string, string | number | undefined>): string {
  const query = new URLSearchParams();
  for (const [name, value] of Object.entries(values)) if (value !== undefined) query.set(name, String(value));
  return query.size === 0 ? "" : `?${query}`;
}
