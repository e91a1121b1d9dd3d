import type { Pod } from "#api/gen/types.ts";
import type { Clock } from "#base/clock.ts";
import type { Session } from "#cli/connection.ts";
import { findContainer, listContainers } from "#containers/find.ts";
import { formatRows } from "#base/go-template/rows.ts";
import { containerStateOf } from "#containers/state.ts";
import { parseSamples, statsRow, statsTitles, usageOf, type Usage } from "#containers/stats.ts";

export interface StatsOptions {
  /** Says each time of which. */
  readonly of: (session: Session) => Promise<readonly Pod[]>;
  /** Goes on, once a second, until the session ends. */
  readonly stream: boolean;
  readonly noTrunc: boolean;
  readonly format: string | undefined;
}

const intervalMs = 1_000;
/** Clears a terminal and begins at its top. */
const clear = "\u001B[2J\u001B[H";

/** `gantry stats`: two looks make a rate. */
export async function showStats(
  session: Session,
  options: StatsOptions,
  clock: Clock,
): Promise<void> {
  let before = await look(session, options);
  for (;;) {
    await clock.sleep(intervalMs, session.signal);
    const now = await look(session, options);
    const rows = now.map(({ pod, usage }) => {
      const uid = pod.metadata?.uid;
      const last = before.find((it) => it.pod.metadata?.uid === uid)?.usage;
      return statsRow(pod, { before: last, now: usage }, options.noTrunc);
    });
    const isLive = options.stream && session.io.terminal !== undefined;
    session.io.out((isLive ? clear : "") + formatRows(rows, statsTitles, options.format));
    if (!options.stream) return;
    before = now;
  }
}

interface Look {
  readonly pod: Pod;
  readonly usage: Usage | undefined;
}

async function look(session: Session, options: StatsOptions): Promise<readonly Look[]> {
  const shown = await options.of(session);
  const nodes = new Set(shown.flatMap((it) => it.spec?.nodeName ?? []));
  const texts = new Map(
    await Promise.all(
      [...nodes].map(async (node) => [node, await metricsOf(session, node)] as const),
    ),
  );
  return shown.map((pod) => {
    const samples = texts.get(pod.spec?.nodeName ?? "") ?? [];
    return { pod, usage: usageOf(samples, pod) };
  });
}

/** Those of the names, or all that run; with `all`, those that do not, too. */
export async function containersOf(
  session: Session,
  { names, all }: { readonly names: readonly string[]; readonly all: boolean },
): Promise<readonly Pod[]> {
  if (names.length > 0) return await Promise.all(names.map((it) => findContainer(session, it)));
  const every = await listContainers(session);
  return every.filter((it) => all || containerStateOf(it).kind === "running");
}

async function metricsOf(
  { cluster, signal }: Session,
  node: string,
): Promise<ReturnType<typeof parseSamples>> {
  const path = `/api/v1/nodes/${node}/proxy/metrics/cadvisor`;
  const { body } = await cluster.client.raw({ method: "GET", path, headers: {} }, signal);
  const chunks: Uint8Array[] = [];
  for await (const chunk of body) chunks.push(chunk);
  return parseSamples(Buffer.concat(chunks).toString("utf8"));
}
