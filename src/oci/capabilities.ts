/** Linux's capabilities, each at its number, as far as containerd 1.6 and its runc know them. */
const linuxCapabilities: readonly string[] = [
  "CHOWN DAC_OVERRIDE DAC_READ_SEARCH FOWNER FSETID KILL SETGID SETUID SETPCAP LINUX_IMMUTABLE",
  "NET_BIND_SERVICE NET_BROADCAST NET_ADMIN NET_RAW IPC_LOCK IPC_OWNER SYS_MODULE SYS_RAWIO",
  "SYS_CHROOT SYS_PTRACE SYS_PACCT SYS_ADMIN SYS_BOOT SYS_NICE SYS_RESOURCE SYS_TIME",
  "SYS_TTY_CONFIG MKNOD LEASE AUDIT_WRITE AUDIT_CONTROL SETFCAP MAC_OVERRIDE MAC_ADMIN SYSLOG",
  "WAKE_ALARM BLOCK_SUSPEND",
].flatMap((line) => line.split(" ").map((it) => `CAP_${it}`));

/** What Docker gives containers. */
export const dockerCapabilities: readonly string[] = [
  "CAP_CHOWN",
  "CAP_DAC_OVERRIDE",
  "CAP_FSETID",
  "CAP_FOWNER",
  "CAP_MKNOD",
  "CAP_NET_RAW",
  "CAP_SETGID",
  "CAP_SETUID",
  "CAP_SETFCAP",
  "CAP_SETPCAP",
  "CAP_NET_BIND_SERVICE",
  "CAP_SYS_CHROOT",
  "CAP_KILL",
  "CAP_AUDIT_WRITE",
];

/** The others. */
export const furtherCapabilities: readonly string[] = linuxCapabilities.filter(
  (it) => !dockerCapabilities.includes(it),
);

/** Those of a process's `status` in `/proc`, which it may hand on. */
export function boundingCapabilities(status: string): readonly string[] {
  const [, digits = "0"] = /^CapBnd:\s*([0-9a-f]+)$/m.exec(status) ?? [];
  const mask = BigInt(`0x${digits}`);
  return linuxCapabilities.filter((_, number) => ((mask >> BigInt(number)) & 1n) === 1n);
}
