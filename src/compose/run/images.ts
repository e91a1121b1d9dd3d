import { formatTable, shortDigest } from "#base/docker-format.ts";
import type { Session } from "#cli/connection.ts";
import type { Services } from "./control.ts";
import { podsOf } from "./list.ts";
import { isReplaced } from "./progress.ts";

/** `compose images`: what each container was made of. */
export async function composeImages(session: Session, of: Services): Promise<void> {
  const found = await podsOf(session, of.project, of.services);
  const all = found.filter((it) => !isReplaced(it));
  const rows = all.map((pod) => {
    const image = pod.spec?.containers[0]?.image ?? "";
    const [, repository = image, tag = "latest"] =
      /^(.+?)(?::([^/:@]+))?(?:@.*)?$/.exec(image) ?? [];
    const id = pod.status?.containerStatuses?.[0]?.imageID ?? "";
    const name = pod.metadata?.name ?? "";
    return [name, repository, tag, shortId(id)];
  });
  session.io.out(formatTable([["CONTAINER", "REPOSITORY", "TAG", "IMAGE ID"], ...rows]));
}

/** `docker.io/library/x@sha256:…`, or a digest alone. */
function shortId(image: string): string {
  return image === "" ? "" : shortDigest(image.slice(image.lastIndexOf("@") + 1));
}
