import type { Json } from "./accounts/json.js";
import type { OwnProvider, ProviderKind } from "./types.js";

/** Which language models there are to choose from. */
export interface ModelList {
  builtin: { model: string; default: boolean }[];
  own_key_kinds: ProviderKind[];
  /** How many the tier includes; null: as many as there are, and own keys. */
  limit: number | null;
}

/** Why a provider did not answer: the problem `upstream_error` has it as its `reason`. */
export type ProviderTrouble = "auth" | "quota" | "model" | "unreachable";

export function models(json: Json): Promise<ModelList> {
  return json.get("chat/models");
}

/** Safe to repeat: it asks the provider for a list, or for a word. */
export function testProvider(json: Json, provider: OwnProvider, model?: string, signal?: AbortSignal): Promise<{ ok: boolean; models: string[] }> {
  return json.post("chat/providers/test", { provider, ...(model === undefined ? {} : { model }) }, { signal, isRepeatable: true });
}
