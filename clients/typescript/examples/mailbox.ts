// A development server writes its mails into a folder: each an .eml file.
import { readdir, readFile } from "node:fs/promises";
import { join } from "node:path";

/** The token of the newest mail to `address` whose link leads to `/account/PAGE`; waits for one. */
export async function tokenFrom(folder: string, address: string, page: "verify" | "reset"): Promise<string> {
  for (let tries = 0; tries < 100; tries += 1) {
    for (const name of (await readdir(folder).catch(() => [])).filter((one) => one.endsWith(".eml")).sort().reverse()) {
      const mail = plain(await readFile(join(folder, name), "utf8"));
      const token = new RegExp(`/account/${page}\\?token=([\\w-]+)`).exec(mail)?.[1];
      if (token !== undefined && mail.includes(address)) return token;
    }
    await new Promise((resolve) => setTimeout(resolve, 200));
  }
  throw new Error(`No mail to ${address} with a link to /account/${page} has come into ${folder}.`);
}

/** Quoted-printable (RFC 2045 § 6.7), as far as addresses and links need it. */
function plain(text: string): string {
  return text.replace(/=\r?\n/g, "").replace(/=([0-9A-F]{2})/g, (_, hex: string) => String.fromCharCode(Number.parseInt(hex, 16)));
}
