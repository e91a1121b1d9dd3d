"""Calls a running API of workflows through Airflow's own client library, apache-airflow-client.

    gantry scheduler --api-port 18080 --dags-folder examples/dags &
    python check.py http://127.0.0.1:18080 admin PASSWORD DAG

The client checks each answer against the models that are generated from Airflow's specification.
Prints a line for each call; ends with 1 when one failed.
"""

import datetime
import json
import sys
import time
import urllib.request

import airflow_client.client as airflow
from airflow_client.client import models
from airflow_client.client.api import (

    backfill_api,
    config_api,
    connection_api,
    dag_api,
    dag_run_api,
    dag_source_api,
    dag_stats_api,
    dag_version_api,
    dag_warning_api,
    event_log_api,
    import_error_api,
    job_api,
    monitor_api,
    plugin_api,
    pool_api,
    provider_api,
    task_api,
    task_instance_api,
    variable_api,
    version_api,
    x_com_api,
)

host, user, password, dag_id = sys.argv[1:5]
failures = 0

def login():
    request = urllib.request.Request(
        host + "/auth/token",
        json.dumps({"username": user, "password": password}).encode(),
        {"content-type": "application/json"},
    )
    return json.load(urllib.request.urlopen(request))["access_token"]

def call(name, act, expect=None):
    global failures
    try:
        result = act()
        if expect is not None:
            print("FAIL", name, "was expected to fail with", expect)
            failures += 1
            return None
        print("ok  ", name)
        return result
    except airflow.ApiException as error:
        if error.status == expect:
            print("ok  ", name, expect)
            return None
        print("FAIL", name, error.status, str(error.body)[:300])
    except Exception as error:
        print("FAIL", name, type(error).__name__, str(error)[:600])
    failures += 1
    return None

def wait_for_end(runs, run_id):
    deadline = time.time() + 60
    while time.time() < deadline:
        run = runs.get_dag_run(dag_id, run_id)
        if run.state in ("success", "failed"):
            return run
        time.sleep(0.2)
    raise Exception("the run does not end")

client = airflow.ApiClient(airflow.Configuration(host=host, access_token=login()))
dags = dag_api.DAGApi(client)
runs = dag_run_api.DagRunApi(client)
instances = task_instance_api.TaskInstanceApi(client)
variables = variable_api.VariableApi(client)
connections = connection_api.ConnectionApi(client)
pools = pool_api.PoolApi(client)
xcoms = x_com_api.XComApi(client)

call("version", lambda: version_api.VersionApi(client).get_version())
call("health", lambda: monitor_api.MonitorApi(client).get_health())
call("dags", lambda: dags.get_dags(limit=10, order_by=["-dag_id"]))
call("dag", lambda: dags.get_dag(dag_id))
call("dag details", lambda: dags.get_dag_details(dag_id))
call("no such dag", lambda: dags.get_dag("nothing"), 404)
call("unpause", lambda: dags.patch_dag(dag_id, models.DAGPatchBody(is_paused=False)))
call("tags", lambda: dags.get_dag_tags())
call("source", lambda: dag_source_api.DagSourceApi(client).get_dag_source(dag_id))
call("stats", lambda: dag_stats_api.DagStatsApi(client).get_dag_stats([dag_id]))
call("versions", lambda: dag_version_api.DagVersionApi(client).get_dag_versions(dag_id))
call("version 1", lambda: dag_version_api.DagVersionApi(client).get_dag_version(dag_id, 1))
call("warnings", lambda: dag_warning_api.DagWarningApi(client).list_dag_warnings())
call("tasks", lambda: task_api.TaskApi(client).get_tasks(dag_id))
call("import errors", lambda: import_error_api.ImportErrorApi(client).get_import_errors())
call("jobs", lambda: job_api.JobApi(client).get_jobs(is_alive=True))
call("plugins", lambda: plugin_api.PluginApi(client).get_plugins())
call("providers", lambda: provider_api.ProviderApi(client).get_providers())
call("config", lambda: config_api.ConfigApi(client).get_config(), 403)

body = models.TriggerDAGRunPostBody(logical_date=None, conf={}, note="by a client")
run = call("trigger", lambda: runs.trigger_dag_run(dag_id, body))
run_id = run.dag_run_id
call(
    "trigger twice",
    lambda: runs.trigger_dag_run(
        dag_id, models.TriggerDAGRunPostBody(logical_date=None, dag_run_id=run_id)
    ),
    409,
)
ended = call("run ends", lambda: wait_for_end(runs, run_id))
print("    ", ended and ended.state)
call("runs", lambda: runs.get_dag_runs(dag_id, state=["success"], order_by=["-run_after"]))
call("all runs", lambda: runs.get_dag_runs("~"))
since = datetime.datetime(2020, 1, 1, tzinfo=datetime.timezone.utc)
call(
    "runs by body",
    lambda: runs.get_list_dag_runs_batch(
        "~", models.DAGRunsBatchBody(dag_ids=[dag_id], run_after_gte=since)
    ),
)
call("note", lambda: runs.patch_dag_run(dag_id, run_id, models.DAGRunPatchBody(note="changed")))
call("wait", lambda: runs.wait_dag_run_until_finished(dag_id, run_id, 1.0))
found = call("task instances", lambda: instances.get_task_instances(dag_id, run_id))
call("all task instances", lambda: instances.get_task_instances("~", "~", limit=3))
call(
    "task instances by body",
    lambda: instances.get_task_instances_batch(
        "~", "~", models.TaskInstancesBatchBody(dag_ids=[dag_id], state=["success"])
    ),
)
for one in found.task_instances[:3] if found else []:
    at = (dag_id, run_id, one.task_id)
    if one.map_index < 0:
        call(f"task instance {one.task_id}", lambda: instances.get_task_instance(*at))
        call("tries", lambda: instances.get_task_instance_tries(*at))
        call("dependencies", lambda: instances.get_task_instance_dependencies(*at))
    else:
        call("mapped", lambda: instances.get_mapped_task_instance(*at, one.map_index))
        call("all mapped", lambda: instances.get_mapped_task_instances(*at))
    if one.try_number > 0:
        log = call("log", lambda: instances.get_log(*at, one.try_number, map_index=one.map_index))
    call("xcoms", lambda: xcoms.get_xcom_entries(dag_id, run_id, one.task_id))
task = next(it for it in found.task_instances if it.map_index < 0)
at = (dag_id, run_id, task.task_id)
xat = (dag_id, task.task_id, run_id)
call("xcom add", lambda: xcoms.create_xcom_entry(*xat, models.XComCreateBody(key="k", value=[1])))
call("xcom get", lambda: xcoms.get_xcom_entry(*xat, "k"))
call("xcom set", lambda: xcoms.update_xcom_entry(*xat, "k", models.XComUpdateBody(value={"a": 1})))
call("xcom delete", lambda: xcoms.delete_xcom_entry(*xat, "k"))
call(
    "mark failed",
    lambda: instances.patch_task_instance(
        *at, models.PatchTaskInstanceBody(new_state="failed", note="by hand")
    ),
)
call(
    "clear, dry",
    lambda: instances.post_clear_task_instances(
        dag_id,
        models.ClearTaskInstancesBody(dag_run_id=run_id, only_failed=False, dry_run=True),
    ),
)
call(
    "clear",
    lambda: instances.post_clear_task_instances(
        dag_id,
        models.ClearTaskInstancesBody(dag_run_id=run_id, only_failed=False, dry_run=False),
    ),
)
call("run ends again", lambda: wait_for_end(runs, run_id))
call("delete run", lambda: runs.delete_dag_run(dag_id, run_id))

call("variable add", lambda: variables.post_variable(models.VariableBody(key="k", value="v")))
call("variable get", lambda: variables.get_variable("k"))
call("variables", lambda: variables.get_variables(variable_key_pattern="k"))
call(
    "variable set", lambda: variables.patch_variable("k", models.VariableBody(key="k", value="w"))
)
call(
    "variables in bulk",
    lambda: variables.bulk_variables(
        models.BulkBodyVariableBody.from_dict(
            {"actions": [{"action": "create", "entities": [{"key": "l", "value": "1"}]}]}
        )
    ),
)
call("variable delete", lambda: variables.delete_variable("k"))
call("variable delete", lambda: variables.delete_variable("l"))
connection = models.ConnectionBody(
    connection_id="c", conn_type="postgres", host="h", port=5432, password="p", extra='{"a": 1}'
)
call("connection add", lambda: connections.post_connection(connection))
shown = call("connection get", lambda: connections.get_connection("c"))
if shown and shown.password == "p":
    print("FAIL the password is shown")
    failures += 1
call("connections", lambda: connections.get_connections())
call("connection set", lambda: connections.patch_connection("c", connection, update_mask=["host"]))
call("connection test", lambda: connections.test_connection(connection), 403)
call("connection delete", lambda: connections.delete_connection("c"))
call("pool add", lambda: pools.post_pool(models.PoolBody(name="p", slots=3)))
call("pool get", lambda: pools.get_pool("p"))
call("pools", lambda: pools.get_pools())
call("pool set", lambda: pools.patch_pool("p", models.PoolPatchBody(slots=4)))
call("pool delete", lambda: pools.delete_pool("p"))
events = call(
    "events", lambda: event_log_api.EventLogApi(client).get_event_logs(dag_id=dag_id, limit=5)
)
first = events.event_logs[0].event_log_id
call("event", lambda: event_log_api.EventLogApi(client).get_event_log(first))

call("backfills", lambda: backfill_api.BackfillApi(client).list_backfills(dag_id))
call("pause", lambda: dags.patch_dags(models.DAGPatchBody(is_paused=True), dag_id_pattern=dag_id))
print("failures:", failures)
sys.exit(1 if failures else 0)
