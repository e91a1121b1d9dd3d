import { ellipsis, formatSize, shortDigest } from "#base/docker-format.ts";
import { formatRows } from "#base/go-template/rows.ts";
import { findImage, type ImageWorld } from "./find-image.ts";
import { ageOf, viewImage } from "./image-view.ts";

const commandWidth = 45;

export interface HistoryOptions {
  readonly noTrunc: boolean;
  readonly quiet: boolean;
  /** False: bytes and times as numbers. */
  readonly human: boolean;
  /** `table`, `table {{…}}`, `json`, or a template. */
  readonly format?: string | undefined;
  /** Milliseconds since the epoch. */
  readonly now: number;
}

const titles = {
  ID: "IMAGE",
  CreatedSince: "CREATED",
  CreatedBy: "CREATED BY",
  Size: "SIZE",
  Comment: "COMMENT",
};

/** What `docker history` prints, the newest first. @throws {Error} when there is no such image. */
export async function showHistory(
  world: ImageWorld,
  text: string,
  options: HistoryOptions,
): Promise<string> {
  const view = await viewImage(world.store, await findImage(world, text), world.platform);
  if (view === undefined) throw new Error(`${text} is no image: it has no config`);
  const layers = view.layers.values();
  const entries = (view.config.history ?? []).map((entry) => {
    const layer = entry.empty_layer === true ? undefined : layers.next().value;
    return { entry, sizeBytes: layer?.size ?? 0 };
  });
  const { noTrunc, human, now } = options;
  const rows = entries.toReversed().map(({ entry, sizeBytes }, index) => {
    const id = index === 0 ? view.id : "<missing>";
    const command = (entry.created_by ?? "").replaceAll("\t", " ");
    const { created = "" } = entry;
    return {
      ID: noTrunc || index > 0 ? id : shortDigest(id),
      CreatedSince: human ? ageOf(created, now) : created,
      CreatedAt: created,
      CreatedBy: noTrunc ? command : ellipsis(command, commandWidth),
      Size: human ? formatSize(sizeBytes) : String(sizeBytes),
      Comment: entry.comment ?? "",
    };
  });
  if (options.quiet) return rows.map((it) => `${it.ID}\n`).join("");
  return formatRows(
    rows,
    human ? titles : { ...titles, CreatedSince: "CREATED AT" },
    options.format,
  );
}
