"""Models and what serves them: quotas, states, names, deletion, and the books."""

from __future__ import annotations

from typing import Any

import pytest
from botocore.exceptions import ClientError

from tests.sandbox.conftest import HAIKU, LLAMA_33, Scene, code_of, message_of


def _buy(scene: Scene, name: str, model: str, **more: Any) -> str:
    request = {"modelUnits": 1, "provisionedModelName": name, "modelId": model} | more
    return str(scene.bedrock.create_provisioned_model_throughput(**request)["provisionedModelArn"])


def _status(scene: Scene, arn: str) -> str:
    return str(scene.bedrock.get_provisioned_model_throughput(provisionedModelId=arn)["status"])


def test_a_throughput_takes_ten_minutes_and_is_in_the_books(scene: Scene) -> None:
    model = scene.model()
    started = scene.clock.now().timestamp()
    arn = _buy(scene, "gate", model)
    assert _status(scene, arn) == "Creating"
    scene.clock.advance(599)
    assert _status(scene, arn) == "Creating"
    scene.clock.advance(1)
    found = scene.bedrock.get_provisioned_model_throughput(provisionedModelId="gate")
    assert (found["status"], found["modelArn"], found["desiredModelUnits"]) == ("InService", model, 1)
    assert found["foundationModelArn"].endswith(HAIKU)
    assert "commitmentDuration" not in found
    scene.clock.advance(3000)
    scene.bedrock.delete_provisioned_model_throughput(provisionedModelId=arn)
    with pytest.raises(ClientError) as error:
        _status(scene, arn)
    assert code_of(error) == "ResourceNotFoundException"
    (purchase,) = scene.sandbox.books()
    assert (purchase.arn, purchase.units, purchase.started, purchase.ended) == (arn, 1, started, started + 3600)


def test_the_quota_is_two_units_without_and_one_with_commitment(scene: Scene) -> None:
    model = scene.model()
    with pytest.raises(ClientError) as error:
        _buy(scene, "three", model, modelUnits=3)
    assert code_of(error) == "ServiceQuotaExceededException"
    _buy(scene, "one", model)
    _buy(scene, "two", model)
    with pytest.raises(ClientError) as error:
        _buy(scene, "three", model)
    assert "no commitment model units" in message_of(error)
    _buy(scene, "month", model, commitmentDuration="OneMonth")
    with pytest.raises(ClientError) as error:
        _buy(scene, "half-year", model, commitmentDuration="SixMonths")
    assert code_of(error) == "ServiceQuotaExceededException"
    assert len(scene.sandbox.books()) == 3


def test_base_models_and_custom_ones_have_quotas_apart(scene: Scene) -> None:
    model = scene.model()
    _buy(scene, "both", model, modelUnits=2)
    _buy(scene, "base", HAIKU, modelUnits=2)
    for wanted in (model, HAIKU):
        with pytest.raises(ClientError) as error:
            _buy(scene, "more", wanted)
        assert code_of(error) == "ServiceQuotaExceededException"


def test_one_token_buys_once(scene: Scene) -> None:
    model = scene.model()
    first = _buy(scene, "gate", model, clientRequestToken="t-1")
    assert _buy(scene, "gate", model, clientRequestToken="t-1") == first
    assert len(scene.sandbox.books()) == 1


def test_a_committed_throughput_cannot_be_deleted_before_its_term(scene: Scene) -> None:
    arn = _buy(scene, "month", scene.model(), commitmentDuration="OneMonth")
    found = scene.bedrock.get_provisioned_model_throughput(provisionedModelId=arn)
    assert (found["commitmentExpirationTime"] - found["creationTime"]).days == 30
    with pytest.raises(ClientError) as error:
        scene.bedrock.delete_provisioned_model_throughput(provisionedModelId=arn)
    assert code_of(error) == "ValidationException"
    scene.clock.advance(30 * 86_400)
    scene.bedrock.delete_provisioned_model_throughput(provisionedModelId=arn)
    assert scene.bedrock.list_provisioned_model_throughputs()["provisionedModelSummaries"] == []


@pytest.mark.parametrize(
    ("model_id", "code"),
    [
        ("nobody", "ResourceNotFoundException"),
        ("arn:aws:bedrock:us-west-2:123456789012:custom-model/a.b/abcdefghijkl", "ResourceNotFoundException"),
        ("anthropic.claude-sonnet-4-6", "ValidationException"),
        ("amazon.titan-text-express-v1:0:8k", "ValidationException"),
        (LLAMA_33, "ValidationException"),
    ],
)
def test_what_cannot_be_served_by_throughput_is_refused(scene: Scene, model_id: str, code: str) -> None:
    with pytest.raises(ClientError) as error:
        _buy(scene, "gate", model_id)
    assert code_of(error) == code
    assert scene.sandbox.books() == ()


def test_a_base_model_can_have_a_throughput(scene: Scene) -> None:
    arn = _buy(scene, "base", HAIKU)
    found = scene.bedrock.get_provisioned_model_throughput(provisionedModelId=arn)
    assert found["modelArn"] == found["foundationModelArn"]


def test_names_of_throughputs_are_unique(scene: Scene) -> None:
    model = scene.model()
    _buy(scene, "gate", model)
    with pytest.raises(ClientError) as error:
        _buy(scene, "gate", model)
    assert code_of(error) == "ConflictException"


def test_an_update_changes_name_and_model_of_the_same_base_only(scene: Scene) -> None:
    first, second, other = scene.model("first"), scene.model("second"), scene.model("other", LLAMA_33)
    arn = _buy(scene, "gate", first)
    update = scene.bedrock.update_provisioned_model_throughput
    with pytest.raises(ClientError) as error:
        update(provisionedModelId=arn, desiredModelId=second)
    assert "Creating" in message_of(error)
    scene.clock.advance(600)
    with pytest.raises(ClientError) as error:
        update(provisionedModelId=arn, desiredModelId=other)
    assert "same base model" in message_of(error)
    update(provisionedModelId=arn, desiredModelId=second, desiredProvisionedModelName="portal")
    found = scene.bedrock.get_provisioned_model_throughput(provisionedModelId="portal")
    assert (found["status"], found["modelArn"], found["desiredModelArn"]) == ("Updating", first, second)
    scene.clock.advance(300)
    found = scene.bedrock.get_provisioned_model_throughput(provisionedModelId="portal")
    assert (found["status"], found["modelArn"]) == ("InService", second)


def test_throughputs_are_listed_and_filtered(scene: Scene) -> None:
    first, second = scene.model("first"), scene.model("second")
    _buy(scene, "gate-1", first)
    scene.clock.advance(600)
    _buy(scene, "gate-2", second)
    listed = scene.bedrock.list_provisioned_model_throughputs

    def names(**filters: Any) -> list[str]:
        return [item["provisionedModelName"] for item in listed(**filters)["provisionedModelSummaries"]]

    assert names() == ["gate-2", "gate-1"]
    assert names(statusEquals="Creating") == ["gate-2"]
    assert names(modelArnEquals=first) == ["gate-1"]
    assert names(nameContains="gate-2") == ["gate-2"]
    assert names(sortOrder="Ascending", maxResults=1) == ["gate-1"]


def test_a_model_in_use_cannot_be_deleted(scene: Scene) -> None:
    model = scene.model()
    arn = _buy(scene, "gate", model)
    with pytest.raises(ClientError) as error:
        scene.bedrock.delete_custom_model(modelIdentifier=model)
    assert code_of(error) == "ConflictException"
    scene.bedrock.delete_provisioned_model_throughput(provisionedModelId=arn)
    scene.bedrock.delete_custom_model(modelIdentifier=model)
    with pytest.raises(ClientError) as error:
        scene.bedrock.get_custom_model(modelIdentifier=model)
    assert code_of(error) == "ResourceNotFoundException"


def test_a_deployment_serves_after_five_minutes(scene: Scene) -> None:
    model = scene.model("brief", LLAMA_33)
    made = scene.bedrock.create_custom_model_deployment(modelDeploymentName="d-1", modelArn=model, description="try")
    arn = made["customModelDeploymentArn"]
    get, delete = scene.bedrock.get_custom_model_deployment, scene.bedrock.delete_custom_model_deployment
    assert get(customModelDeploymentIdentifier=arn)["status"] == "Creating"
    with pytest.raises(ClientError) as error:
        delete(customModelDeploymentIdentifier=arn)
    assert (code_of(error), message_of(error)) == (
        "ValidationException",
        "Custom model deployment is in a mutating state",
    )
    scene.clock.advance(300)
    found = get(customModelDeploymentIdentifier="d-1")
    assert (found["status"], found["modelArn"], found["description"]) == ("Active", model, "try")
    listed = scene.bedrock.list_custom_model_deployments(modelArnEquals=model)["modelDeploymentSummaries"]
    assert [item["customModelDeploymentName"] for item in listed] == ["d-1"]
    with pytest.raises(ClientError) as error:
        scene.bedrock.delete_custom_model(modelIdentifier=model)
    assert code_of(error) == "ConflictException"
    delete(customModelDeploymentIdentifier=arn)
    with pytest.raises(ClientError) as error:
        get(customModelDeploymentIdentifier=arn)
    assert code_of(error) == "ResourceNotFoundException"
    assert scene.sandbox.books() == ()


def test_claude_cannot_be_deployed_on_demand(scene: Scene) -> None:
    with pytest.raises(ClientError) as error:
        scene.bedrock.create_custom_model_deployment(modelDeploymentName="d-1", modelArn=scene.model())
    assert code_of(error) == "ValidationException"


def test_custom_models_are_listed_and_filtered(scene: Scene) -> None:
    scene.model("first")
    scene.clock.advance(1)
    scene.model("second", LLAMA_33)
    listed = scene.bedrock.list_custom_models

    def names(**filters: Any) -> list[str]:
        return [item["modelName"] for item in listed(**filters)["modelSummaries"]]

    assert names() == ["second", "first"]
    base = f"arn:aws:bedrock:us-west-2::foundation-model/{HAIKU}"
    assert names(baseModelArnEquals=base) == names(foundationModelArnEquals=base) == ["first"]
    assert names(nameContains="sec") == ["second"]
    assert names(isOwned=True) == ["second", "first"]
    assert names(isOwned=False) == names(modelStatus="Failed") == []


def test_the_catalogue_tells_lifecycle_customization_and_profiles(scene: Scene) -> None:
    listed = scene.bedrock.list_foundation_models
    by_id = {item["modelId"]: item for item in listed()["modelSummaries"]}
    tunable = {item["modelId"] for item in listed(byCustomizationType="FINE_TUNING")["modelSummaries"]}
    assert HAIKU in tunable
    assert "anthropic.claude-3-haiku-20240307-v1:0" not in tunable
    assert "amazon.nova-lite-v1:0:300k" not in tunable
    assert by_id["anthropic.claude-sonnet-4-6"]["inferenceTypesSupported"] == ["INFERENCE_PROFILE"]
    assert by_id[HAIKU]["inferenceTypesSupported"] == ["PROVISIONED"]
    assert by_id[HAIKU]["modelLifecycle"]["status"] == "ACTIVE"
    assert by_id["amazon.titan-text-express-v1:0:8k"]["modelLifecycle"]["status"] == "LEGACY"
    assert "endOfLifeTime" in by_id["meta.llama3-2-1b-instruct-v1:0"]["modelLifecycle"]
    assert {item["providerName"] for item in listed(byProvider="meta")["modelSummaries"]} == {"Meta"}
    east = scene.sandbox.client("bedrock", region_name="us-east-1")
    details = east.get_foundation_model(modelIdentifier="amazon.nova-lite-v1:0:300k")["modelDetails"]
    assert details["customizationsSupported"] == ["FINE_TUNING"]
    profiles = scene.bedrock.list_inference_profiles(typeEquals="SYSTEM_DEFINED")["inferenceProfileSummaries"]
    ids = {item["inferenceProfileId"] for item in profiles}
    assert {"us.anthropic.claude-haiku-4-5-20251001-v1:0", "global.anthropic.claude-opus-5-5"} <= ids
    europe = scene.sandbox.client("bedrock", region_name="eu-west-1")
    found = europe.list_inference_profiles()["inferenceProfileSummaries"]
    assert {item["inferenceProfileId"].split(".")[0] for item in found} == {"global"}
    for profile in profiles:
        got = scene.bedrock.get_inference_profile(inferenceProfileIdentifier=profile["inferenceProfileArn"])
        assert got["models"] == profile["models"]


def test_every_foundation_model_can_be_asked_for(scene: Scene) -> None:
    for item in scene.bedrock.list_foundation_models()["modelSummaries"]:
        found = scene.bedrock.get_foundation_model(modelIdentifier=item["modelArn"])["modelDetails"]
        assert found == item
    with pytest.raises(ClientError) as error:
        scene.bedrock.get_foundation_model(modelIdentifier="no.such-model")
    assert code_of(error) == "ResourceNotFoundException"


def test_quotas_are_those_the_sandbox_keeps_and_prices_are_marked_as_its_own(scene: Scene) -> None:
    quotas = scene.client("service-quotas")
    listed = quotas.list_service_quotas(ServiceCode="bedrock")["Quotas"]
    assert {item["QuotaCode"]: item["Value"] for item in listed}["L-BE77399C"] == 2.0
    assert quotas.list_aws_default_service_quotas(ServiceCode="bedrock", MaxResults=1)["NextToken"]
    found = quotas.get_service_quota(ServiceCode="bedrock", QuotaCode="L-3632DE15")["Quota"]
    assert "Llama 3.1 8B" in found["QuotaName"]
    with pytest.raises(ClientError) as error:
        quotas.get_service_quota(ServiceCode="bedrock", QuotaCode="L-NOTHING")
    assert code_of(error) == "NoSuchResourceException"
    pricing = scene.client("pricing")
    listed = pricing.get_products(ServiceCode="AmazonBedrock")["PriceList"]
    assert listed
    assert all("not a price of AWS" in item for item in listed)
    assert len(pricing.describe_services()["Services"]) == 2
