import {
  AdiuvaProblem,
  ConnectionLost,
  createAdiuvaClient,
  isProblem,
  MemoryStore,
  NoWebSocket,
  ok,
  SignedOut,
  type AdiuvaClient,
  type ClientOptions,
  type Conflict,
  type Decision,
  type Keys,
  type paths,
  type Source,
} from "@adiuva/cloud-client";

declare const socket: NonNullable<ClientOptions["webSocket"]>;
declare const body: Source;

type Path = keyof paths & "/api/v1/auth/me";
const path: Path = "/api/v1/auth/me";

export async function use(baseUrl: string): Promise<string[]> {
  const client: AdiuvaClient = createAdiuvaClient({ baseUrl, webSocket: socket, onWait: ({ seconds }) => seconds.toFixed() });
  const keys: Keys = client.keys;
  try {
    const me = await ok(client.api.GET(path));
    const tier: string = me.tier;
    const turn = client.chat({ tools: { list_tasks: () => [] } }).send({ message: "show my tasks" });
    for await (const frame of turn) if (frame.type === "action") console.log(frame.action.type);
    await client.backups.stream({ version: "1", body });
    const engine = client.sync(new MemoryStore(), { onConflict: (_: Conflict): Decision => "mine" });
    await engine.stop();
    return [tier, keys.state, String(await client.keys.master.derive("notes"))];
  } catch (error) {
    if (isProblem(error, "quota_exceeded")) return [error.code, String(error.problem.limit_bytes)];
    if (error instanceof SignedOut) return [error.reason ?? ""];
    if (error instanceof ConnectionLost) return [error.code.toFixed()];
    if (error instanceof NoWebSocket || error instanceof AdiuvaProblem) return [error.message];
    throw error;
  }
}

// @ts-expect-error -- what is a type only cannot be made
export const made = (): unknown => new Keys();

// @ts-expect-error -- it is typed, not any
createAdiuvaClient({ baseUrl: 1 });
