/**
 * What an app does first, with whichever build of the client its project has: `{ createAdiuvaClient, sha256 }`. A new account talks
 * to the assistant; a demo account sends a stream, which no browser can over HTTP/1.1, and one by parts.
 */
export async function tell({ createAdiuvaClient, sha256 }, baseUrl, options = {}) {
  const client = createAdiuvaClient({ baseUrl, ...options });
  const { keys } = await client.register({ email: `${crypto.randomUUID()}@example.com`, password: "a long sentence is best" });
  const chat = client.chat();
  const { actions } = await chat.send({ message: "create a task to buy milk tomorrow" }).result;
  chat.close();

  const bytes = crypto.getRandomValues(new Uint8Array(60_000));
  const checksum = await sha256(bytes);
  const demo = createAdiuvaClient({ baseUrl, ...options });
  await demo.login({ email: "demo-pro@example.com", password: "adiuva-demo-1" }, { plain: true });
  const { meta } = await demo.records.create({ table: "files", body: { open: () => new Blob([bytes]).stream(), checksum } });
  const isSame = (await demo.records.read(meta.id)).checksum === checksum;

  const large = new Blob(Array.from({ length: 100 }, () => bytes)); // more than one part
  const stream = { size: large.size, stream: large.stream(), checksum: await sha256(large) };
  const backup = await demo.backups.stream({ version: "1", body: stream });
  const isKept = backup.meta.checksum === stream.checksum;
  return `keys ${keys}, ${actions.map(({ type }) => type).join()}, streamed ${isSame && isKept}`;
}
