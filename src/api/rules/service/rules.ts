import type { Endpoints, EndpointSlice, Service } from "#api/gen/types.ts";
import type { Rules } from "#api/rules/rules.ts";
import { endpointSlicePrinter, endpointsPrinter, servicePrinter } from "./columns.ts";
import { defaultEndpoints, defaultEndpointSlice, defaultService } from "./defaults.ts";
import { validateEndpointSlice, validateEndpointSliceUpdate } from "./slices.ts";
import { prepareServiceCreate, prepareServiceUpdate } from "./update.ts";
import {
  validateEndpoints,
  validateService,
  validateServiceStatus,
  validateServiceUpdate,
} from "./validation.ts";

export const serviceRules: Rules<Service> = {
  default: defaultService,
  create: (service) => {
    prepareServiceCreate(service);
    service.status = { loadBalancer: {} };
  },
  update: prepareServiceUpdate,
  validate: validateService,
  validateUpdate: validateServiceUpdate,
  validateStatus: validateServiceStatus,
  printer: servicePrinter,
  allowCreateOnUpdate: true,
};

export const endpointsRules: Rules<Endpoints> = {
  default: defaultEndpoints,
  validate: validateEndpoints,
  printer: endpointsPrinter,
  allowCreateOnUpdate: true,
};

export const endpointSliceRules: Rules<EndpointSlice> = {
  generation: true,
  default: defaultEndpointSlice,
  validate: validateEndpointSlice,
  validateUpdate: validateEndpointSliceUpdate,
  printer: endpointSlicePrinter,
};
