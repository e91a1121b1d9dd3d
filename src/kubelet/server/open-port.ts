import type { ByteStream } from "#cri/runtime.ts";

/** Opens one connection to a port of the pod. */
export type OpenPort = (port: number, signal: AbortSignal) => Promise<ByteStream>;
