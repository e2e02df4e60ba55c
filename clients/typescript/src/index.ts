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
export { FingerprintMismatch, NotApproved, type Answer, type ApprovalRequest, type PendingApproval } from "./keys/approval.js";
export { CannotOpen, type Envelope, type EnvelopeKind } from "./keys/envelopes.js";
export { WeakKdf, type Kdf } from "./keys/kdf.js";
export type { MasterKey } from "./keys/master.js";
export { NotAPhrase } from "./keys/phrase.js";
export { Locked, type Keys, type KeyState, type Way } from "./keys/ring.js";
export { WeakPassword, type Argon2id } from "./keys/secrets.js";
export type { RetryOptions, Wait } from "./patience.js";
export { AdiuvaProblem, ChecksumMismatch, isProblem, OtherAccount, SignedOut, UnexpectedResponse } from "./problem.js";
export type { components, operations, paths } from "./schema.js";
export { ConnectionLost, type WebSocketClass, type WebSocketLike } from "./socket.js";
export type { SyncEngine } from "./sync/engine.js";
export type { Resync } from "./sync/feed.js";
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
export { MemoryTokens, type StoredTokens, type TokenStore } from "./tokens.js";
export { Turn, TurnFailed, type TurnOptions } from "./turn.js";
export { SourceChanged, type ByteStream, type ReadableFile, type Source } from "./uploads/source.js";
export { PART_BYTES, UploadExpired, type Uploads, type UploadProgress, type UploadState } from "./uploads/uploads.js";
export type * from "./types.js";
