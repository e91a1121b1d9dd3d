import type { Pod } from "#api/gen/types.ts";
import { objectName } from "#api/names.ts";
import { isStatus } from "#api/status.ts";
import { awaitObjects } from "#cli/await-objects.ts";
import type { Session } from "#cli/connection.ts";
import { pods } from "#client/kinds.ts";
import { environmentOf, linesOf } from "#containers/flags/environment.ts";
import {
  parseMount,
  parseTmpfs,
  parseVolume,
  type ContainerMount,
} from "#containers/flags/mounts.ts";
import { parseExpose, parsePublish, type PublishedPort } from "#containers/flags/ports.ts";
import { findContainer, idOf, listContainers, nameOf } from "#containers/find.ts";
import { mountsOfPod } from "#containers/flags/volumes-from.ts";
import { containerLabel } from "#containers/labels.ts";
import type { ContainerOptions, ImageFacts } from "#containers/options.ts";
import {
  checkContainerName,
  planContainer,
  type ContainerRequest,
} from "#containers/plan/container.ts";
import { madeUpName } from "#containers/plan/made-up-name.ts";
import { networkOf } from "#containers/plan/network.ts";
import { planPorts } from "#containers/plan/ports.ts";
import { UsageError } from "#containers/usage-error.ts";
import { familiarReference, parseReference } from "#oci/reference.ts";
import { checkNetwork, ensureNoneNetwork } from "./networks.ts";
import {
  allowPublished,
  createNames,
  ensureAttachedClass,
  ensureNamespace,
  ensureVolumes,
} from "./objects.ts";
import type { RunPorts } from "./ports.ts";
import { takenName } from "./rename.ts";

const idBytes = 32;
/** Tries to find a name that nobody has. */
const namesMax = 10;
/** Digits of the id in the name of a pod whose usual name another one has. */
const podSuffix = 8;
const podNameMax = 63;

export interface CreateRequest {
  readonly image: string;
  readonly command: readonly string[];
  readonly options: ContainerOptions;
  /** The caller will attach before the process begins. */
  readonly attached: boolean;
  /** `gantry create`: nothing runs until it is started. */
  readonly held: boolean;
}

/** Keeps a created container from a node; see {@link CreateRequest.held}. */
export const startGate = "gantry.dev/start";

/**
 * Makes the pod that is the container, and what it needs. @throws {UsageError} for flags that cannot
 * be, and {Error} as Docker says it for a name that is taken and a network that is not there.
 */
export async function createContainer(
  session: Session,
  asked: CreateRequest,
  ports: RunPorts,
): Promise<Pod> {
  const { options } = asked;
  const facts = await imageFacts(session, asked, ports);
  const request = await requestOf(session, asked, facts, ports);
  const planned = planContainer(request);
  await ensureNamespace(session);
  const network = networkOf(options.network);
  if (network.kind === "named") await checkNetwork(session, network.name);
  if (network.kind === "none") await ensureNoneNetwork(session);
  if (options.networkAlias.length > 0 && network.kind !== "named") {
    throw new UsageError("--network-alias needs a network of your own: --network NAME");
  }
  if (asked.attached) await ensureAttachedClass(session);
  await ensureVolumes(session, planned.volumes);
  const pod = await createPod(session, asked, request, ports);
  if (network.kind === "named") {
    await allowPublished(session, pod);
    const taken = await createNames(session, pod, [request.name, ...options.networkAlias]);
    for (const it of taken)
      session.io.err(`warning: the name ${it} is that of another container\n`);
  }
  return pod;
}

async function imageFacts(
  session: Session,
  { image, options }: CreateRequest,
  ports: RunPorts,
): Promise<ImageFacts | undefined> {
  const { pull = "missing" } = options;
  if (!["always", "missing", "never"].includes(pull)) {
    throw new UsageError(`--pull ${pull}: expected always, missing or never`);
  }
  const reference = parseReference(image);
  const facts = await ports.image(image);
  if (facts === undefined && pull === "missing" && options.quiet !== true) {
    session.io.err(`Unable to find image '${familiarReference(reference)}' locally\n`);
  }
  return facts;
}

async function requestOf(
  session: Session,
  { image, command, options: given, attached }: CreateRequest,
  facts: ImageFacts | undefined,
  ports: RunPorts,
): Promise<ContainerRequest> {
  const files = await readFiles(given.envFile, ports);
  const labels = (await readFiles(given.labelFile, ports)).flatMap(({ text }) => linesOf(text));
  const options = { ...given, label: [...labels, ...given.label] };
  const name = checkContainerName(options.name ?? madeUpName(ports.random));
  return {
    image,
    command,
    options,
    facts,
    attached,
    name,
    id: ports.randomHex(idBytes),
    env: environmentOf(files, options.env, (it) => ports.environment(it)),
    mounts: [...mountsOf(options, ports), ...(await mountsFrom(session, options.volumesFrom))],
    ports: await portsOf(session, options, facts, ports),
    imagePullPolicy: pullPolicy(options.pull, facts),
  };
}

async function readFiles(
  paths: readonly string[],
  ports: RunPorts,
): Promise<{ readonly path: string; readonly text: string }[]> {
  const files: { path: string; text: string }[] = [];
  for (const path of paths) files.push({ path, text: await ports.readText(path) });
  return files;
}

async function mountsFrom(session: Session, texts: readonly string[]): Promise<ContainerMount[]> {
  const mounts: ContainerMount[] = [];
  for (const text of texts) {
    const [name = "", mode] = text.split(":", 2);
    mounts.push(...mountsOfPod(await findContainer(session, name), mode));
  }
  return mounts;
}

/**
 * An image of the local store is asked for again each time: the node may have an older one of that
 * name, and the store is the first that it asks.
 */
function pullPolicy(
  pull: string | undefined,
  facts: ImageFacts | undefined,
): ContainerRequest["imagePullPolicy"] {
  if (pull === "always" || facts !== undefined) return "Always";
  return pull === "never" ? "Never" : "IfNotPresent";
}

function mountsOf(options: ContainerOptions, ports: RunPorts): ContainerMount[] {
  const resolve = (path: string): string => ports.resolvePath(path);
  const mounts = [
    ...options.volume.map((it) => parseVolume(it, resolve)),
    ...options.mount.map((it) => parseMount(it, resolve)),
    ...options.tmpfs.map(parseTmpfs),
  ];
  return mounts.map((mount) => {
    if (mount.type !== "bind" || mount.source === undefined) return mount;
    const isThere = ports.exists(mount.source);
    if (!isThere && mount.makes === false) {
      throw new UsageError(
        `invalid mount config for type "bind": bind source path does not exist: ${mount.source}`,
      );
    }
    // What is there may be a file.
    return { ...mount, makes: !isThere };
  });
}

async function portsOf(
  session: Session,
  options: ContainerOptions,
  facts: ImageFacts | undefined,
  ports: RunPorts,
): Promise<ContainerRequest["ports"]> {
  const published: PublishedPort[] = options.publish.flatMap(parsePublish);
  const exposed = [...options.expose, ...(facts?.exposed ?? [])].flatMap(parseExpose);
  if (networkOf(options.network).kind === "host") {
    if (published.length > 0) {
      session.io.err("WARNING: Published ports are discarded when using host network mode\n");
    }
    return [];
  }
  const known = new Set(published.map((it) => `${it.container}/${it.protocol}`));
  const others = exposed.filter((it) => !known.has(`${it.container}/${it.protocol}`));
  if (options.publishAll === true) {
    published.push(...others.map((it) => ({ ...it, host: undefined, hostIp: undefined })));
  }
  const used = published.every((it) => it.host?.length === 1)
    ? new Set<string>()
    : await usedPorts(session);
  const planned = planPorts(published, used, ports.random.next());
  if (options.publishAll === true) return planned;
  return [
    ...planned,
    ...others.map((it) => ({ containerPort: it.container, protocol: it.protocol.toUpperCase() })),
  ];
}

async function usedPorts({ cluster, signal }: Session): Promise<Set<string>> {
  const { items } = await cluster.client.list(pods, {}, signal);
  const held = items
    .flatMap((it) => it.spec?.containers ?? [])
    .flatMap((it) => it.ports ?? [])
    .filter((it) => it.hostPort !== undefined);
  return new Set(held.map((it) => `${(it.protocol ?? "TCP").toLowerCase()}/${it.hostPort ?? 0}`));
}

async function createPod(
  session: Session,
  asked: CreateRequest,
  request: ContainerRequest,
  ports: RunPorts,
): Promise<Pod> {
  const { client, namespace } = session.cluster;
  let { name } = request;
  let podName: string | undefined;
  for (let tries = 1; ; tries++) {
    const { pod } = planContainer({ ...request, name, podName });
    const spec = asked.held
      ? { containers: [], ...pod.spec, schedulingGates: [{ name: startGate }] }
      : pod.spec;
    const metadata = { ...pod.metadata, namespace };
    try {
      return await client.create(pods, { ...pod, metadata, spec }, {}, session.signal);
    } catch (error) {
      if (!isStatus(error, "AlreadyExists")) throw error;
      if (tries >= namesMax) throw error;
      if (asked.options.name !== undefined) {
        await checkNameFree(session, name);
        podName = `${objectName(name)}-${request.id.slice(0, podSuffix)}`.slice(-podNameMax);
        continue;
      }
    }
    name = madeUpName(ports.random);
  }
}

/** The pod's usual name may be that of a container that was renamed. @throws {Error} */
async function checkNameFree(session: Session, name: string): Promise<void> {
  const owner = (await listContainers(session)).find((it) => nameOf(it) === name);
  if (owner !== undefined) throw takenName(name, idOf(owner));
}

/** Resolves once `isDone` says so of the pod, which is undefined when it is gone. */
export async function awaitContainer(
  session: Session,
  pod: Pod,
  isDone: (pod: Pod | undefined) => boolean,
): Promise<void> {
  const { name = "", uid, labels } = pod.metadata ?? {};
  const selector = `${containerLabel}=${labels?.[containerLabel] ?? name}`;
  await awaitObjects<Pod>(session, pods, selector, (all) =>
    isDone(all.find((it) => it.metadata?.uid === uid)),
  );
}
