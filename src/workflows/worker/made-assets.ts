import { FailError, type TaskContext } from "#dag/authoring/context.ts";
import type { TaskModel } from "#dag/model/model.ts";
import type { MadeAsset } from "./protocol.ts";

/** What a task says while it runs that it makes. */
export class MadeAssets {
  readonly all: MadeAsset[] = [];

  /** For the task's context. @throws {FailError} for what is not among its outlets. */
  add(task: TaskModel, ...[made, about = {}]: Parameters<TaskContext["assetMade"]>): void {
    const { name, uri, group, extra: known } = made;
    const { extra = {}, alias } = about;
    const isOutlet = task.outlets?.some((it) => it.name === name) ?? false;
    const isAliased = alias !== undefined && (task.outletAliases ?? []).includes(alias.name);
    if (alias === undefined ? !isOutlet : !isAliased) {
      const what = alias === undefined ? `asset '${name}'` : `asset alias '${alias.name}'`;
      throw new FailError(`task ${task.id} has no ${what} among its outlets`);
    }
    const asset = { name, uri, group, extra: known };
    this.all.push({ asset, extra: { ...known, ...extra }, alias: alias?.name });
  }
}
