import assert from "node:assert/strict";
import { test } from "node:test";
import { secretsSettings } from "./settings.ts";

const backend = {
  AIRFLOW__SECRETS__BACKEND:
    "airflow.providers.cncf.kubernetes.secrets.kubernetes_secrets_backend.KubernetesSecretsBackend",
};
const kwargs = "AIRFLOW__SECRETS__BACKEND_KWARGS";

test("secretsSettings: Airflow's variables and its defaults", () => {
  const defaults = {
    connectionsLabel: "airflow.apache.org/connection-id",
    variablesLabel: "airflow.apache.org/variable-key",
    connectionsDataKey: "value",
    variablesDataKey: "value",
    namespace: undefined,
  };
  assert.equal(secretsSettings({}), undefined);
  assert.deepEqual(secretsSettings(backend), defaults);
  const given = { namespace: "team", variables_label: null, connections_data_key: "uri" };
  assert.deepEqual(secretsSettings({ ...backend, [kwargs]: JSON.stringify(given) }), {
    ...defaults,
    namespace: "team",
    variablesLabel: undefined,
    connectionsDataKey: "uri",
  });
  assert.throws(() => secretsSettings({ AIRFLOW__SECRETS__BACKEND: "x.Vault" }), /Vault/);
  const wrong = ["[1]", "no", '{"mount": "x"}', '{"namespace": 1}'];
  for (const it of wrong) assert.throws(() => secretsSettings({ ...backend, [kwargs]: it }));
});
