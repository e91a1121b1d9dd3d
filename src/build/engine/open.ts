import type { Clock } from "#base/clock.ts";
import { makeCacheLayout, type CacheLayout } from "#build/cache/layout.ts";
import { measureMounts, shrinkMounts } from "#build/cache/mount-cache.ts";
import { deadSessions, isStepUsed, Session } from "#build/cache/session.ts";
import { StepCache } from "#build/cache/step-cache.ts";
import { removeSession } from "./run-step.ts";

/** What a build has of the machine while it runs. */
export interface OpenBuild extends AsyncDisposable {
  readonly layout: CacheLayout;
  readonly cache: StepCache;
  readonly session: Session;
}

/**
 * Opens the place where builds keep their things, and removes what builds have left that were
 * killed. When it is closed, the results of steps are brought below their bound.
 * @param bytesMax of results that are kept.
 */
export async function openBuild(
  directory: string,
  clock: Clock,
  bytesMax: number,
): Promise<OpenBuild> {
  const layout = makeCacheLayout(directory);
  for (const dead of deadSessions(layout)) await removeSession(dead);
  const cache = new StepCache(layout, clock);
  const isUsed = (key: string): boolean => isStepUsed(layout, key);
  cache.removeLost(isUsed);
  const session = Session.open(layout);
  return {
    layout,
    cache,
    session,
    [Symbol.asyncDispose]: async () => {
      measureMounts(layout, session, clock);
      await removeSession(session.directory);
      cache.shrink(bytesMax, isUsed);
      shrinkMounts(layout, bytesMax, isUsed);
    },
  };
}

/**
 * Removes results of steps and caches of mounts that no running build uses. Resolves with the bytes
 * of the former.
 */
export async function pruneBuilds(directory: string, clock: Clock): Promise<number> {
  const layout = makeCacheLayout(directory);
  for (const dead of deadSessions(layout)) await removeSession(dead);
  const cache = new StepCache(layout, clock);
  const isUsed = (key: string): boolean => isStepUsed(layout, key);
  const { freedBytes } = cache.shrink(0, isUsed);
  shrinkMounts(layout, 0, isUsed);
  return freedBytes;
}
