import { unsupportedMediaType } from "./body.ts";
import type { Written } from "./commit.ts";
import type { EndpointPorts } from "./endpoint-ports.ts";
import type { Patching } from "./patch-object.ts";

export async function applyObject(_ports: EndpointPorts, _patching: Patching): Promise<Written> {
  throw unsupportedMediaType([]);
}
