import type { Pod } from "#api/gen/types.ts";
import { formatTime, parseTime } from "#api/time.ts";
import { objectPath } from "#api/resource.ts";
import { timeOf } from "#base/amounts.ts";
import type { Session } from "#cli/connection.ts";
import { logLines } from "#cli/log-lines.ts";
import { pods } from "#client/kinds.ts";

export interface ContainerLogOptions {
  readonly follow: boolean;
  readonly timestamps: boolean;
  /** Undefined for all lines. */
  readonly tail: number | undefined;
  /** A time, or a duration before now. */
  readonly since: string | undefined;
  readonly until: string | undefined;
}

/** Of which stream a line is; both together come in their order, but in one. */
type Stream = "Stdout" | "Stderr" | "All";

/**
 * What a container has written, each stream to our own. Followed streams come as they are; otherwise
 * lines come in the order of their times. The last lines only, or of a terminal, are of one stream.
 */
export async function containerLogs(
  session: Session,
  pod: Pod,
  options: ContainerLogOptions,
  now: number,
): Promise<void> {
  const until = options.until === undefined ? undefined : timeOf(options.until, now);
  const query = queryOf(options, now);
  const read = (stream: Stream): AsyncGenerator<Line> => lines(session, pod, query, stream);
  const print = async (source: AsyncIterable<Line>): Promise<void> => {
    for await (const { time, text, stream } of source) {
      if (until !== undefined && (parseTime(time) ?? 0) > until) return;
      const shown = options.timestamps ? Buffer.concat([Buffer.from(`${time} `), text]) : text;
      if (stream === "Stderr") session.io.err(shown);
      else session.io.out(shown);
      await session.io.flush?.();
    }
  };
  const isOne = options.tail !== undefined || pod.spec?.containers[0]?.tty === true;
  if (isOne) await print(read("All"));
  else if (options.follow) await Promise.all([print(read("Stdout")), print(read("Stderr"))]);
  else await print(merged(read("Stdout"), read("Stderr")));
}

function queryOf(options: ContainerLogOptions, now: number): URLSearchParams {
  const query = new URLSearchParams({ timestamps: "true" });
  if (options.follow) query.set("follow", "true");
  if (options.tail !== undefined) query.set("tailLines", String(options.tail));
  if (options.since !== undefined) query.set("sinceTime", formatTime(timeOf(options.since, now)));
  return query;
}

interface Line {
  readonly time: string;
  /** With its newline. */
  readonly text: Uint8Array;
  readonly stream: Stream;
}

async function* lines(
  { cluster, signal }: Session,
  pod: Pod,
  query: URLSearchParams,
  stream: Stream,
): AsyncGenerator<Line> {
  const { namespace = "", name = "" } = pod.metadata ?? {};
  const asked = new URLSearchParams(query);
  if (stream !== "All") asked.set("stream", stream);
  const path = `${objectPath(pods, namespace, name)}/log?${asked.toString()}`;
  const { body } = await cluster.client.raw({ method: "GET", path, headers: {} }, signal);
  for await (const line of logLines(body)) {
    const blank = line.indexOf(0x20);
    const time = Buffer.from(line.subarray(0, Math.max(blank, 0))).toString("latin1");
    yield { time, text: line.subarray(blank + 1), stream };
  }
}

async function* merged(
  first: AsyncGenerator<Line>,
  second: AsyncGenerator<Line>,
): AsyncGenerator<Line> {
  let [a, b] = await Promise.all([first.next(), second.next()]);
  while (a.done !== true || b.done !== true) {
    const isFirst = b.done === true || (a.done !== true && isEarlier(a.value.time, b.value.time));
    const next = isFirst ? a : b;
    if (next.done !== true) yield next.value;
    if (isFirst) a = await first.next();
    else b = await second.next();
  }
}

/** Times have nine digits of a second, without the zeros at their end. */
function isEarlier(a: string, b: string): boolean {
  return a.replace("Z", "") <= b.replace("Z", "");
}
