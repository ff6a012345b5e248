// The API's types by short names, with what its description leaves open.
import type { components } from "./schema";

type Schemas = components["schemas"];

export type State =
  "ok" | "ok_differs" | "propagating" | "missing" | "wrong" | "conflict" | "unknown" | "not_applicable";
export type Requirement = "required" | "recommended" | "optional" | "not_applicable";
export type DomainState = Badge["state"];
export type Outcome = "done" | "kept" | "skipped" | "failed";
export type Action = "create" | "change" | "keep" | "delete";

export type Account = Schemas["Account"];
export type AccountSending = Schemas["AccountSending"];
export type Alias = Schemas["Alias"];
export type AppPassword = Schemas["AppPassword"];
export type Badge = Schemas["Badge"];
export type BounceTotal = Schemas["BounceTotal"];
export type Certificate = Schemas["Certificate"];
export type Change = Schemas["Change"];
export type Connection = Schemas["Connection"];
export type Domain = Schemas["Domain"];
export type DomainSettings = Schemas["DomainSettings"];
export type Entry = Schemas["Entry"];
export type Finding = Schemas["Finding"];
export type Instructions = Schemas["Instructions"];
export type Key = Schemas["Key"];
export type ListMember = Schemas["ListMember"];
export type MailingList = Schemas["MailingList"];
export type Me = Schemas["Me"];
export type MX = Schemas["MX"];
export type MXPreview = Schemas["MXPreview"];
export type Passkey = Schemas["Passkey"];
export type Preview = Schemas["Preview"];
export type Probe = Schemas["Probe"];
export type ProviderInfo = Schemas["ProviderInfo"];
export type Publication = Schemas["Publication"];
export type RecordPlan = Schemas["Record"];
export type Report = Schemas["Report"];
export type Result = Schemas["Result"];
export type SecondFactor = Schemas["SecondFactor"];
export type Server = Schemas["Server"];
export type Suppression = Schemas["Suppression"];
export type Trouble = Schemas["Trouble"];
export type Value = Schemas["Value"];
export type WebSession = Schemas["WebSession"];

export type DomainPolicies = Schemas["DomainPolicies"];
export type DomainReports = Schemas["DomainReports"];
export type Loss = Schemas["LadderLoss"];
export type ReportDay = Schemas["ReportDay"];
export type Reporter = Schemas["Reporter"];
export type ReportRow = Schemas["ReportRow"];
export type ReportSource = Schemas["ReportSource"];
export type Story = Schemas["ExplainStory"];
export type Sender = Schemas["Sender"];
export type Simulated = Schemas["Simulated"];

/** A ladder, with what may be missing of it. */
export type Ladder = Omit<Schemas["Ladder"], "back" | "proof" | "watch"> & {
  back: Schemas["Back"] | null;
  proof: Schemas["Proof"] | null;
  watch: Schemas["Watch"] | null;
};

/** A planned record before and after; one of them is missing when it comes or goes. */
export interface Difference {
  action: "create" | "change" | "delete";
  before: RecordPlan | null;
  after: RecordPlan | null;
}
