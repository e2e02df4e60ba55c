/** What the client waits for, in milliseconds; `Infinity` waits for ever. None of them counts while nothing is being waited for. */
export interface Timeouts {
  /** Until an answer begins, and from one piece of it to the next; until a conversation's socket is open. 30 seconds; to renew the tokens 10 at most. */
  answer: number;
  /** Until the answer begins where the server asks a model, or prepares an archive. Two minutes. */
  model: number;
  /** Until the answer begins to a request that carries sealed bytes. Five minutes; of more than 8 MiB, a second more for each 100 KiB. */
  upload: number;
  /** How long a socket may be silent, which that of a synchronisation is until it is open. The server pings every 30 seconds; 45 seconds. */
  silence: number;
}

export const TIMEOUTS: Timeouts = { answer: 30_000, model: 120_000, upload: 300_000, silence: 45_000 };

/** `answer`: nothing came. `body`: it broke off in the middle. `socket`: it did not open. `turn`: the conversation fell silent. */
export type TimedOut = "answer" | "body" | "socket" | "turn";

/** The server is there, or seems to be, and says nothing. Whether it has done what was asked nobody knows. */
export class AdiuvaTimeoutError extends Error {
  override readonly name = "AdiuvaTimeoutError";

  /** `where`: as in `GET /api/v1/auth/me`. `milliseconds`: how long was waited. */
  constructor(
    readonly what: TimedOut,
    readonly where: string,
    readonly milliseconds: number,
  ) {
    super(`${where}: no ${what === "body" ? "rest of the answer" : what} within ${milliseconds / 1000} seconds.`);
  }
}

/** Routes whose answer a model writes, or that pack an archive first. */
const SLOW = /^\/api\/v1\/(chat$|chat\/providers\/test$|batches\/build$|plans\/|auth\/export$)/;
/** Sealed bytes, though they may be written as JSON. */
const SEALED = /^\/api\/v1\/storage\/(records|vectors\/upsert)/;
/** A refresh token that was used gives the same successor for 30 seconds: by then the question has been put once more. */
const REFRESH_MS = 10_000;
/** What is larger than this has a second more for each 100 KiB. */
const USUAL_BYTES = 8 * 1024 * 1024;
const BYTES_A_MS = 100 * 1.024;
/** More than this a timer cannot count: it would end at once. */
export const FOR_EVER = 0x7fff_ffff;

/** How long `request`, whose body has so many `bytes`, may take to be answered, unless its caller says so. */
export function patienceFor({ url, method, headers }: Request, timeouts: Timeouts, bytes = 0): number {
  const { pathname } = new URL(url);
  const route = pathname.slice(pathname.indexOf("/api/v1/"));
  if (method !== "GET" && SLOW.test(route)) return timeouts.model;
  if (route === "/api/v1/auth/export") return timeouts.model;
  if (route === "/api/v1/auth/refresh") return Math.min(REFRESH_MS, timeouts.answer);
  const type = headers.get("Content-Type") ?? "application/json";
  const isSealed = !type.startsWith("application/json") || ((method === "POST" || method === "PUT") && SEALED.test(route));
  return isSealed ? timeouts.upload + Math.ceil(Math.max(0, bytes - USUAL_BYTES) / BYTES_A_MS) : timeouts.answer;
}

/** `setTimeout`, and no timer for what waits for ever. */
export function after(milliseconds: number, work: () => void): ReturnType<typeof setTimeout> | undefined {
  return milliseconds > FOR_EVER ? undefined : setTimeout(work, milliseconds);
}

/** What `work` gives; after `milliseconds`, `expire` is called, whose error is thrown at once, whatever `work` does with it. */
export async function within<Value>(milliseconds: number, work: Promise<Value>, expire: () => Error): Promise<Value> {
  if (milliseconds > FOR_EVER) return work;
  let timer: ReturnType<typeof setTimeout> | undefined;
  const late = new Promise<never>((_, reject) => {
    timer = setTimeout(() => reject(expire()), milliseconds);
  });
  try {
    return await Promise.race([work, late]);
  } finally {
    clearTimeout(timer);
  }
}

/**
 * `fetch`, which gives up when no answer comes in `answer` milliseconds, and no piece of it in `piece`. A piece is asked for when
 * somebody reads, so a slow reader is not late. The connection is let go of. Throws `AdiuvaTimeoutError`, and so does the answer's body.
 */
export async function fetchInTime(fetch: typeof globalThis.fetch, request: Request, { answer, piece }: { answer: number; piece: number }): Promise<Response> {
  const stop = new AbortController();
  const follow = (): void => stop.abort(request.signal.reason);
  if (request.signal.aborted) follow();
  request.signal.addEventListener("abort", follow, { once: true });
  const end = (): void => request.signal.removeEventListener("abort", follow);
  const expire = (what: TimedOut, milliseconds: number) => (): Error => {
    const error = new AdiuvaTimeoutError(what, `${request.method} ${new URL(request.url).pathname}`, milliseconds);
    end();
    stop.abort(error);
    return error;
  };
  let response: Response;
  try {
    response = await within(answer, fetch(new Request(request, { signal: stop.signal })), expire("answer", answer));
  } catch (error) {
    end();
    throw error;
  }
  const reader = response.body?.getReader();
  if (reader === undefined) {
    end();
    return response;
  }
  const body = new ReadableStream<Uint8Array>(
    {
      async pull(controller) {
        const step = await within(piece, reader.read(), expire("body", piece));
        if (step.value !== undefined) return controller.enqueue(step.value);
        end();
        controller.close();
      },
      cancel(reason) {
        end();
        return reader.cancel(reason);
      },
    },
    { highWaterMark: 0 },
  );
  const { status, statusText, headers } = response;
  return new Response(body, { status, statusText, headers });
}
