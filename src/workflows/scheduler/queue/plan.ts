/** A scheduled task instance that waits for slots. */
export interface Candidate {
  readonly dagId: string;
  readonly runId: string;
  readonly taskId: string;
  readonly pool: string;
  readonly poolSlots: number;
  readonly executor: string;
  readonly maxActiveTasks: number;
  readonly maxActivePerDag: number | undefined;
  readonly maxActivePerRun: number | undefined;
}

/** What may run at all, and what already does. */
export interface Room {
  /** By executor: how many jobs it takes. */
  readonly free: ReadonlyMap<string, number>;
  readonly pools: ReadonlyMap<string, { readonly slots: number; readonly used: number }>;
  /** Queued and running instances. */
  readonly active: readonly {
    readonly dagId: string;
    readonly runId: string;
    readonly taskId: string;
  }[];
}

export interface QueuePlan<C> {
  readonly chosen: readonly C[];
  /** Pools and DAGs that take nothing more, so that others may be looked for. */
  readonly fullPools: readonly string[];
  readonly fullDags: readonly string[];
  /** Why the others wait, in words. */
  readonly waiting: readonly { readonly candidate: C; readonly reason: string }[];
}

/** Chooses, in the given order, the instances for which there is room. */
export function planQueue<C extends Candidate>(candidates: readonly C[], room: Room): QueuePlan<C> {
  const counts = new Counts(room);
  const chosen: C[] = [];
  const waiting: { readonly candidate: C; readonly reason: string }[] = [];
  const fullPools = new Set<string>();
  const fullDags = new Set<string>();
  for (const candidate of candidates) {
    const obstacle = counts.obstacle(candidate);
    if (obstacle === undefined) {
      counts.take(candidate);
      chosen.push(candidate);
      continue;
    }
    waiting.push({ candidate, reason: obstacle.reason });
    if (obstacle.full === "pool") fullPools.add(candidate.pool);
    if (obstacle.full === "dag") fullDags.add(candidate.dagId);
  }
  return { chosen, fullPools: [...fullPools], fullDags: [...fullDags], waiting };
}

interface Obstacle {
  readonly reason: string;
  /** What nothing else fits into either. */
  readonly full?: "pool" | "dag";
}

class Counts {
  readonly #free: Map<string, number>;
  readonly #pools: Map<string, { readonly slots: number; used: number }>;
  readonly #active = new Map<string, number>();

  constructor(room: Room) {
    this.#free = new Map(room.free);
    this.#pools = new Map([...room.pools].map(([name, it]) => [name, { ...it }]));
    for (const instance of room.active) this.#count(instance);
  }

  obstacle(it: Candidate): Obstacle | undefined {
    return this.#poolObstacle(it) ?? this.#dagObstacle(it) ?? this.#executorObstacle(it);
  }

  take(it: Candidate): void {
    this.#free.set(it.executor, (this.#free.get(it.executor) ?? 0) - 1);
    const pool = this.#pools.get(it.pool);
    if (pool !== undefined) pool.used += it.poolSlots;
    this.#count(it);
  }

  #poolObstacle({ pool: name, poolSlots }: Candidate): Obstacle | undefined {
    const pool = this.#pools.get(name);
    if (pool === undefined) {
      return {
        reason: `pool '${name}' does not exist: gantry pools set ${name} SLOTS`,
        full: "pool",
      };
    }
    // No slots at all, as Airflow has it, are given by -1.
    if (pool.slots < 0) return undefined;
    if (poolSlots > pool.slots) {
      return { reason: `it needs ${poolSlots} slots of pool '${name}', which has ${pool.slots}` };
    }
    const open = pool.slots - pool.used;
    if (poolSlots <= open) return undefined;
    const reason = `it needs ${poolSlots} of the ${Math.max(0, open)} open slots of pool '${name}'`;
    return open <= 0 ? { reason, full: "pool" } : { reason };
  }

  #dagObstacle(it: Candidate): Obstacle | undefined {
    const dag = this.#get(keyOf(it.dagId));
    if (dag >= it.maxActiveTasks) {
      return { reason: `${dag} tasks of the DAG are active, its max_active_tasks`, full: "dag" };
    }
    const task = this.#get(keyOf(it.dagId, it.taskId));
    if (it.maxActivePerDag !== undefined && task >= it.maxActivePerDag) {
      return { reason: `${task} instances are active, its max_active_tis_per_dag` };
    }
    const inRun = this.#get(keyOf(it.dagId, it.taskId, it.runId));
    if (it.maxActivePerRun !== undefined && inRun >= it.maxActivePerRun) {
      return { reason: `${inRun} instances are active, its max_active_tis_per_dagrun` };
    }
    return undefined;
  }

  #executorObstacle({ executor }: Candidate): Obstacle | undefined {
    const free = this.#free.get(executor);
    if (free === undefined) return { reason: `there is no executor '${executor}'` };
    return free > 0 ? undefined : { reason: `executor '${executor}' has no free slot` };
  }

  #get(key: string): number {
    return this.#active.get(key) ?? 0;
  }

  #count({ dagId, taskId, runId }: { dagId: string; taskId: string; runId: string }): void {
    for (const key of [keyOf(dagId), keyOf(dagId, taskId), keyOf(dagId, taskId, runId)]) {
      this.#active.set(key, this.#get(key) + 1);
    }
  }
}

/** Ids hold no spaces. */
function keyOf(dagId: string, taskId = "", runId = ""): string {
  return `${dagId} ${taskId} ${runId}`;
}
