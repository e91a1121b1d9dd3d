import { constants, createGzip, gzip } from "node:zlib";
import { promisify } from "node:util";
import { gzipBytesMin, sinkBytesMax } from "./limits.ts";
import { drained, type ApiRequest, type ApiResponse, type ByteSink } from "./exchange.ts";

const gzipBytes = promisify(gzip);
const options = { level: constants.Z_BEST_SPEED };

/** True when the response is long and the client takes gzip. */
export function shouldCompress(request: ApiRequest, { headers, body }: ApiResponse): boolean {
  if (body.kind === "stream" && body.live) return false;
  const size = body.kind === "bytes" ? body.bytes.length : (body.sizeBytes ?? 0);
  if (size < gzipBytesMin || headers["content-encoding"] !== undefined) return false;
  const accepted = request.headers["accept-encoding"];
  return typeof accepted === "string" && /\bgzip\b(?!\s*;\s*q=0(?:\.0+)?\s*(?:,|$))/.test(accepted);
}

/** The same response, compressed. */
export async function compress(response: ApiResponse): Promise<ApiResponse> {
  const headers = {
    ...response.headers,
    "content-encoding": "gzip",
    vary: "Accept-Encoding",
  };
  const { body } = response;
  if (body.kind === "bytes") {
    const bytes = await gzipBytes(body.bytes, options);
    return { status: response.status, headers, body: { kind: "bytes", bytes } };
  }
  return {
    status: response.status,
    headers,
    body: {
      kind: "stream",
      live: false,
      run: (sink, signal) => runCompressed(body.run.bind(body), sink, signal),
    },
  };
}

async function runCompressed(
  run: (sink: ByteSink, signal: AbortSignal) => Promise<void>,
  sink: ByteSink,
  signal: AbortSignal,
): Promise<void> {
  const stream = createGzip(options);
  const carried = (async () => {
    for await (const chunk of stream as AsyncIterable<Uint8Array>) {
      if (!sink.write(chunk)) await drained(sink, signal);
    }
  })();
  try {
    await run(
      {
        write: (bytes) => stream.write(bytes) || stream.writableLength < sinkBytesMax,
        onceDrained: (listener) => stream.once("drain", listener),
      },
      signal,
    );
    stream.end();
  } catch (error) {
    stream.destroy();
    await carried.catch(() => undefined);
    throw error;
  }
  await carried;
}
