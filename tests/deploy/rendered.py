"""Renders template.yaml and serverless.yml to CloudFormation resources, with parameters filled in."""

import json
import logging
import os
import re
import subprocess
import tempfile
from functools import cache
from pathlib import Path
from unittest import mock

import boto3
from samcli.yamlhelper import yaml_parse
from samtranslator.parser.parser import Parser
from samtranslator.translator.translator import Translator

ROOT = Path(__file__).resolve().parents[2]
OSLS = ROOT / ".venv/osls/node_modules/.bin/osls"

# CloudFormation's own parameters.
PSEUDO = {
    "AWS::AccountId": "123456789012",
    "AWS::Partition": "aws",
    "AWS::Region": "eu-central-1",
    "AWS::URLSuffix": "amazonaws.com",
    "AWS::NoValue": None,
}

# The only parameter without a default.
BUCKET = {"BucketName": "my-image-bucket"}

# SAM's translator warns when it cannot send usage figures.
logging.getLogger("samtranslator.metrics.metrics").setLevel(logging.ERROR)


def sam(**parameters):
    """The resources of template.yaml after SAM's transformation."""
    template = yaml_parse((ROOT / "template.yaml").read_text())
    for resource in template["Resources"].values():
        if resource["Type"] == "AWS::Serverless::Function":
            resource["Properties"]["CodeUri"] = "s3://artifacts/code.zip"  # as `sam package` would
    session = boto3.Session(region_name=PSEUDO["AWS::Region"])
    with mock.patch.dict(os.environ, AWS_DEFAULT_REGION=PSEUDO["AWS::Region"]):
        translated = Translator({}, Parser(), boto_session=session).translate(template, {})
    return _fill_in(translated, {**BUCKET, **parameters})


def serverless(**parameters):
    """The resources that osls makes of serverless.yml, without osls's bucket for artifacts."""
    template = json.loads(_osls_package(tuple({**BUCKET, **parameters}.items())))
    resources = _fill_in(template, {})
    return {name: body for name, body in resources.items() if not name.startswith("ServerlessDeploymentBucket")}


@cache
def _osls_package(parameters):
    with tempfile.TemporaryDirectory() as folder:
        for function in ("upload-handler", "image-processor"):
            for architecture in ("arm64", "x86_64"):
                Path(folder, f"{function}-{architecture}.zip").touch()
        command = [OSLS, "package", "--package", f"{folder}/out", "--param", f"Artifacts={folder}"]
        command += [word for name, value in parameters for word in ("--param", f"{name}={value}")]
        done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True)
        if done.returncode != 0:
            raise AssertionError(f"osls package failed:\n{done.stdout}{done.stderr}")
        return Path(folder, "out/cloudformation-template-update-stack.json").read_text()


def _fill_in(template, parameters):
    values = {name: body.get("Default") for name, body in template["Parameters"].items()} | parameters
    values = {name: "" if value is None else str(value) for name, value in values.items()} | PSEUDO
    conditions = template["Conditions"]

    def holds(condition):
        [(kind, body)] = condition.items()
        if kind == "Condition":
            return holds(conditions[body])
        if kind == "Fn::Not":
            return not holds(body[0])
        if kind == "Fn::And":
            return all(map(holds, body))
        if kind == "Fn::Or":
            return any(map(holds, body))
        assert kind == "Fn::Equals", kind
        return str(resolve(body[0])) == str(resolve(body[1]))

    def resolve(node):
        """Resolves parameters, conditions and texts. References to other resources stay."""
        if isinstance(node, list):
            return [item for item in map(resolve, node) if item is not None]
        if not isinstance(node, dict):
            # One tool writes numbers as numbers, the other as text.
            return str(node) if isinstance(node, int) and not isinstance(node, bool) else node
        if len(node) == 1:
            [(kind, body)] = node.items()
            if kind == "Ref" and body in values:
                return values[body]
            if kind == "Fn::If":
                return resolve(body[1] if holds({"Condition": body[0]}) else body[2])
            if kind == "Fn::Sub":
                return re.sub(r"\$\{([\w:]+)\}", lambda found: str(values.get(found[1], found[0])), body)
            if kind == "Fn::GetAtt" and isinstance(body, str):
                return {kind: body.split(".", 1)}
        resolved = {key: resolve(value) for key, value in node.items()}
        return {key: value for key, value in resolved.items() if value is not None}

    resources = {}
    for name, body in template["Resources"].items():
        if "Condition" not in body or holds({"Condition": body["Condition"]}):
            resources[name] = resolve({key: value for key, value in body.items() if key not in ("Condition", "Metadata")})
            depends = resources[name].pop("DependsOn", [])
            resources[name]["DependsOn"] = depends if isinstance(depends, list) else [depends]
    return resources
