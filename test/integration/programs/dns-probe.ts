// Asks the cluster's DNS for the argument, and prints the first address or the code of the error.
import { Resolver } from "node:dns/promises";

const resolver = new Resolver({ timeout: 700, tries: 1 });
resolver.setServers(["10.96.0.10"]);
const said = await resolver.resolve4(process.argv[2] ?? "").then(
  ([first]) => first ?? "",
  (error: unknown) => (error as NodeJS.ErrnoException).code ?? "",
);
process.stdout.write(said);
