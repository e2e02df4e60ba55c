// Shapes that the client writes down itself are those of openapi.json; what differs does not compile.
import type {
  AccountSession,
  AdiuvaClient,
  AuditEntry,
  Batch,
  ChatAction,
  ChatEvent,
  ChatRequest,
  ChatTurn,
  CheckoutPage,
  components,
  Connection,
  ConnectionChange,
  Domain,
  DoneFrame,
  Envelope,
  ExecutionPlan,
  Factor,
  Invitation,
  Invoice,
  Kdf,
  Member,
  NewTotp,
  Organization,
  OwnSubmission,
  PlanStep,
  Plugin,
  PluginDetail,
  PluginVersion,
  ProblemCode,
  RecordEntry,
  RecordPage,
  RecordVersion,
  Run,
  ScimToken,
  SecurityEvent,
  SignOnDiscovery,
  StorageQuota,
  StorageSettings,
  Subscription,
  SyncEngine,
  Tier,
  TrashEntry,
  UserProfile,
} from "../src/index.js";
import type { KeyRequest } from "../src/keys/approval.js";
import type { Earnings, InstalledPlugin, Onboarding, PluginInstallation, PluginManifest, PluginPurchase, PluginSubmission, ReportReason } from "../src/plugins.js";

type Schemas = components["schemas"];
type Served = [
  Schemas["Envelope"],
  Schemas["Factor"],
  Schemas["Kdf"],
  Schemas["KeyRequest"],
  Schemas["PendingTotp"],
  Schemas["ProblemCode"],
  Schemas["SecurityEvent"],
  Schemas["UserProfile"],
  Schemas["AuditEntry"],
  Schemas["Domain"],
  Schemas["Invitation"],
  Schemas["Member"],
  Schemas["Organization"],
  Required<Schemas["SsoConnection"]>, // what has a default in the model is optional there, and always answered
  Schemas["DiscoveryAnswer"],
  Required<Schemas["ScimToken"]>,
  Schemas["Plugin"],
  Schemas["PluginDetail"],
  Schemas["PluginVersion"],
  Schemas["Manifest"],
  Schemas["Installation"],
  Schemas["Kept"],
  Schemas["Purchase"],
  Schemas["OwnSubmission"],
  Schemas["Earnings"],
  Schemas["OnboardingState"],
  Schemas["PluginReportReasonEnum"],
];
type Read = [
  Envelope,
  Factor,
  Kdf,
  KeyRequest,
  NewTotp,
  ProblemCode,
  SecurityEvent,
  UserProfile,
  AuditEntry,
  Domain,
  Invitation,
  Member,
  Organization,
  Connection,
  SignOnDiscovery,
  ScimToken,
  Plugin,
  PluginDetail,
  PluginVersion,
  PluginManifest,
  PluginInstallation,
  InstalledPlugin,
  PluginPurchase,
  PluginSubmission,
  Earnings,
  Onboarding,
  ReportReason,
];

export const shapes = (served: Served): Read => served;

// Names that an app's author sees in an editor: each is there, and none of them is `any`, nor is anything that a client offers.
type IsAny<Type> = 0 extends 1 & Type ? true : false;
type Anys<Members> = { [Name in keyof Members]: IsAny<Members[Name]> extends true ? Name : never }[keyof Members];
type Answers<Members> = { [Name in keyof Members]: Members[Name] extends (...given: never[]) => infer Answer ? Awaited<Answer> : Members[Name] };
type Nothing<Type extends never> = Type;

interface Named {
  turn: ChatTurn;
  event: ChatEvent;
  action: ChatAction;
  request: ChatRequest;
  done: DoneFrame;
  record: RecordEntry;
  page: RecordPage;
  version: RecordVersion;
  trash: TrashEntry;
  quota: StorageQuota;
  settings: StorageSettings;
  plugin: Plugin;
  detail: PluginDetail;
  pluginVersion: PluginVersion;
  submission: OwnSubmission;
  organization: Organization;
  batch: Batch;
  run: Run;
  plan: ExecutionPlan;
  step: PlanStep;
  tier: Tier;
  subscription: Subscription;
  invoice: Invoice;
  checkout: CheckoutPage;
  session: AccountSession;
  profile: UserProfile;
  change: ConnectionChange;
}
export type NoAny = [
  Nothing<Anys<Named>>,
  Nothing<Anys<AdiuvaClient>>,
  Nothing<Anys<Answers<AdiuvaClient>>>,
  Nothing<Anys<Answers<AdiuvaClient["account"]>>>,
  Nothing<Anys<Answers<AdiuvaClient["records"]>>>,
  Nothing<Anys<Answers<AdiuvaClient["organizations"]>>>,
  Nothing<Anys<Answers<ChatTurn>>>,
  Nothing<Anys<Answers<SyncEngine>>>,
  Nothing<Anys<{ [Name in keyof Named]: Named[Name][keyof Named[Name]] }>>,
];
