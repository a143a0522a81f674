"""An unmodified MLflow client logs runs and reads them back."""

import math

import pandas
import pytest
from mlflow.entities import Metric, Param, RunTag, ViewType
from mlflow.exceptions import MlflowException


def test_a_run_keeps_all_that_is_logged(mlflow, client, experiment):
    with mlflow.start_run(run_name="first") as run:
        mlflow.log_params({"depth": 3, "eta": 0.1})
        for step in range(30):
            mlflow.log_metric("loss", 1 / (step + 1), step=step)
        mlflow.log_metrics({"auc": 0.7, "nan": math.nan})
        mlflow.set_tags({"team": "x", "ünïcode": "schön"})
        mlflow.log_input(mlflow.data.from_pandas(pandas.DataFrame({"x": [1, 2]}), name="rows"), context="training")
    found = client.get_run(run.info.run_id)
    assert found.info.run_name == "first"
    assert found.info.status == "FINISHED"
    assert found.data.params == {"depth": "3", "eta": "0.1"}
    assert found.data.metrics["auc"] == 0.7
    assert math.isnan(found.data.metrics["nan"])
    assert found.data.tags["ünïcode"] == "schön"
    assert found.inputs.dataset_inputs[0].dataset.name == "rows"
    assert found.inputs.dataset_inputs[0].tags[0].value == "training"
    history = client.get_metric_history(run.info.run_id, "loss")
    assert [point.step for point in history] == list(range(30))


def test_runs_nest(mlflow, client, experiment):
    with mlflow.start_run() as parent:
        with mlflow.start_run(nested=True) as child:
            mlflow.log_metric("m", 1)
    assert client.get_run(child.info.run_id).data.tags["mlflow.parentRunId"] == parent.info.run_id
    found = client.search_runs([experiment], f"tags.mlflow.parentRunId = '{parent.info.run_id}'")
    assert [run.info.run_id for run in found] == [child.info.run_id]


def test_search_filters_orders_and_pages(mlflow, client, experiment):
    for index in range(25):
        run = client.create_run(experiment, start_time=index, run_name=f"r{index}")
        client.log_batch(run.info.run_id, [Metric("m", index % 10, 1, 0)], [Param("p", str(index % 2))], [RunTag("t", "x")])
    frame = mlflow.search_runs(filter_string="metrics.m >= 5 AND params.p = '1'", order_by=["metrics.m DESC"])
    assert list(frame["metrics.m"]) == sorted(frame["metrics.m"], reverse=True)
    assert set(frame["params.p"]) == {"1"}
    names, token = [], None
    while True:
        page = client.search_runs([experiment], order_by=["metrics.m ASC"], max_results=4, page_token=token)
        names += [run.info.run_name for run in page]
        token = page.token
        if not token:
            break
    assert len(names) == len(set(names)) == 25
    assert client.search_runs([experiment], "attributes.run_name LIKE 'r2%'", max_results=100)[0].info.run_name == "r24"


def test_deleted_runs_come_back(mlflow, client, experiment):
    run = client.create_run(experiment)
    client.delete_run(run.info.run_id)
    assert not client.search_runs([experiment])
    assert client.search_runs([experiment], run_view_type=ViewType.DELETED_ONLY)
    with pytest.raises(MlflowException, match="must be in the 'active' state"):
        client.set_tag(run.info.run_id, "k", "v")
    client.restore_run(run.info.run_id)
    client.set_tag(run.info.run_id, "k", "v")


def test_params_do_not_change(mlflow, client, experiment):
    run = client.create_run(experiment)
    client.log_param(run.info.run_id, "p", 1)
    client.log_param(run.info.run_id, "p", 1)
    with pytest.raises(MlflowException, match="Changing param values is not allowed") as error:
        client.log_param(run.info.run_id, "p", 2)
    assert error.value.error_code == "INVALID_PARAMETER_VALUE"


def test_experiments_live(mlflow, client):
    identifier = client.create_experiment("of its own", tags={"a": "b"})
    assert client.get_experiment_by_name("of its own").tags == {"a": "b"}
    with pytest.raises(MlflowException) as error:
        client.create_experiment("of its own")
    assert error.value.error_code == "RESOURCE_ALREADY_EXISTS"
    client.rename_experiment(identifier, "renamed")
    client.set_experiment_tag(identifier, "c", "d")
    assert [e.name for e in client.search_experiments(filter_string="tags.c = 'd'")] == ["renamed"]
    client.delete_experiment(identifier)
    assert client.get_experiment(identifier).lifecycle_stage == "deleted"
    client.restore_experiment(identifier)
    assert client.get_experiment_by_name("never made") is None


def test_what_was_acknowledged_survives_kill(mlflow, client, experiment, server):
    run = client.create_run(experiment)
    for step in range(50):
        client.log_batch(run.info.run_id, [Metric("m", step, step, step)])
    server.kill()
    server.start()
    mlflow.set_tracking_uri(server.uri)
    again = mlflow.MlflowClient(server.uri)
    assert len(again.get_metric_history(run.info.run_id, "m")) == 50
