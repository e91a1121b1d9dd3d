import { attachedHandler } from "./attach-gate.ts";
import type { NodeLayout } from "./layout.ts";
import { limitsAnnotationPrefix } from "./process-limits.ts";

export interface ContainerdConfig {
  readonly layout: NodeLayout;
  readonly cniBinDir: string;
  readonly pauseImage: string;
  /** Whether this process may lower an `oom_score_adj`; without, sandboxes fail unless clamped. */
  readonly canLowerOomScore: boolean;
}

const unusedPlugins = [
  "io.containerd.snapshotter.v1.aufs",
  "io.containerd.snapshotter.v1.btrfs",
  "io.containerd.snapshotter.v1.devmapper",
  "io.containerd.snapshotter.v1.zfs",
  "io.containerd.internal.v1.tracing",
  "io.containerd.tracing.processor.v1.otlp",
];

/** containerd's configuration, version 2: read by 1.6 and 1.7, and migrated by 2.x. */
export function containerdToml(config: ContainerdConfig): string {
  const { layout } = config;
  const cri = `plugins."io.containerd.grpc.v1.cri"`;
  const passed = text(`${limitsAnnotationPrefix}*`);
  return `version = 2
root = ${text(layout.root)}
state = ${text(layout.state)}
oom_score = ${config.canLowerOomScore ? -999 : 0}
disabled_plugins = [${unusedPlugins.map(text).join(", ")}]

[grpc]
  address = ${text(layout.socket)}

[ttrpc]
  address = ${text(`${layout.socket}.ttrpc`)}

[debug]
  level = "warn"

[plugins."io.containerd.internal.v1.opt"]
  path = ${text(layout.optDir)}

[${cri}]
  sandbox_image = ${text(config.pauseImage)}
  disable_apparmor = true
  restrict_oom_score_adj = ${String(!config.canLowerOomScore)}
  tolerate_missing_hugetlb_controller = true
  max_concurrent_downloads = 3
  stream_server_address = "127.0.0.1"
  stream_server_port = "0"
  netns_mounts_under_state_dir = true
  [${cri}.cni]
    bin_dir = ${text(config.cniBinDir)}
    conf_dir = ${text(layout.cniConfDir)}
  [${cri}.registry]
    config_path = ${text(layout.registryDir)}
  [${cri}.containerd]
    snapshotter = "overlayfs"
    default_runtime_name = "runc"
    discard_unpacked_layers = false
    [${cri}.containerd.runtimes.runc]
      runtime_type = "io.containerd.runc.v2"
      pod_annotations = [${passed}]
      [${cri}.containerd.runtimes.runc.options]
        BinaryName = ${text(layout.runcProgram)}
        SystemdCgroup = false
        Root = ${text(layout.runcRoot)}
    [${cri}.containerd.runtimes.${attachedHandler}]
      runtime_type = "io.containerd.runc.v2"
      pod_annotations = [${passed}]
      [${cri}.containerd.runtimes.${attachedHandler}.options]
        BinaryName = ${text(layout.gateProgram)}
        SystemdCgroup = false
        Root = ${text(layout.runcRoot)}
`;
}

export interface PodNetwork {
  /** The node's pods, IPv4: `10.244.0.0/24`. */
  readonly podCidr: string;
  readonly mtu: number;
}

/**
 * The CNI network: a routed veth pair for each pod and no bridge, so that services and hairpins pass
 * the host's rules. Host ports are the service proxy's.
 */
export function cniConflist(layout: NodeLayout, network: PodNetwork): string {
  const plugin = {
    type: "ptp",
    ipMasq: false,
    mtu: network.mtu,
    ipam: {
      type: "host-local",
      dataDir: layout.ipamDir,
      ranges: [[{ subnet: network.podCidr }]],
      routes: [{ dst: "0.0.0.0/0" }],
    },
  };
  const list = { cniVersion: "0.4.0", name: layout.networkName, plugins: [plugin] };
  return `${JSON.stringify(list, undefined, 2)}\n`;
}

/**
 * containerd's `hosts.toml` for any registry: where requests for its images go, in order, before the
 * registry itself. A mirror is told the registry's name as the parameter `ns`.
 * @param mirrors base URLs, `http://127.0.0.1:5000`.
 */
export function hostsToml(mirrors: readonly RegistryMirror[]): string {
  return mirrors
    .map(({ url, ca, client }) => {
      const lines = [`[host.${text(url)}]`, '  capabilities = ["pull", "resolve"]'];
      if (ca !== undefined) lines.push(`  ca = ${text(ca)}`);
      if (client !== undefined) {
        lines.push(`  client = [[${text(client.certificate)}, ${text(client.key)}]]`);
      }
      return `${lines.join("\n")}\n`;
    })
    .join("\n");
}

/** A registry that is asked before the one that an image's name says. */
export interface RegistryMirror {
  /** `http://127.0.0.1:5000`. */
  readonly url: string;
  /** File of the authority that its certificate chains to; undefined for the machine's. */
  readonly ca?: string;
  /** Files of the certificate that is shown to it. */
  readonly client?: { readonly certificate: string; readonly key: string };
}

/** A TOML basic string; JSON's escapes are a subset of TOML's. */
function text(value: string): string {
  return JSON.stringify(value);
}
