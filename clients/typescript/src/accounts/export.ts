export interface ExportOptions {
  signal?: AbortSignal;
  /** Called with the bytes that have been written so far. */
  onProgress?: (bytes: number) => void;
  /** How often a download that breaks off goes on. */
  attempts?: number;
}

/** The download has broken off, and the server has another archive by now: begin anew, with an empty sink. */
export class ExportChanged extends Error {
  override readonly name = "ExportChanged";

  constructor() {
    super("The archive is another one than the part that was downloaded.");
  }
}

/** Writes an answer's body to `sink`, piece by piece; goes on by range (RFC 9110 § 14) where the connection is lost. */
export async function download(
  get: (headers: Record<string, string>, signal?: AbortSignal) => Promise<Response>,
  sink: WritableStream<Uint8Array>,
  { signal, onProgress = () => {}, attempts = 3 }: ExportOptions,
): Promise<number> {
  const writer = sink.getWriter();
  let written = 0;
  let etag: string | null = null;
  try {
    for (let left = attempts; ; left -= 1) {
      const response: Response = await get(written === 0 ? {} : { Range: `bytes=${written}-`, "If-Range": etag ?? "" }, signal);
      if (written > 0 && response.status !== 206) {
        await response.body?.cancel();
        throw new ExportChanged();
      }
      etag = response.headers.get("ETag");
      const reader = response.body?.getReader();
      let lost: unknown;
      for (;;) {
        const piece = await reader?.read().catch((error: unknown) => {
          lost = error;
          return undefined;
        });
        if (piece?.value === undefined) break;
        await writer.write(piece.value);
        onProgress((written += piece.value.length));
      }
      if (lost === undefined) break;
      // A weak tag does not say that the bytes are the same.
      if (signal?.aborted === true || left <= 1 || etag === null || etag.startsWith("W/")) throw lost;
    }
    await writer.close();
    return written;
  } catch (error) {
    await writer.abort(error).catch(() => {});
    throw error;
  }
}
