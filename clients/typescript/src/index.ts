export type { Account, Locale, SecurityEvent } from "./accounts/account.js";
export type { Credentials, LoggedIn, LoginOptions } from "./accounts/authentication.js";
export { ExportChanged, type ExportOptions } from "./accounts/export.js";
export type { Factor, Factors, NewTotp } from "./accounts/factors.js";
export { whileFresh } from "./accounts/fresh.js";
export { HandOffFailed, type HandOff } from "./accounts/handoff.js";
export { MemoryAccounts, PlainPasswordRefused, type AccountStore, type KnownAccount } from "./accounts/identity.js";
export {
  askForPasskey,
  makePasskey,
  type PasskeyAssertion,
  type PasskeyAttestation,
  type PasskeyCreationOptions,
  type PasskeyRequestOptions,
} from "./accounts/passkeys.js";
export { SecondFactorRequired, type FactorMethod, type Proof } from "./accounts/second_factor.js";
export { ok, type Api } from "./api.js";
export { fromBase64, sha256, toBase64, type Sealed } from "./bytes.js";
export type { Backups, Restored, RestoreOptions, StreamOptions } from "./backups/backups.js";
export type { Sink, WritableFile } from "./backups/sink.js";
export type {
  Batch,
  Batches,
  BatchList,
  BatchState,
  BuildRequest,
  Built,
  ItemCounts,
  Outcome,
  Run,
  RunResult,
  Seal,
  SealedBatch,
} from "./batches/batches.js";
export type { ActionApproval, BatchHost, BatchRecord, Ending, RunEvent, RunInfo } from "./batches/host.js";
export { MemoryBatchStore, type BatchStore, type ItemState, type Journal, type JournalRun } from "./batches/journal.js";
export { UnknownSchedule } from "./batches/rrules.js";
export type { BatchRunner, RunnerOptions } from "./batches/runner.js";
export { dueTimes, newestDue, nextDue } from "./batches/schedules.js";
export { NotRun } from "./batches/slots.js";
export {
  readSpec,
  UnknownSpec,
  type Approval,
  type BatchSpec,
  type Condition,
  type Limits,
  type Op,
  type ScheduleTrigger,
  type Selection,
  type Step,
  type Table,
  type Trigger,
  type TriggerKind,
} from "./batches/spec.js";
export { meets, select, type Moment, type RecordFields } from "./batches/where.js";
export type { Downloaded, Packages, Records, Written } from "./blobs.js";
export { ChatSocket, type ChatOptions, type ClientTool } from "./chat.js";
export {
  AdiuvaClient,
  conflictingEtag,
  createAdiuvaClient,
  idempotencyKey,
  type ClientOptions,
} from "./client.js";
export type { Clock } from "./clock.js";
export type { ConnectionChange, ConnectionListener, ConnectionState } from "./connectivity.js";
export { FingerprintMismatch, NotApproved, type Answer, type ApprovalRequest, type PendingApproval } from "./keys/approval.js";
export { CannotOpen, type Envelope, type EnvelopeKind } from "./keys/envelopes.js";
export { WeakKdf, type Kdf } from "./keys/kdf.js";
export type { MasterKey } from "./keys/master.js";
export { NotAPhrase } from "./keys/phrase.js";
export { Locked, type Keys, type KeyState, type Way } from "./keys/ring.js";
export { WeakPassword, type Argon2id } from "./keys/secrets.js";
export { Vault } from "./keys/vault.js";
export type { MapItem, MapOptions, MapProgress, MapResult, MapRun } from "./map.js";
export type { ModelList, ProviderTrouble } from "./models.js";
export type { LoopbackPage } from "./organizations/loopback.js";
export type {
  AuditEntry,
  Connection,
  ConnectionSettings,
  Domain,
  Invitation,
  Member,
  Organization,
  Organizations,
  Page,
  PageOptions,
  Role,
  ScimToken,
} from "./organizations/organizations.js";
export { SignInError, type SignInErrorCode } from "./organizations/sign_in_error.js";
export type { PendingSignOn, SignInOptions, SignOnDiscovery, SignOnTarget } from "./organizations/sign_on.js";
export {
  checkoutUrlOf,
  checksOf,
  type Earnings,
  type EarningsFigures,
  type InstalledPlugin,
  type Onboarding,
  type Plugin,
  type PluginCheck,
  type PluginDetail,
  type PluginInstallation,
  type PluginManifest,
  type PluginPermission,
  type PluginPurchase,
  type Plugins,
  type PluginSearch,
  type PluginStatus,
  type PluginSubmission,
  type PluginVersion,
  type ReportReason,
  type ReviewMessage,
} from "./plugins.js";
export type { RetryOptions, Wait } from "./patience.js";
export { AdiuvaProblem, ChecksumMismatch, isProblem, OtherAccount, quotaOf, SignedOut, UnexpectedResponse, type SignedOutReason } from "./problem.js";
export type { components, operations, paths } from "./schema.js";
export { ConnectionLost, NoWebSocket, type WebSocketClass, type WebSocketLike } from "./socket.js";
export type { SyncEngine } from "./sync/engine.js";
export type { Resync } from "./sync/feed.js";
export { IndexedDbStore } from "./sync/indexeddb_store.js";
export type { Hint } from "./sync/hints.js";
export type { LiveOptions } from "./sync/live.js";
export type { Lock, LockName } from "./sync/lock.js";
export type { Conflict, Decision, Progress, SyncOptions, SyncResult } from "./sync/run.js";
export {
  isUnsent,
  MemoryStore,
  type DeviceStore,
  type LocalRecord,
  type Pending,
  type ResyncRule,
  type Saving,
  type ServerState,
  type StoreChanges,
  type SyncState,
} from "./sync/store.js";
export { AdiuvaTimeoutError, type TimedOut, type Timeouts } from "./timeouts.js";
export { MemoryTokens, type StoredTokens, type TokenStore } from "./tokens.js";
export { Turn, TurnFailed, type ChatTurn, type TurnOptions } from "./turn.js";
export { SourceChanged, type ByteStream, type ReadableFile, type Source } from "./uploads/source.js";
export { PART_BYTES, UploadExpired, type Uploads, type UploadProgress, type UploadState } from "./uploads/uploads.js";
export { WebAccounts, WebTokens } from "./web_storage.js";
export type * from "./types.js";
