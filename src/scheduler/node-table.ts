import type { Node, Taint } from "#api/gen/types.ts";
import { parseQuantity } from "#api/quantity.ts";
import type { Labels } from "#api/selector/label.ts";
import type { Amounts } from "./amounts.ts";
import type { HostPort } from "./pod-shape.ts";

/** A node's part that only its own object changes. */
export interface NodeFacts {
  readonly name: string;
  readonly labels: Labels;
  readonly taints: readonly Taint[];
  readonly unschedulable: boolean;
}

/** What one pod takes of its node, as it was added. */
export interface Taken {
  readonly amounts: Amounts;
  readonly hostPorts: readonly HostPort[];
}

/** Amounts of one resource, a slot for each node. */
interface Column {
  allocatable: Float64Array;
  used: Float64Array;
}

/**
 * All nodes as columns of numbers, so that a decision over thousands of them stays in the
 * processor's cache. A node keeps its slot while it lives; the slot of a deleted node is reused.
 */
export class NodeTable {
  /** Slot to node; undefined where a slot is free. */
  readonly facts: (NodeFacts | undefined)[] = [];
  readonly #slots = new Map<string, number>();
  readonly #free: number[] = [];
  readonly cpu: Column = column(64);
  readonly memory: Column = column(64);
  readonly ephemeral: Column = column(64);
  readonly pods: Column = column(64);
  /** Used as scoring counts; their allocatable is that of `cpu` and `memory`. */
  readonly scoredCpu: Column = column(64);
  readonly scoredMemory: Column = column(64);
  readonly others = new Map<string, Column>();
  readonly #ports = new Map<number, HostPort[]>();
  /** Rises when any node's facts or allocatable amounts change: masks made before are stale. */
  version = 0;

  /** One more than the highest slot in use. */
  get size(): number {
    return this.facts.length;
  }

  /** Nodes, without free slots. */
  get nodes(): number {
    return this.#slots.size;
  }

  slotOf(name: string): number | undefined {
    return this.#slots.get(name);
  }

  /** Adds or updates a node; returns its slot. */
  set(node: Node): number {
    const name = node.metadata?.name ?? "";
    const slot = this.#slots.get(name) ?? this.#take(name);
    this.facts[slot] = factsOf(name, node);
    const allocatable = node.status?.allocatable ?? node.status?.capacity ?? {};
    for (const it of this.#allColumns()) it.allocatable[slot] = 0;
    for (const [resource, text] of Object.entries(allocatable)) {
      const quantity = parseQuantity(text);
      const amount = resource === "cpu" ? quantity.milliValue() : quantity.value();
      this.#column(resource).allocatable[slot] = amount;
    }
    this.version += 1;
    return slot;
  }

  delete(name: string): void {
    const slot = this.#slots.get(name);
    if (slot === undefined) return;
    this.#slots.delete(name);
    this.facts[slot] = undefined;
    for (const it of this.#allColumns()) {
      it.allocatable[slot] = 0;
      it.used[slot] = 0;
    }
    this.#ports.delete(slot);
    this.#free.push(slot);
    this.version += 1;
  }

  /** Counts a pod's amounts in (`sign` 1) or out (-1). */
  add(slot: number, taken: Taken, sign: 1 | -1): void {
    const { amounts } = taken;
    change(this.cpu, slot, sign * amounts.cpuMillis);
    change(this.memory, slot, sign * amounts.memoryBytes);
    change(this.ephemeral, slot, sign * amounts.ephemeralBytes);
    change(this.pods, slot, sign);
    change(this.scoredCpu, slot, sign * amounts.scoredCpuMillis);
    change(this.scoredMemory, slot, sign * amounts.scoredMemoryBytes);
    for (const [name, amount] of amounts.others) change(this.#column(name), slot, sign * amount);
    if (taken.hostPorts.length > 0) this.#countPorts(slot, taken.hostPorts, sign);
  }

  hasPortConflict(slot: number, wanted: readonly HostPort[]): boolean {
    const present = this.#ports.get(slot);
    if (present === undefined) return false;
    return wanted.some((want) => present.some((it) => conflicts(it, want)));
  }

  #countPorts(slot: number, ports: readonly HostPort[], sign: 1 | -1): void {
    const present = this.#ports.get(slot) ?? [];
    if (sign === 1) {
      this.#ports.set(slot, [...present, ...ports]);
      return;
    }
    const left = [...present];
    for (const port of ports) {
      const at = left.findIndex(
        (it) => it.port === port.port && it.ip === port.ip && it.protocol === port.protocol,
      );
      if (at >= 0) left.splice(at, 1);
    }
    this.#ports.set(slot, left);
  }

  #take(name: string): number {
    const slot = this.#free.pop() ?? this.facts.length;
    this.#slots.set(name, slot);
    if (slot >= this.cpu.used.length) for (const it of this.#allColumns()) grow(it);
    return slot;
  }

  #column(resource: string): Column {
    if (resource === "cpu") return this.cpu;
    if (resource === "memory") return this.memory;
    if (resource === "ephemeral-storage") return this.ephemeral;
    if (resource === "pods") return this.pods;
    const present = this.others.get(resource);
    if (present !== undefined) return present;
    const created = column(this.cpu.used.length);
    this.others.set(resource, created);
    return created;
  }

  #allColumns(): Column[] {
    const { cpu, memory, ephemeral, pods, scoredCpu, scoredMemory } = this;
    return [cpu, memory, ephemeral, pods, scoredCpu, scoredMemory, ...this.others.values()];
  }
}

function factsOf(name: string, { metadata, spec }: Node): NodeFacts {
  const unschedulable = spec?.unschedulable === true;
  return { name, labels: metadata?.labels ?? {}, taints: spec?.taints ?? [], unschedulable };
}

function column(size: number): Column {
  return { allocatable: new Float64Array(size), used: new Float64Array(size) };
}

function change(of: Column, slot: number, by: number): void {
  of.used[slot] = (of.used[slot] ?? 0) + by;
}

function grow(it: Column): void {
  const size = it.used.length * 2;
  const [allocatable, used] = [new Float64Array(size), new Float64Array(size)];
  allocatable.set(it.allocatable);
  used.set(it.used);
  it.allocatable = allocatable;
  it.used = used;
}

function conflicts(a: HostPort, b: HostPort): boolean {
  if (a.port !== b.port || a.protocol !== b.protocol) return false;
  return a.ip === b.ip || a.ip === "0.0.0.0" || b.ip === "0.0.0.0";
}
