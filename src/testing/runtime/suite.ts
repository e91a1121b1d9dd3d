import { after, before, suite } from "node:test";
import { containerTests } from "./container-tests.ts";
import { eventTests } from "./event-tests.ts";
import { execTests } from "./exec-tests.ts";
import { imageTests } from "./image-tests.ts";
import { sandboxTests } from "./sandbox-tests.ts";
import { sessionTests } from "./session-tests.ts";
import { type RuntimeFixture, RuntimeTester } from "./tester.ts";

/** The promises of `cri/runtime.ts`; every runtime must pass. */
export function runtimeSuite(
  name: string,
  open: () => Promise<RuntimeFixture>,
  options: { readonly skip?: string | false } = {},
): void {
  suite(`Runtime ${name}`, { skip: options.skip ?? false }, () => {
    let tester: RuntimeTester;
    before(async () => {
      tester = new RuntimeTester(await open());
    });
    after(async () => {
      await tester.fixture.close();
    });
    sandboxTests(() => tester);
    containerTests(() => tester);
    execTests(() => tester);
    sessionTests(() => tester);
    imageTests(() => tester);
    eventTests(() => tester);
  });
}
