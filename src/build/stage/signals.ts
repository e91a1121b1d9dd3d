import { constants } from "node:os";

const realtimeMin = 34;
const realtimeMax = 64;

/** Whether STOPSIGNAL may say it: a number, `SIGTERM`, `term`, `RTMIN+3`. */
export function isSignal(text: string): boolean {
  if (/^\d+$/.test(text)) return Number(text) > 0 && Number(text) <= realtimeMax;
  const name = text.toUpperCase().replace(/^SIG/, "");
  if (Object.hasOwn(constants.signals, `SIG${name}`)) return true;
  const [, edge, offset = "0"] = /^RT(MIN|MAX)(?:[+-](\d+))?$/.exec(name) ?? [];
  return edge !== undefined && Number(offset) <= realtimeMax - realtimeMin;
}
