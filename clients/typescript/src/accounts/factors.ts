import type { Json } from "./json.js";
import { makePasskey, type PasskeyAttestation, type PasskeyCreationOptions } from "./passkeys.js";

export interface Factor {
  id: string;
  type: "totp" | "passkey";
  name: string;
  confirmed: boolean;
  created_at: string;
  last_used_at: string | null;
}

/** A new authenticator app: show `otpauth_uri` as a QR code, and confirm it with the first code. */
export interface NewTotp {
  id: string;
  secret: string;
  otpauth_uri: string;
}

/** Second factors. What changes them asks for a fresh session: see `whileFresh`. */
export class Factors {
  constructor(private readonly json: Json) {}

  async list(): Promise<{ items: Factor[]; recovery_codes_left: number }> {
    return this.json.get("auth/factors");
  }

  async addTotp(name?: string): Promise<NewTotp> {
    return this.json.post("auth/factors/totp", name === undefined ? {} : { name });
  }

  /** From now on a login asks for it. The recovery codes are shown once. */
  async confirmTotp(id: string, code: string): Promise<string[]> {
    const { recovery_codes: codes } = await this.json.post<{ recovery_codes: string[] }>(`auth/factors/${id}/confirm`, { code });
    return codes;
  }

  /** Ten new ones; the old ones are void. */
  async newRecoveryCodes(): Promise<string[]> {
    return (await this.json.post<{ recovery_codes: string[] }>("auth/factors/recovery-codes")).recovery_codes;
  }

  async remove(id: string): Promise<void> {
    await this.json.delete(`auth/factors/${id}`);
  }

  /** For Electron: a page for the system's browser that adds one passkey, within five minutes. */
  passkeyPage(): Promise<{ url: string; expires_in: number }> {
    return this.json.post("auth/passkeys/ticket");
  }

  passkeyOptions(): Promise<PasskeyCreationOptions> {
    return this.json.post("auth/passkeys/options");
  }

  /** `make` may be another one than the browser's own. */
  async addPasskey(
    name?: string,
    make: (options: PasskeyCreationOptions) => Promise<PasskeyAttestation> = makePasskey,
  ): Promise<Factor> {
    const credential = await make(await this.passkeyOptions());
    return this.json.post("auth/passkeys", { credential, ...(name === undefined ? {} : { name }) });
  }
}
