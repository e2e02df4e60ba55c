// Shapes that the client writes down itself are those of openapi.json; what differs does not compile.
import type { components, Envelope, Factor, Kdf, NewTotp, ProblemCode, SecurityEvent, UserProfile } from "../src/index.js";
import type { KeyRequest } from "../src/keys/approval.js";

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
];
type Read = [Envelope, Factor, Kdf, KeyRequest, NewTotp, ProblemCode, SecurityEvent, UserProfile];

export const shapes = (served: Served): Read => served;
