"""Models: logged, registered, aliased, loaded and predicted with, by an unmodified client."""

import numpy
import pytest
from mlflow.exceptions import MlflowException
from sklearn.linear_model import LogisticRegression


@pytest.fixture
def fitted():
    generator = numpy.random.default_rng(7)
    rows = generator.random((60, 3))
    return LogisticRegression().fit(rows, rows[:, 0] > 0.5), rows


def test_log_register_and_load(mlflow, client, experiment, fitted):
    model, rows = fitted
    with mlflow.start_run() as run:
        info = mlflow.sklearn.log_model(model, name="model", registered_model_name="classifier", input_example=rows[:2])
    assert mlflow.get_logged_model(info.model_id).status == "READY"
    version = client.search_model_versions("name = 'classifier'")[0]
    assert version.run_id == run.info.run_id
    client.set_registered_model_alias("classifier", "champion", version.version)
    for uri in ("models:/classifier@champion", f"models:/classifier/{version.version}", info.model_uri):
        assert (mlflow.pyfunc.load_model(uri).predict(rows) == model.predict(rows)).all()
    assert len(mlflow.search_logged_models(experiment_ids=[experiment])) == 1


def test_autolog(mlflow, client, experiment, fitted):
    model, rows = fitted
    mlflow.sklearn.autolog(log_models=False)
    try:
        with mlflow.start_run() as run:
            LogisticRegression(C=0.5).fit(rows, rows[:, 0] > 0.5)
    finally:
        mlflow.sklearn.autolog(disable=True)
    found = client.get_run(run.info.run_id)
    assert found.data.params["C"] == "0.5"
    assert "training_accuracy_score" in found.data.metrics


def test_registry_flow(mlflow, client):
    client.create_registered_model("flow", tags={"a": "b"}, description="words")
    for index in range(3):
        client.create_model_version("flow", f"s3://bucket/{index}", tags={"index": str(index)})
    client.set_registered_model_alias("flow", "champion", "2")
    assert client.get_model_version_by_alias("flow", "champion").version == "2"
    client.set_registered_model_alias("flow", "champion", "3")
    assert client.get_registered_model("flow").aliases == {"champion": "3"}
    client.transition_model_version_stage("flow", "1", "Production")
    assert client.get_latest_versions("flow", ["Production"])[0].version == "1"
    client.update_model_version("flow", "1", description="new")
    client.set_model_version_tag("flow", "1", "k", "v")
    assert client.get_model_version("flow", "1").tags["k"] == "v"
    assert [v.version for v in client.search_model_versions("name='flow'", order_by=["version_number ASC"])] == ["1", "2", "3"]
    client.delete_model_version("flow", "3")
    with pytest.raises(MlflowException) as error:
        client.get_model_version_by_alias("flow", "champion")
    assert error.value.error_code == "INVALID_PARAMETER_VALUE"
    client.rename_registered_model("flow", "flow2")
    client.delete_registered_model("flow2")


def test_copies_follow_their_source(mlflow, client):
    client.create_registered_model("origin")
    client.create_model_version("origin", "s3://bucket/model")
    copy = client.copy_model_version("models:/origin/1", "copy")
    assert copy.source == "models:/origin/1"
    assert client.get_model_version_download_uri("copy", copy.version) == "s3://bucket/model"


def test_prompts_are_models_that_searches_leave_out(mlflow, client):
    mlflow.genai.register_prompt(name="greeting", template="Hello {{name}}")
    assert mlflow.genai.load_prompt("prompts:/greeting/1").format(name="you") == "Hello you"
    assert "greeting" not in [m.name for m in client.search_registered_models()]
    assert "greeting" in [p.name for p in mlflow.genai.search_prompts()]
