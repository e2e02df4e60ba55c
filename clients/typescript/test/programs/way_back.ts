// A password is forgotten by somebody who has written no phrase down: locked on the new device, until the old one, which
// has kept its key, says yes. Prints what each step came to, as JSON. For a server that writes its mails into a folder.
import { tokenFrom } from "../../examples/mailbox.js";
import { Device } from "../../examples/device.js";
import { aStranger, baseUrl } from "../support.js";

const mails = process.env["ADIUVA_MAIL"] ?? "";
const [laptop, phone] = [new Device("laptop", baseUrl), new Device("phone", baseUrl)];
const credentials = aStranger();
await laptop.client.register(credentials);
const { data } = await laptop.client.api.POST("/api/v1/billing/checkout", { body: { tier: "pro" } });
await fetch(data?.checkout_url ?? "", { method: "POST" });
const note = await laptop.write("The spare key is under the geranium");
await laptop.sync();

await phone.client.requestPasswordReset(credentials.email);
const token = await tokenFrom(mails, credentials.email, "reset");
const reset = { token, newPassword: "a longer sentence is better" };
const done = await phone.client.resetPassword(reset);
const { received } = await phone.sync();
const sealed = await phone.read(note).catch((error: Error) => error.name);
const twice = await phone.client.resetPassword(reset).catch((error: { code: string }) => error.code);

const again = await laptop.client.login({ ...credentials, password: reset.newPassword });
const request = await phone.client.keys.requestApproval("phone");
const pending = await laptop.client.keys.pendingApproval(request.id);
const { confirmation } = await pending.approve();
const answer = await request.answer();
const opened = await answer.accept();
const same = pending.fingerprint === request.fingerprint && answer.confirmation === confirmation;
console.log(JSON.stringify({ done, received, sealed, twice, again, same, opened, note: await phone.read(note) }));
