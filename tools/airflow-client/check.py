"""Calls every operation of a running API of workflows through Airflow's own client library.

    pip install apache-airflow-client==3.3.2
    AIRFLOW__API__EXPOSE_CONFIG=true gantry scheduler --api-port 18080 --no-paused-at-creation \
        --dags-folder tools/airflow-client/dags &
    python check.py http://127.0.0.1:18080 admin PASSWORD

The client checks each answer against the models that are generated from Airflow's specification.
Prints a line for each call, then the operations that were not called; ends with 1 when a call failed or
an operation was left out that ../../src/workflows/api/cases does not name as not served.
"""

import datetime
import json
import pathlib
import sys
import time
import urllib.request

import airflow_client.client as airflow
from airflow_client.client import api, models

host, user, password = sys.argv[1:4]
cases = pathlib.Path(__file__).parent / "../../src/workflows/api/cases"
dag, reader, daily = "client_check", "client_check_reader", "client_check_daily"
failures = 0
called = set()


def login():
    request = urllib.request.Request(
        host + "/auth/token",
        json.dumps({"username": user, "password": password}).encode(),
        {"content-type": "application/json"},
    )
    return json.load(urllib.request.urlopen(request))["access_token"]


def call(name, act, expect=None):
    """Its result; None when it failed, or was to fail with a status and did."""
    global failures
    try:
        result = act()
        if expect is None:
            print("ok  ", name)
            return result
        print("FAIL", name, "was expected to fail with", expect)
    except airflow.ApiException as error:
        if error.status == expect:
            print("ok  ", name, expect)
            return None
        print("FAIL", name, error.status, str(error.body)[:300])
    except Exception as error:
        print("FAIL", name, type(error).__name__, str(error)[:600])
    failures += 1
    return None


def claim(name, holds):
    global failures
    print("ok  " if holds else "FAIL", name)
    failures += 0 if holds else 1


def wait_for(what, look):
    deadline = time.time() + 60
    while time.time() < deadline:
        found = look()
        if found:
            return found
        time.sleep(0.2)
    raise Exception(f"there is no {what}")


client = airflow.ApiClient(airflow.Configuration(host=host, access_token=login()))
serialize = client.param_serialize


def remember(method, resource_path, *rest, **named):
    called.add(f"{method} {resource_path.removeprefix('/api/v2')}")
    return serialize(method, resource_path, *rest, **named)


client.param_serialize = remember
assets = api.AssetApi(client)
dags = api.DAGApi(client)
runs = api.DagRunApi(client)
instances = api.TaskInstanceApi(client)
variables = api.VariableApi(client)
connections = api.ConnectionApi(client)
pools = api.PoolApi(client)
xcoms = api.XComApi(client)
backfills = api.BackfillApi(client)
events = api.EventLogApi(client)
errors = api.ImportErrorApi(client)
config = api.ConfigApi(client)
versions = api.DagVersionApi(client)
since = datetime.datetime(2020, 1, 1, tzinfo=datetime.timezone.utc)


def check_installation():
    call("version", lambda: api.VersionApi(client).get_version())
    call("health", lambda: api.MonitorApi(client).get_health())
    call("jobs", lambda: api.JobApi(client).get_jobs(is_alive=True, start_date_gte=since))
    call("plugins", lambda: api.PluginApi(client).get_plugins())
    call("plugins' errors", lambda: api.PluginApi(client).import_errors())
    call("providers", lambda: api.ProviderApi(client).get_providers())
    call("config", lambda: config.get_config())
    call("a setting", lambda: config.get_config_value("core", "dags_folder"))
    call("no such setting", lambda: config.get_config_value("core", "nothing"), 404)
    call("import errors", lambda: errors.get_import_errors())
    call("no such import error", lambda: errors.get_import_error(1), 404)
    call("warnings", lambda: api.DagWarningApi(client).list_dag_warnings())
    found = call("events", lambda: events.get_event_logs(limit=5, order_by=["-when"]))
    call("event", lambda: events.get_event_log(found.event_logs[0].event_log_id))


def check_dags():
    call("dags", lambda: dags.get_dags(limit=10, order_by=["-dag_id"], is_favorite=False))
    call("dags by timetable", lambda: dags.get_dags(timetable_type=["CronDataIntervalTimetable"]))
    call("dag", lambda: dags.get_dag(dag))
    details = call("dag details", lambda: dags.get_dag_details(dag))
    call("no such dag", lambda: dags.get_dag("nothing"), 404)
    call("unpause", lambda: dags.patch_dag(dag, models.DAGPatchBody(is_paused=False)))
    unpaused = models.DAGPatchBody(is_paused=False)
    call("unpause all", lambda: dags.patch_dags(unpaused, dag_id_prefix_pattern="client_check"))
    call("favorite", lambda: dags.favorite_dag(dag))
    call("favorites", lambda: dags.get_dags(is_favorite=True))
    call("unfavorite", lambda: dags.unfavorite_dag(dag))
    call("unfavorite again", lambda: dags.unfavorite_dag(dag), 409)
    call("tags", lambda: dags.get_dag_tags(tag_name_pattern="cli"))
    call("source", lambda: api.DagSourceApi(client).get_dag_source(dag))
    call("stats", lambda: api.DagStatsApi(client).get_dag_stats([dag]))
    call("versions", lambda: versions.get_dag_versions(dag))
    call("version 1", lambda: versions.get_dag_version(dag, 1))
    call("tasks", lambda: api.TaskApi(client).get_tasks(dag))
    call("task", lambda: api.TaskApi(client).get_task(dag, "checks.make"))
    call("parse", lambda: api.DAGParsingApi(client).reparse_dag_file(details.file_token))


def check_runs():
    body = models.TriggerDAGRunPostBody(logical_date=None, conf={}, note="by a client")
    run_id = call("trigger", lambda: runs.trigger_dag_run(dag, body)).dag_run_id
    again = models.TriggerDAGRunPostBody(logical_date=None, dag_run_id=run_id)
    call("trigger twice", lambda: runs.trigger_dag_run(dag, again), 409)
    wrong = models.TriggerDAGRunPostBody(logical_date=None, data_interval_start=since)
    call("half an interval", lambda: runs.trigger_dag_run(dag, wrong), 400)
    other = models.TriggerDAGRunPostBody(logical_date=since, dag_run_id="other " + run_id)
    call("trigger a date", lambda: runs.trigger_dag_run(dag, other))
    check_approval(run_id)
    call("wait", lambda: runs.wait_dag_run_until_finished(dag, run_id, 1.0))
    ended = call("run", lambda: runs.get_dag_run(dag, run_id))
    claim("the run has succeeded", ended.state == "success")
    call("runs", lambda: runs.get_dag_runs(dag, state=["success"], order_by=["-run_after"]))
    call("all runs", lambda: runs.get_dag_runs("~", updated_at_gte=since))
    first = call("runs by cursor", lambda: runs.get_dag_runs("~", cursor="", limit=1))
    call("more", lambda: runs.get_dag_runs("~", cursor=first.next_cursor, limit=1))
    call("no cursor", lambda: runs.get_dag_runs("~", cursor="nonsense"), 400)
    call("bad order", lambda: runs.get_dag_runs(dag, order_by=["nothing"]), 400)
    batch = models.DAGRunsBatchBody(dag_ids=[dag], run_after_gte=since)
    call("runs by body", lambda: runs.get_list_dag_runs_batch("~", batch))
    call("upstream events", lambda: runs.get_upstream_asset_events(dag, run_id))
    call("note", lambda: runs.patch_dag_run(dag, run_id, models.DAGRunPatchBody(note="changed")))
    check_instances(run_id)
    check_clearing(run_id)
    change = {"action": "update", "entities": [{"dag_run_id": run_id, "state": "success"}]}
    remove = {"action": "delete", "entities": ["nothing"]}
    both = models.BulkBodyBulkDAGRunBody.from_dict({"actions": [change, remove]})
    done = call("runs in bulk", lambda: runs.bulk_dag_runs(dag, both))
    claim("one is changed, one is not there", done.update.success and done.delete.errors)
    call("delete run", lambda: runs.delete_dag_run(dag, run_id))


def check_approval(run_id):
    def asks():
        found = instances.get_hitl_details(dag, run_id, response_received=False)
        return found.hitl_details

    wait_for("question", asks)
    at = (dag, run_id, "ask", -1)
    call("question", lambda: instances.get_hitl_detail(*at))
    call("question of a try", lambda: instances.get_hitl_detail_try_detail(*at, 1))
    wrong = models.UpdateHITLDetailPayload(chosen_options=["Perhaps"])
    call("wrong answer", lambda: instances.update_hitl_detail(*at, wrong), 400)
    right = models.UpdateHITLDetailPayload(chosen_options=["Approve"])
    call("answer", lambda: instances.update_hitl_detail(*at, right))
    call("answer again", lambda: instances.update_hitl_detail(*at, right), 409)


def check_instances(run_id):
    call("instances", lambda: instances.get_task_instances(dag, run_id, updated_at_gte=since))
    call("by group", lambda: instances.get_task_instances(dag, run_id, task_group_id="checks"))
    call("by cursor", lambda: instances.get_task_instances("~", "~", cursor="", limit=1))
    batch = models.TaskInstancesBatchBody(dag_ids=[dag], state=["success"])
    call("by body", lambda: instances.get_task_instances_batch("~", "~", batch))
    at = (dag, run_id, "checks.make")
    call("instance", lambda: instances.get_task_instance(*at))
    call("no instance", lambda: instances.get_task_instance(dag, run_id, "nothing"), 404)
    call("its tries", lambda: instances.get_task_instance_tries(*at))
    call("its try", lambda: instances.get_task_instance_try_details(*at, 1))
    call("its dependencies", lambda: instances.get_task_instance_dependencies(*at))
    call("its links", lambda: instances.get_extra_links(*at))
    call("its log", lambda: instances.get_log(*at, 1))
    call("its log elsewhere", lambda: instances.get_external_log_url(*at, 1), 400)
    one = (dag, run_id, "each", 0)
    call("mapped", lambda: instances.get_mapped_task_instance(*one))
    call("all mapped", lambda: instances.get_mapped_task_instances(dag, run_id, "each"))
    call("its tries", lambda: instances.get_mapped_task_instance_tries(*one))
    call("its try", lambda: instances.get_mapped_task_instance_try_details(*one[:3], 1, 0))
    call("dependencies", lambda: instances.get_task_instance_dependencies_by_map_index(*one))
    place = (dag, "checks.make", run_id)
    new = models.XComCreateBody(key="k", value=[1])
    call("xcom add", lambda: xcoms.create_xcom_entry(*place, new))
    call("xcom add again", lambda: xcoms.create_xcom_entry(*place, new), 409)
    call("xcoms", lambda: xcoms.get_xcom_entries(dag, run_id, "checks.make"))
    call("xcom", lambda: xcoms.get_xcom_entry(*place, "k"))
    changed = models.XComUpdateBody(value={"a": 1})
    call("xcom set", lambda: xcoms.update_xcom_entry(*place, "k", changed))
    call("xcom delete", lambda: xcoms.delete_xcom_entry(*place, "k"))
    failed = models.PatchTaskInstanceBody(new_state="failed", note="by hand")
    good = models.PatchTaskInstanceBody(new_state="success")
    call("would fail", lambda: instances.patch_task_instance_dry_run(*at, failed))
    call("fail", lambda: instances.patch_task_instance(*at, failed))
    call("fail again", lambda: instances.patch_task_instance(*at, failed), 409)
    call("would fail", lambda: instances.patch_task_instance_dry_run_by_map_index(*one, failed))
    call("fail", lambda: instances.patch_task_instance_by_map_index(*one, failed))
    within = (dag, run_id, "checks")
    call("a group would", lambda: instances.patch_task_group_instances_dry_run(*within, good))
    call("a group", lambda: instances.patch_task_group_instances(*within, good))
    change = {"action": "update", "entities": [{"task_id": "each", "new_state": "success"}]}
    body = models.BulkBodyBulkTaskInstanceBody.from_dict({"actions": [change]})
    call("instances in bulk", lambda: instances.bulk_task_instances(dag, run_id, body))


def check_clearing(run_id):
    def body(dry):
        return models.ClearTaskInstancesBody(dag_run_id=run_id, only_failed=False, dry_run=dry)

    call("clear, dry", lambda: instances.post_clear_task_instances(dag, body(True)))
    call("clear", lambda: instances.post_clear_task_instances(dag, body(False)))
    # Of what a dry run would clear the library cannot tell new tasks from others, whoever answers.
    whole = models.DAGRunClearBody(dry_run=False)
    call("clear run", lambda: runs.clear_dag_run(dag, run_id, whole))
    named = [models.BulkDAGRunBody(dag_run_id=run_id)]
    many = models.BulkDAGRunClearBody(dry_run=False, dag_runs=named)
    call("clear runs", lambda: runs.clear_dag_runs(dag, many))
    call("fail run", lambda: runs.patch_dag_run(dag, run_id, models.DAGRunPatchBody(state="failed")))
    call("delete instance", lambda: instances.delete_task_instance(dag, run_id, "checks.make"))


def check_assets():
    found = call("assets", lambda: assets.get_assets(name_pattern="client-check"))
    one = next(it for it in found.assets if it.name == "client-check-made")
    call("asset", lambda: assets.get_asset(one.id))
    call("no asset", lambda: assets.get_asset(1), 404)
    claim("who makes it", [it.task_id for it in one.producing_tasks] == ["checks.make"])
    claim("who reads it", [it.task_id for it in one.consuming_tasks] == ["read"])
    call("aliases", lambda: assets.get_asset_aliases())
    call("no alias", lambda: assets.get_asset_alias(1), 404)
    call("asset events", lambda: assets.get_asset_events(asset_id=one.id))
    event = models.CreateAssetEventsBody(asset_id=one.id, extra={"rows": 3})
    for name, look, forget in (
        ("of it", assets.get_asset_queued_events, assets.delete_asset_queued_events),
        ("of a dag", assets.get_dag_asset_queued_events, assets.delete_dag_asset_queued_events),
        ("of both", assets.get_dag_asset_queued_event, assets.delete_dag_asset_queued_event),
    ):
        where = {"of it": (one.id,), "of a dag": (reader,)}.get(name, (reader, one.id))
        call("it was made", lambda: assets.create_asset_event(event))
        call(f"queue {name}", lambda: look(*where))
        call(f"forget {name}", lambda: forget(*where))
    call("materialize", lambda: assets.materialize_asset(one.id))


def check_backfills():
    until = datetime.datetime(2026, 1, 2, tzinfo=datetime.timezone.utc)
    start = datetime.datetime(2026, 1, 1, tzinfo=datetime.timezone.utc)
    # Of a paused DAG, so that its runs wait while the backfill is looked at.
    call("pause", lambda: dags.patch_dag(daily, models.DAGPatchBody(is_paused=True)))
    body = models.BackfillPostBody(
        dag_id=daily, from_date=start, to_date=until, reprocess_behavior="completed"
    )
    call("backfill, dry", lambda: backfills.create_backfill_dry_run(body))
    number = call("backfill", lambda: backfills.create_backfill(body)).id
    call("backfills", lambda: backfills.list_backfills(daily))
    call("backfill", lambda: backfills.get_backfill(number))
    call("pause", lambda: backfills.pause_backfill(number))
    call("unpause", lambda: backfills.unpause_backfill(number))
    call("cancel", lambda: backfills.cancel_backfill(number))
    call("no backfill", lambda: backfills.get_backfill(999_999), 404)


def check_settings():
    def bulk(model, entity, name):
        create = {"action": "create", "entities": [entity]}
        delete = {"action": "delete", "entities": [name]}
        return model.from_dict({"actions": [create, delete]})

    call("variable add", lambda: variables.post_variable(models.VariableBody(key="k", value="v")))
    call("variable", lambda: variables.get_variable("k"))
    call("variables", lambda: variables.get_variables(variable_key_pattern="k"))
    changed = models.VariableBody(key="k", value="w")
    call("variable set", lambda: variables.patch_variable("k", changed))
    body = bulk(models.BulkBodyVariableBody, {"key": "l", "value": "1"}, "l")
    call("variables in bulk", lambda: variables.bulk_variables(body))
    call("variable delete", lambda: variables.delete_variable("k"))
    call("no variable", lambda: variables.get_variable("k"), 404)
    fields = {"connection_id": "c", "conn_type": "postgres", "host": "h", "password": "p"}
    connection = models.ConnectionBody.from_dict(fields)
    call("connection add", lambda: connections.post_connection(connection))
    shown = call("connection", lambda: connections.get_connection("c"))
    claim("the password is not shown", shown.password != "p")
    call("connections", lambda: connections.get_connections())
    masked = ["host"]
    call("connection set", lambda: connections.patch_connection("c", connection, masked))
    call("connection test", lambda: connections.test_connection(connection), 403)
    body = bulk(models.BulkBodyConnectionBody, fields | {"connection_id": "d"}, "d")
    call("connections in bulk", lambda: connections.bulk_connections(body))
    call("connection delete", lambda: connections.delete_connection("c"))
    call("pool add", lambda: pools.post_pool(models.PoolBody(name="p", slots=3)))
    call("pool", lambda: pools.get_pool("p"))
    call("pools", lambda: pools.get_pools())
    call("pool set", lambda: pools.patch_pool("p", models.PoolPatchBody(slots=4)))
    body = bulk(models.BulkBodyPoolBody, {"name": "q", "slots": 1}, "q")
    call("pools in bulk", lambda: pools.bulk_pools(body))
    call("pool delete", lambda: pools.delete_pool("p"))


def left_out():
    known = json.loads((cases / "operations.json").read_text())
    refused = json.loads((cases / "not-served.json").read_text())
    names = {it for group in refused for it in group["operations"]}
    return sorted(set(known) - names - called)


wait_for("DAG", lambda: any(it.dag_id == daily for it in dags.get_dags().dags))
for part in (check_dags, check_runs, check_assets, check_backfills, check_settings):
    part()
check_installation()
call("delete a dag", lambda: dags.delete_dag(reader))
missing = left_out()
print("not called:", missing or "nothing")
print("operations:", len(called), "failures:", failures)
sys.exit(1 if failures or missing else 0)
