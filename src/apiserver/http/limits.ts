/** Bytes of a request body; upstream's limit for writes. */
export const bodyBytesMax = 3 * 1024 * 1024;
/** Bytes of a request's path and query. */
export const urlBytesMax = 32 * 1024;
/** Bytes of all request headers. */
export const headerBytesMax = 64 * 1024;
/** How long the headers of a request may take to arrive. */
export const headersTimeoutMs = 30_000;
/** How long a connection may idle between requests. */
export const idleTimeoutMs = 150_000;
/** How long a request may take that is not a watch nor a proxied stream; upstream's default. */
export const requestTimeoutMs = 60_000;
/** Streams of one HTTP/2 connection; clients open another connection beyond. */
export const streamsPerSessionMax = 1_000;
/** A stream that holds this much unsent is full, however few there are. */
export const sinkBytesMax = 512 * 1024;
/** What all streamed responses may hold unsent, in equal shares; see `unsent-bytes.ts`. */
export const unsentBytesMax = 64 * 1024 * 1024;
/** Responses at least this long are compressed for those who ask; upstream's threshold. */
export const gzipBytesMin = 128 * 1024;
/** How long connections may go on after the server was told to stop. */
export const drainMs = 5_000;
