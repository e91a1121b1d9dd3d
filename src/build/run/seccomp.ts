/**
 * System calls that no build needs and that have been ways out of containers: a list of what is
 * refused, where Docker's profile lists what is allowed. Capabilities bound the rest. Refused calls
 * fail with EPERM.
 */
const refused: readonly string[] = [
  "acct",
  "add_key",
  "bpf",
  "clock_adjtime",
  "clock_settime",
  "create_module",
  "delete_module",
  "finit_module",
  "get_kernel_syms",
  "init_module",
  "ioperm",
  "iopl",
  "kexec_file_load",
  "kexec_load",
  "keyctl",
  "lookup_dcookie",
  "move_mount",
  "nfsservctl",
  "open_by_handle_at",
  "perf_event_open",
  "pivot_root",
  "process_vm_writev",
  "query_module",
  "quotactl",
  "reboot",
  "request_key",
  "settimeofday",
  "stime",
  "swapoff",
  "swapon",
  "sysfs",
  "_sysctl",
  "umount",
  "umount2",
  "unshare",
  "userfaultfd",
  "vm86",
  "vm86old",
  "mount",
];

export const seccompProfile: object = {
  defaultAction: "SCMP_ACT_ALLOW",
  syscalls: [{ names: refused, action: "SCMP_ACT_ERRNO", errnoRet: 1 }],
};
