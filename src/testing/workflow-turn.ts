import type { Database } from "#sql/database.ts";
import { RunRecords } from "#workflows/scheduler/run-records.ts";
import { wholeRoom } from "#workflows/scheduler/turn-room.ts";
import type { Turn } from "#workflows/scheduler/turn-context.ts";

/** A part of a turn at `now`, in a transaction of its own. @returns what it worked with. */
export async function inTurn(
  database: Database,
  now: number,
  act: (turn: Turn) => Promise<void>,
): Promise<Turn> {
  return await database.transaction(async (queries) => {
    const turn: Turn = {
      ...{
        queries,
        now,
        owner: "me",
        host: "h",
        pid: 1,
        records: new RunRecords(),
        room: { ...wholeRoom },
      },
      ...{ settings: { executorOf: () => "x", mapLengthMax: 1 }, events: [], outputs: [] },
      ...{ assetEvents: [], callbacks: [], newId: () => "id" },
    };
    await act(turn);
    return turn;
  }, true);
}
