import type { PodSpec } from "#api/gen/types.ts";
import { objectName } from "#api/names.ts";
import { present } from "#base/present.ts";
import type { ContainerOptions } from "#containers/options.ts";
import { UsageError } from "#containers/usage-error.ts";
import type { ContainerNetwork } from "./network.ts";
import { podSecurityOf } from "./security.ts";

/** Docker's, where `--stop-timeout` does not say. */
const graceSeconds = 10;

/** What of the flags is about the pod and not its container. @throws {UsageError} */
export function podSettings(
  options: ContainerOptions,
  network: ContainerNetwork,
): Omit<PodSpec, "containers"> {
  const hosts = options.addHost.map(hostAlias);
  return present<Omit<PodSpec, "containers">>({
    restartPolicy: restartPolicy(options),
    hostname: hostnameOf(options, network),
    hostNetwork: network.kind === "host" ? true : undefined,
    hostPID: hostOnly("--pid", options.pid),
    hostIPC: hostOnly("--ipc", options.ipc),
    // The sandbox's process becomes number one, and buries those whose parents have ended.
    shareProcessNamespace: options.init === true && options.pid !== "host" ? true : undefined,
    hostAliases: hosts.length === 0 ? undefined : hosts,
    ...dnsOf(options, network),
    nodeSelector: platformOf(options.platform),
    securityContext: podSecurityOf(options),
    terminationGracePeriodSeconds: options.stopTimeout ?? graceSeconds,
    // A container of Docker's knows neither the cluster nor variables of its services.
    automountServiceAccountToken: false,
    enableServiceLinks: false,
  });
}

/** A node of that platform. @throws {UsageError} */
function platformOf(text: string | undefined): PodSpec["nodeSelector"] {
  if (text === undefined || text === "") return undefined;
  const [, os, architecture] = /^([a-z]+)\/([a-z0-9]+)(?:\/[a-z0-9]+)?$/.exec(text) ?? [];
  if (os === undefined || architecture === undefined) {
    throw new UsageError(`--platform ${text}: expected os/architecture such as linux/amd64`);
  }
  return { "kubernetes.io/os": os, "kubernetes.io/arch": architecture };
}

function restartPolicy({ restart = "no", rm }: ContainerOptions): string {
  const [, policy = "", count] = /^([a-z-]+)(?::(\d+))?$/.exec(restart) ?? [];
  const policies: Readonly<Record<string, string | undefined>> = {
    no: "Never",
    "on-failure": "OnFailure",
    always: "Always",
    "unless-stopped": "Always",
  };
  const found = policies[policy];
  if (found === undefined || (count !== undefined && policy !== "on-failure")) {
    throw new UsageError(`--restart ${restart}: expected no, on-failure, always or unless-stopped`);
  }
  if (rm === true && found !== "Never") {
    throw new UsageError("conflicting options: cannot specify both --restart and --rm");
  }
  return found;
}

function hostnameOf(options: ContainerOptions, network: ContainerNetwork): string | undefined {
  if (options.hostname === undefined) return undefined;
  if (network.kind === "host") {
    throw new UsageError("conflicting options: hostname and the network mode");
  }
  const name = objectName(options.hostname);
  if (name === options.hostname) return name;
  throw new UsageError(
    `--hostname ${options.hostname}: expected lower case letters, digits and '-'`,
  );
}

function hostOnly(flag: string, value: string | undefined): true | undefined {
  if (value === undefined || ["", "private", "shareable"].includes(value)) return undefined;
  if (value === "host") return true;
  throw new UsageError(`${flag} ${value}: only 'host' is known`);
}

function hostAlias(text: string): { ip: string; hostnames: string[] } {
  const [, host, ip] = /^([^:=]+)[:=]\[?([^\]]+)\]?$/.exec(text) ?? [];
  if (host === undefined || ip === undefined) {
    throw new UsageError(`bad format for add-host: "${text}": expected HOST:IP`);
  }
  if (!/^[\d.]+$|:/.test(ip)) {
    throw new UsageError(`invalid IP address in add-host: "${ip}"`);
  }
  return { ip, hostnames: [host] };
}

function dnsOf(
  options: ContainerOptions,
  network: ContainerNetwork,
): Pick<PodSpec, "dnsConfig" | "dnsPolicy"> {
  const { dns, dnsSearch, dnsOption } = options;
  // Names of the cluster for a container on the machine's network, too.
  const policy = network.kind === "host" ? { dnsPolicy: "ClusterFirstWithHostNet" } : {};
  if (dns.length + dnsSearch.length + dnsOption.length === 0) return policy;
  return {
    ...policy,
    ...(dns.length > 0 ? { dnsPolicy: "None" } : {}),
    dnsConfig: present({
      nameservers: dns.length === 0 ? undefined : [...dns],
      searches: dnsSearch.length === 0 ? undefined : [...dnsSearch],
      options:
        dnsOption.length === 0
          ? undefined
          : dnsOption.map((it) => {
              const [name = "", value] = it.split(":");
              return present({ name, value });
            }),
    }),
  };
}
