import { workflowWorker } from "./worker.ts";

/*
 * A worker process of the workflows, as a program of its own: it starts without the command line and
 * all that belongs to it.
 */

await workflowWorker();
