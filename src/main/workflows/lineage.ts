import { systemClock } from "#base/clock.ts";
import type { Logger } from "#base/log.ts";
import { TaskGroup } from "#base/task-group.ts";
import { LineageEmitter } from "#workflows/lineage/emitter.ts";
import { lineageSettings } from "#workflows/lineage/settings.ts";
import { version } from "#main/process/version.ts";

const answerMsMax = 10_000;

/**
 * Sends OpenLineage events where the environment asks for them, until `resources` are disposed.
 * Undefined when it does not. @throws {Error} for settings that are not understood.
 */
export function openLineage(
  environment: Readonly<Record<string, string | undefined>>,
  log: Logger,
  resources: AsyncDisposableStack,
): LineageEmitter | undefined {
  const settings = lineageSettings(environment);
  if (settings === undefined) return undefined;
  const { url, apiKey, namespace } = settings;
  const authorization = apiKey === undefined ? {} : { authorization: `Bearer ${apiKey}` };
  const headers = { "content-type": "application/json", ...authorization };
  const post = async (body: string, signal: AbortSignal): Promise<void> => {
    const limit = AbortSignal.any([signal, AbortSignal.timeout(answerMsMax)]);
    const response = await fetch(url, { method: "POST", headers, body, signal: limit });
    await response.body?.cancel();
    if (!response.ok) throw new Error(`${url} answered ${response.status}`);
  };
  const producer = `urn:gantry:${version}`;
  const emitter = new LineageEmitter({ namespace, producer, clock: systemClock, log, post });
  const tasks = resources.use(
    new TaskGroup((error) => {
      log.error("lineage events are not sent", { error: error as Error });
    }),
  );
  tasks.start((stop) => emitter.run(stop));
  return emitter;
}
