import { join } from "node:path";

/** Where an installation keeps its things. Everything lies below `data`; sockets below `run`. */
export interface Paths {
  readonly data: string;
  /** Short, since a unix socket's path may have 107 bytes. */
  readonly run: string;
  readonly database: string;
  readonly pki: string;
  readonly node: string;
  /** Of further nodes of this machine, by their numbers. */
  readonly nodes: string;
  readonly images: string;
  readonly kubeconfig: string;
  readonly log: string;
  /** The workflows' database, key, logs and code. */
  readonly workflows: string;
}

export const defaultDataDirectory = "/var/lib/gantry";

/** `/run/gantry` for the default installation; another one keeps its sockets with its data. */
export function runDirectoryOf(data: string): string {
  return data === defaultDataDirectory ? "/run/gantry" : join(data, "run");
}

export function pathsBelow(data: string, run: string): Paths {
  return {
    data,
    run,
    database: join(data, "database"),
    pki: join(data, "pki"),
    node: join(data, "node"),
    nodes: join(data, "nodes"),
    images: join(data, "images"),
    kubeconfig: join(data, "kubeconfig"),
    log: join(data, "gantry.log"),
    workflows: join(data, "workflows"),
  };
}

/** Where the password of the first account of the workflows' REST API is. */
export function firstPasswordFile(workflows: string): string {
  return join(workflows, "admin.password");
}
