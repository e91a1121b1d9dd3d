/** Of calls to containerd's own services: CRI keeps what it has in this namespace. */
export const namespaceHeader: Readonly<Record<string, string>> = {
  "containerd-namespace": "k8s.io",
};

/** The one that CRI unpacks images into. */
export const snapshotter = "overlayfs";
