import { quoteWord } from "#base/shell.ts";
import type { NodeLayout } from "./layout.ts";

/**
 * Followed by a container's name, on its pod: `nofile=1024:2048 pids=100`, soft and hard limits of
 * its processes as prlimit(1) calls them, and how many processes it may have. CRI has no words for
 * either. Limits that would give a pod a share of its node that others have not are no part of it.
 */
export const limitsAnnotationPrefix = "limits.gantry.dev/";

const limitNames =
  "as|core|cpu|data|fsize|locks|memlock|msgqueue|nofile|nproc|rss|sigpending|stack";

/**
 * The part of a shell script that calls runc which sets the limits of a container whose process is
 * about to begin: it exists by then, and passes its limits on to the command that takes its place.
 */
export function limitsPart(layout: Pick<NodeLayout, "bundles">): string {
  const pattern = limitsAnnotationPrefix.replaceAll(".", "\\.").replaceAll("/", "\\/");
  return `limit() {
  for id; do :; done
  bundle=${quoteWord(layout.bundles)}/$id
  read -r config 2>/dev/null <"$bundle/config.json"
  case $config in *'"${limitsAnnotationPrefix}'*) ;; *) return 0 ;; esac
  name=$(sed -n 's/.*"io\\.kubernetes\\.cri\\.container-name":"\\([a-z0-9-]*\\)".*/\\1/p' "$bundle/config.json")
  [ -n "$name" ] || return 0
  words=$(sed -n 's/.*"${pattern}'"$name"'":"\\([^"]*\\)".*/\\1/p' "$bundle/config.json")
  read -r pid <"$bundle/init.pid"
  set -f
  for word in $words; do
    case $word in
      pids=*) limit_pids "\${word#pids=}" ;;
      *) echo "$word" | grep -qE '^(${limitNames})=([0-9]+|unlimited):([0-9]+|unlimited)$' &&
        prlimit --pid "$pid" "--$word" ;;
    esac || { echo "limit $word cannot be set: see the annotation ${limitsAnnotationPrefix}$name" >&2; exit 1; }
  done
  set +f
}
limit_pids() {
  echo "$1" | grep -qE '^[1-9][0-9]{0,8}$' || return 1
  group=$(sed -n 's/^[0-9]*:pids://p' "/proc/$pid/cgroup")
  if [ -n "$group" ]; then directory=/sys/fs/cgroup/pids$group
  else directory=/sys/fs/cgroup$(sed -n 's/^0:://p' "/proc/$pid/cgroup"); fi
  echo "$1" >"$directory/pids.max"
}
`;
}
