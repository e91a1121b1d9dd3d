import assert from "node:assert/strict";
import { test } from "node:test";
import type { Project, Service } from "#compose/project/model.ts";
import { attachedServices, selectServices, withRestarted } from "./select.ts";

function needs(...names: readonly string[]): Service {
  const dependency = { condition: "service_started", required: true, restart: false } as const;
  return { image: "i", depends_on: Object.fromEntries(names.map((it) => [it, dependency])) };
}

const project: Project = {
  name: "p",
  services: {
    web: needs("api"),
    api: needs("db"),
    db: { image: "i" },
    debug: { ...needs("db"), profiles: ["debug"] },
    needy: { ...needs("debug"), profiles: ["other"] },
  },
  volumes: {},
  networks: {},
  configs: {},
  secrets: {},
};

const cases: readonly (readonly [
  services: readonly string[],
  profiles: readonly string[],
  want: string,
])[] = [
  [[], [], "web api db"],
  [[], ["debug"], "web api db debug"],
  [[], ["*"], "web api db debug needy"],
  [["api"], [], "api db"],
  [["debug"], [], "db debug"],
  [["debug", "needy"], [], "db debug needy"],
];

for (const [services, profiles, want] of cases) {
  test(`selectServices: ${services.join(" ")} with ${profiles.join(" ")}`, () => {
    const chosen = selectServices(project, { services, profiles });
    assert.equal(Object.keys(chosen.services).join(" "), want);
  });
}

test("selectServices: a dependency whose profile is off, and a name that is none", () => {
  const select = (name: string) => () =>
    selectServices(project, { services: [name], profiles: [] });
  assert.throws(select("needy"), {
    message: /depends on debug, whose profile is not on: --profile/,
  });
  assert.throws(select("none"), { message: "none: no such service" });
});

test("withRestarted: dependents that want it, and theirs", () => {
  const need = (name: string, restart: boolean): Service => ({
    image: "i",
    depends_on: { [name]: { condition: "service_started", restart } },
  });
  const services = {
    db: {},
    api: need("db", true),
    web: need("api", true),
    log: need("db", false),
  };
  assert.deepEqual(withRestarted({ ...project, services }, ["db"]), ["db", "api", "web"]);
  assert.deepEqual(withRestarted({ ...project, services }, []), []);
});

test("attachedServices: all but those that say otherwise, unless they are asked for", () => {
  const services = { a: {}, b: { attach: false } };
  assert.deepEqual(attachedServices({ ...project, services }, []), ["a"]);
  assert.deepEqual(attachedServices({ ...project, services }, ["b"]), ["b"]);
});

test("selectServices: volumes and the like that nobody uses are left out", () => {
  const whole: Project = {
    ...project,
    services: { a: { image: "i", volumes: [{ type: "volume", source: "v", target: "/v" }] } },
    volumes: { v: {}, unused: {} },
    secrets: { unused: { file: "/gone" } },
  };
  const { volumes, secrets } = selectServices(whole, { services: [], profiles: [] });
  assert.deepEqual({ volumes, secrets }, { volumes: { v: {} }, secrets: {} });
});
