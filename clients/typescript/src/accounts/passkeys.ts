/** WebAuthn level 3's JSON: `PublicKeyCredentialCreationOptionsJSON`, `PublicKeyCredentialRequestOptionsJSON`, `toJSON()`. */
export type PasskeyCreationOptions = { challenge: string; rp: { id?: string; name: string } } & Record<string, unknown>;
export type PasskeyRequestOptions = { challenge: string; rpId?: string } & Record<string, unknown>;
export type PasskeyAttestation = { id: string; rawId: string; type: string } & Record<string, unknown>;
export type PasskeyAssertion = { id: string; rawId: string; type: string } & Record<string, unknown>;

interface JsonCredential extends Credential {
  toJSON(): unknown;
}

interface JsonWebAuthn {
  parseCreationOptionsFromJSON(options: object): PublicKeyCredentialCreationOptions;
  parseRequestOptionsFromJSON(options: object): PublicKeyCredentialRequestOptions;
}

const webAuthn = (): JsonWebAuthn => (globalThis as unknown as { PublicKeyCredential: JsonWebAuthn }).PublicKeyCredential;

/** In a page of the relying party's: lets the browser make a passkey. */
export async function makePasskey(options: PasskeyCreationOptions): Promise<PasskeyAttestation> {
  const publicKey = webAuthn().parseCreationOptionsFromJSON(options);
  return ((await navigator.credentials.create({ publicKey })) as JsonCredential).toJSON() as PasskeyAttestation;
}

/** In a page of the relying party's: lets the browser ask for one. In Electron use `client.passkeyHandOff`. */
export async function askForPasskey(options: PasskeyRequestOptions): Promise<PasskeyAssertion> {
  const publicKey = webAuthn().parseRequestOptionsFromJSON(options);
  return ((await navigator.credentials.get({ publicKey })) as JsonCredential).toJSON() as PasskeyAssertion;
}
