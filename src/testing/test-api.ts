import { builtinResources } from "#api/kinds/list.ts";
import { strategyOf } from "#api/rules/list.ts";
import { builtinTypes } from "#api/schema/builtin.ts";
import { badRequest } from "#api/status.ts";
import type { Clock } from "#base/clock.ts";
import { jsonLogger, silentLogger, type Logger } from "#base/log.ts";
import { MetricRegistry } from "#base/metrics/registry.ts";
import { seededRandom } from "#base/random.ts";
import { Client } from "#client/client.ts";
import { namespaceLifecycle } from "#apiserver/admission/namespace-lifecycle.ts";
import { resourceQuotas } from "#apiserver/admission/quota/resource-quotas.ts";
import { ServicePool } from "#apiserver/admission/service/pool.ts";
import { parseRange } from "#apiserver/admission/service/range.ts";
import { serviceAddresses } from "#apiserver/admission/service/service-addresses.ts";
import { createAuthorization } from "#apiserver/auth/authorize.ts";
import { namespaceObjects, roleObjects } from "#apiserver/bootstrap/objects.ts";
import type { UserInfo } from "#apiserver/contract.ts";
import { openApiServer, type ApiServer } from "#apiserver/server.ts";
import { MemoryStore } from "#store/memory.ts";
import type { Store } from "#store/store.ts";
import type { Transport } from "#client/transport.ts";
import { controllerUser, managerUser } from "#main/control-plane/component-users.ts";
import { inProcessTransport } from "#main/control-plane/in-process-transport.ts";

/** Our own API server over a store in memory, for tests of its clients. */
export interface TestApi extends AsyncDisposable {
  readonly client: Client;
  readonly api: ApiServer;
  readonly transport: Transport;
  /**
   * Requests in the name of a controller's service account, or of all controllers; it has the rights
   * that {@link ensureRoles} gives.
   */
  transportOf(controller: { readonly account: string } | "manager"): Transport;
  /** Makes the default roles and bindings. */
  ensureRoles(signal: AbortSignal): Promise<void>;
}

const administrator: UserInfo = {
  name: "test",
  uid: "",
  groups: ["system:masters", "system:authenticated"],
  extra: {},
};

/**
 * Its own client may do everything; the system's namespaces are there, its roles are not. Several may
 * have one store, which then belongs to the caller.
 */
export async function openTestApi(
  clock: Clock,
  log: Logger = silentLogger,
  shared?: Store,
): Promise<TestApi> {
  const store = shared ?? new MemoryStore(clock);
  const random = seededRandom(1);
  const stop = new AbortController();
  const refused = (): Promise<never> => Promise.reject(badRequest("nothing to connect to"));
  const api = await openApiServer(
    {
      store,
      clock,
      random,
      log,
      metrics: new MetricRegistry(),
      resources: builtinResources,
      computed: [],
      types: builtinTypes,
      strategyOf,
      conversionOf: () => undefined,
      access: (objects, sink) => ({
        authenticator: {
          authenticate: () => Promise.resolve(administrator),
          impersonate: (caller) => caller,
        },
        authorizer: createAuthorization(objects).authorizer,
        admission: [
          namespaceLifecycle(objects),
          serviceAddresses(new ServicePool(parseRange("10.96.0.0/16"), objects, clock, random)),
          resourceQuotas(objects, sink, clock),
        ],
        reviews: new Map(),
      }),
      connect: () => ({ forward: refused, upgrade: refused }),
      address: "localhost:0",
      build: "test",
      issuer: undefined,
      audit: undefined,
      checks: [],
      readyChecks: [],
    },
    stop.signal,
  );
  for (const { resource, group, object } of namespaceObjects()) {
    await api.sink.ensure(resource, group, object, stop.signal);
  }
  api.markReady();
  const transport = inProcessTransport(api.handler, administrator, "gantry/test");
  return {
    api,
    transport,
    client: new Client(transport),
    transportOf: (controller) => {
      const user = controller === "manager" ? managerUser : controllerUser(controller.account);
      return inProcessTransport(api.handler, user, "gantry/test");
    },
    async ensureRoles(signal) {
      for (const { resource, group, object } of roleObjects()) {
        await api.sink.ensure(resource, group, object, signal);
      }
    },
    async [Symbol.asyncDispose]() {
      stop.abort(new Error("test is over"));
      await api[Symbol.asyncDispose]();
      if (shared === undefined) await store[Symbol.asyncDispose]();
    },
  };
}

/** Writes to standard error: for a test that is being written. */
export function loudLogger(clock: Clock): Logger {
  return jsonLogger(clock, (line) => process.stderr.write(line));
}
