// Electron's main process: an address is asked for, and then whatever its organisation wants.
//
//   ipcMain.handle("sign-in", (_event, email: string) => signIn(client, email, screens, shell.openExternal));
//
// A renderer shows a screen and gives back what was typed; tokens stay in this process, sealed with safeStorage.
import { isProblem, SecondFactorRequired, SignInError, type AdiuvaClient, type LoggedIn, type SignOnTarget } from "../src/index.js";

/** What a window shows, in the app's languages. */
export const TEXTS = {
  browser: "Your browser has opened. Sign in there, and come back.",
  password: "Your password, please.",
  code: "A code of your authenticator, please.",
  sso_required: "Your organisation asks you to sign in with its provider. Your browser has opened.",
  session_over: "Your organisation asks you to sign in again. Everything on this device is still here.",
  link_required:
    "You already have an Adiuva account with this address. Its password, once, links it to your organisation; your browser opens again then.",
  linked: "Your account is linked. From now on you sign in with your organisation.",
  not_provisioned: "You are not a member of this organisation. One of its admins can invite you.",
  email_not_verified: "Your organisation's provider does not vouch for your address. Its admins can mend that.",
  access_denied: "You have not been signed in. Try again, or ask your organisation.",
  unavailable: "Your organisation's provider does not answer. Try again in a while.",
  timeout: "Nobody came back from the browser. Try again.",
  // Signing in unlocks nothing: the next screen is one of these, unless the keys are `unlocked`.
  first_key: "You are signed in. Write down the 24 words that follow: they open your data on your next device.", // keys.start()
  locked: "You are signed in. Your recovery phrase, or another device of yours, opens what is stored.", // keys.unlock, keys.requestApproval
} as const;

export type Screen = keyof typeof TEXTS;

export interface Screens {
  show(screen: Screen): void;
  /** Rejects when the user gives up. */
  ask(screen: Screen): Promise<string>;
}

type OpenBrowser = (url: string) => Promise<void>;

/** Who has signed in; `undefined`: nobody, and the last screen says why. */
export async function signIn(client: AdiuvaClient, email: string, screens: Screens, openBrowser: OpenBrowser): Promise<LoggedIn | undefined> {
  try {
    const { sso } = await client.discoverSignOn(email);
    const loggedIn = await (sso ? atProvider("browser", { email }) : byPassword("password"));
    if (loggedIn.keys === "none") screens.show("first_key");
    if (loggedIn.keys === "locked") screens.show("locked");
    return loggedIn;
  } catch (error) {
    const screen = screenOf(error);
    if (screen === undefined) throw error;
    screens.show(screen);
    return undefined;
  }

  async function atProvider(screen: Screen, target: SignOnTarget): Promise<LoggedIn> {
    screens.show(screen);
    try {
      return await client.signInWith(target, { openBrowser });
    } catch (error) {
      if (!isProblem(error, "link_required")) throw error;
    }
    // An address proves nothing: the account's own password does, and it opens the keys as well.
    const loggedIn = await byPassword("link_required");
    await client.linkWith(target, { openBrowser });
    screens.show("linked");
    return loggedIn;
  }

  async function byPassword(screen: Screen): Promise<LoggedIn> {
    try {
      return await client.login({ email, password: await screens.ask(screen) });
    } catch (error) {
      if (error instanceof SecondFactorRequired) return error.submitTotp(await screens.ask("code"));
      const organization = isProblem(error, "sso_required") ? error.problem.organization : undefined;
      if (organization === undefined) throw error;
      return atProvider("sso_required", { organization }); // a member whose address has another domain: it leads nowhere
    }
  }
}

function screenOf(error: unknown): Screen | undefined {
  if (isProblem(error, "not_provisioned")) return "not_provisioned";
  if (isProblem(error, "email_not_verified")) return "email_not_verified";
  if (!(error instanceof SignInError)) return undefined;
  if (error.code === "access_denied" || error.code === "timeout") return error.code;
  return error.code === "server_error" || error.code === "temporarily_unavailable" ? "unavailable" : undefined;
}
