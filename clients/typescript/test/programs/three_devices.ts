// Three devices of one user, and a service that goes back to a backup under them. Prints BACKUP and RESTORE where these
// are to happen, goes on with a line on stdin, and ends with what each device has, as JSON.
import { createInterface } from "node:readline/promises";
import { Device } from "../../examples/device.js";
import { aStranger, baseUrl } from "../support.js";

const lines = createInterface({ input: process.stdin })[Symbol.asyncIterator]();
const [laptop, phone, tablet] = ["laptop", "phone", "tablet"].map((name) => new Device(name, baseUrl)) as [Device, Device, Device];

const credentials = aStranger();
await laptop.client.register(credentials);
const { data } = await laptop.client.api.POST("/api/v1/billing/checkout", { body: { tier: "power" } });
await fetch(data?.checkout_url ?? "", { method: "POST" });
for (const device of [phone, tablet]) await device.login(credentials);

await laptop.write("Always there");
const changed = await laptop.write("Buy milk");
const deleted = await laptop.write("To be deleted before the backup");
const later = await laptop.write("Deleted after the backup");
for (const device of [laptop, phone, tablet]) await device.sync();
await laptop.delete(deleted);
await laptop.sync();
await ask("BACKUP");

await laptop.write("Written after the backup");
await laptop.write("Buy milk and bread", changed);
await laptop.delete(later);
await laptop.sync();
await phone.sync();
await phone.write("Written on the phone");
await phone.sync();
await tablet.write("Written without a network");
await ask("RESTORE");

const resyncs = [];
for (const device of [phone, laptop, tablet, phone, laptop]) resyncs.push((await device.sync()).resync);
const notes = await Promise.all([laptop, phone, tablet].map(async (device) => [...(await device.notes()).values()].sort()));
console.log(JSON.stringify({ resyncs, notes }));
process.exit();

async function ask(what: string): Promise<void> {
  console.log(what);
  await lines.next();
}
