"""Each function may do exactly what its code and the platform need: no action more, none less, on no other resource."""

import re
import unittest

import boto3
from botocore import xform_name

import rendered

# The IAM action that each call of an AWS client needs. A call that is new in the code has to be added here, and then to
# the template.
ACTIONS = {
    ("lambda", "invoke"): "lambda:InvokeFunction",
    ("s3", "delete_object"): "s3:DeleteObject",
    ("s3", "get_object"): "s3:GetObject",
    ("s3", "head_object"): "s3:GetObject",
    ("s3", "put_object"): "s3:PutObject",
}
CLIENTS = {"upload-handler": "lambda", "image-processor": "s3"}

LOGS = {"logs:CreateLogStream", "logs:PutLogEvents"}
TRACES = {"xray:PutTraceSegments", "xray:PutTelemetryRecords"}
# What Lambda does in the function's name, and what S3 needs for an honest 404.
PLATFORM = {
    "upload-handler": LOGS | TRACES | {"sqs:SendMessage"},
    "image-processor": LOGS | TRACES | {"sqs:SendMessage", "s3:ListBucket"},
}
# What Lambda does in the function's name with a queue that it takes messages from.
MAPPING = {"sqs:ReceiveMessage", "sqs:DeleteMessage", "sqs:GetQueueAttributes"}

FUNCTION = "arn:aws:lambda:eu-central-1:123456789012:function:image-processor"
BUCKET = "arn:aws:s3:::my-image-bucket"
KEY = "arn:aws:kms:eu-central-1:123456789012:key/k"
BUS = "arn:aws:events:eu-central-1:123456789012:event-bus/b"


def shared(function):
    return {
        ("logs:CreateLogStream", f"{function}LogGroup.Arn"),
        ("logs:PutLogEvents", f"{function}LogGroup.Arn"),
        ("sqs:SendMessage", "FailureQueue.Arn"),
        ("xray:PutTraceSegments", "*"),
        ("xray:PutTelemetryRecords", "*"),
    }


HANDLER = shared("UploadHandler") | {("lambda:InvokeFunction", FUNCTION)}


def processor(output=BUCKET):
    return shared("ImageProcessor") | {
        ("s3:GetObject", f"{BUCKET}/uploads/*"),
        ("s3:GetObject", f"{output}/thumbnails/*"),
        ("s3:PutObject", f"{output}/thumbnails/*"),
        ("s3:DeleteObject", f"{output}/thumbnails/*"),
        ("s3:ListBucket", BUCKET),
        ("s3:ListBucket", output),
    }


def as_list(value):
    return value if isinstance(value, list) else [value]


def via(*services):
    """A key is used by these services in the function's name, not by the function itself."""
    names = [f"{service}.eu-central-1.amazonaws.com" for service in services]
    return {"StringEquals": {"kms:ViaService": names if len(names) > 1 else names[0]}}


def grants(role):
    """The pairs of action and resource that a role allows."""
    pairs, conditions = set(), {"EncryptFailures": via("sqs"), "EncryptThumbnailsAndFailures": via("s3", "sqs")}
    for policy in role["Properties"]["Policies"]:
        for statement in policy["PolicyDocument"]["Statement"]:
            assert statement["Effect"] == "Allow", statement
            assert set(statement) <= {"Sid", "Effect", "Action", "Resource", "Condition"}, statement
            # A condition takes away: s3:prefix on ListBucket, say, would turn every 404 into a 403.
            assert statement.get("Condition") == conditions.get(statement["Sid"]), statement
            for resource in as_list(statement["Resource"]):
                if isinstance(resource, dict):
                    resource = ".".join(resource["Fn::GetAtt"])
                pairs |= {(action, resource) for action in as_list(statement["Action"])}
    return pairs


def calls(package, service):
    """The operations of that service's client that the package's own code calls."""
    model = boto3.client(service, region_name="us-east-1").meta.service_model
    operations = {xform_name(name) for name in model.operation_names}
    code = ""
    for file in (rendered.ROOT / package / "src").rglob("*.rs"):
        code += file.read_text().split("#[cfg(test)]")[0]
    return {word for word in re.findall(r"\.(\w+)\(\)", code) if word in operations}


class Grants(unittest.TestCase):
    maxDiff = None

    def exactly(self, handler, expected, **parameters):
        for render in (rendered.sam, rendered.serverless):
            with self.subTest(render.__name__):
                resources = render(**parameters)
                self.assertEqual(grants(resources["UploadHandlerRole"]), handler)
                self.assertEqual(grants(resources["ImageProcessorRole"]), expected)
                roles = {name for name, body in resources.items() if body["Type"].startswith("AWS::IAM::")}
                self.assertEqual(roles, {"UploadHandlerRole", "ImageProcessorRole"})

    def test_by_default(self):
        self.exactly(HANDLER, processor())

    def test_with_an_output_bucket(self):
        self.exactly(HANDLER, processor("arn:aws:s3:::other-bucket"), OutputBucket="other-bucket")

    def test_with_a_key(self):
        kms = {("kms:Decrypt", KEY), ("kms:GenerateDataKey", KEY)}
        self.exactly(HANDLER | kms, processor() | kms, KmsKeyArn=KEY)

    def test_with_completion_events(self):
        self.exactly(HANDLER, processor() | {("events:PutEvents", BUS)}, CompletionEventBusArn=BUS)

    def test_an_existing_bucket_needs_no_others(self):
        self.exactly(HANDLER, processor(), CreateBucket="false")

    def test_only_a_queue_of_uploads_needs_more(self):
        taken = {(action, "UploadsQueue.Arn") for action in MAPPING}
        self.exactly(HANDLER | taken, processor(), EventSource="sqs")
        self.exactly(HANDLER, processor(), EventSource="eventbridge")
        self.exactly(HANDLER, processor(), EventSource="sns")


class Code(unittest.TestCase):
    def test_the_grants_are_those_of_the_clients_calls_and_the_platform(self):
        resources = rendered.sam()
        for function, role in (("upload-handler", "UploadHandlerRole"), ("image-processor", "ImageProcessorRole")):
            service = CLIENTS[function]
            needed = {ACTIONS.get((service, call), f"{service} {call}: not in ACTIONS") for call in calls(function, service)}
            granted = {action for action, _ in grants(resources[role])}
            self.assertEqual(granted, needed | PLATFORM[function], function)


class Events(unittest.TestCase):
    """Who may put events into the queues and the topic, and who may invoke the function with them."""

    maxDiff = None
    from_the_bucket = {"ArnEquals": {"aws:SourceArn": BUCKET}, "StringEquals": {"aws:SourceAccount": "123456789012"}}

    def statements(self, source, policy):
        """What the policy of a queue or topic says, for both tools; it names that queue or topic only."""
        for render in (rendered.serverless, rendered.sam):
            properties = render(EventSource=source)[policy]["Properties"]
            resource = policy.removesuffix("Policy")
            self.assertEqual(properties.get("Queues") or properties["Topics"], [{"Ref": resource}])
            statements = properties["PolicyDocument"]["Statement"]
            own = {"Ref": resource} if resource.endswith("Topic") else {"Fn::GetAtt": [resource, "Arn"]}
            self.assertEqual([one["Resource"] for one in statements], [own] * len(statements))
            [tls] = [one for one in statements if one["Effect"] == "Deny"]
            self.assertEqual((tls["Principal"], tls["Condition"]), ("*", {"Bool": {"aws:SecureTransport": "false"}}))
            self.assertIn(tls["Action"], ("sqs:*", "sns:Publish"))
        return [
            (one["Principal"]["Service"], one["Action"], one["Condition"]) for one in statements if one["Effect"] == "Allow"
        ]

    def test_the_queue_takes_from_the_bucket_alone(self):
        taken = self.statements("sqs", "UploadsQueuePolicy")
        self.assertEqual(taken, [("s3.amazonaws.com", "sqs:SendMessage", self.from_the_bucket)])

    def test_the_topic_takes_from_the_bucket_alone(self):
        taken = self.statements("sns", "UploadsTopicPolicy")
        self.assertEqual(taken, [("s3.amazonaws.com", "sns:Publish", self.from_the_bucket)])

    def test_what_was_not_delivered_comes_from_who_could_not_alone(self):
        rule = {"ArnEquals": {"aws:SourceArn": {"Fn::GetAtt": ["UploadsRule", "Arn"]}}}
        topic = {"ArnEquals": {"aws:SourceArn": {"Ref": "UploadsTopic"}}}
        for source, taken in {
            "eventbridge": [("events.amazonaws.com", "sqs:SendMessage", rule)],
            "sns": [("sns.amazonaws.com", "sqs:SendMessage", topic)],
            "sqs": [],  # SQS moves what it gives up by itself.
        }.items():
            self.assertEqual(self.statements(source, "UndeliveredQueuePolicy"), taken, source)

    def test_the_function_is_invoked_by_the_chosen_way_alone(self):
        for source, invoked in {
            "s3": [("s3.amazonaws.com", BUCKET)],
            "eventbridge": [("events.amazonaws.com", {"Fn::GetAtt": ["UploadsRule", "Arn"]})],
            "sqs": [],  # Lambda takes the messages with the function's own role.
            "sns": [("sns.amazonaws.com", {"Ref": "UploadsTopic"})],
        }.items():
            for create in ("true", "false"):
                resources = rendered.sam(EventSource=source, CreateBucket=create).values()
                permissions = [one["Properties"] for one in resources if one["Type"] == "AWS::Lambda::Permission"]
                self.assertEqual([(one["Principal"], one["SourceArn"]) for one in permissions], invoked, (source, create))


class Bucket(unittest.TestCase):
    def statements(self):
        return rendered.sam()["BucketPolicy"]["Properties"]["PolicyDocument"]["Statement"]

    def test_policy_only_denies(self):
        self.assertEqual({one["Effect"] for one in self.statements()}, {"Deny"})

    def test_tls_only(self):
        [one] = [one for one in self.statements() if one["Sid"] == "TlsOnly"]
        self.assertEqual((one["Principal"], one["Action"], one["Resource"]), ("*", "s3:*", [BUCKET, f"{BUCKET}/*"]))
        self.assertEqual(one["Condition"], {"Bool": {"aws:SecureTransport": "false"}})

    def test_thumbnails_are_written_by_the_processor_alone(self):
        [one] = [one for one in self.statements() if one["Sid"] != "TlsOnly"]
        self.assertEqual((one["Principal"], one["Action"], one["Resource"]), ("*", "s3:PutObject", f"{BUCKET}/thumbnails/*"))
        role = {"Fn::GetAtt": ["ImageProcessorRole", "Arn"]}
        self.assertEqual(one["Condition"], {"ArnNotEquals": {"aws:PrincipalArn": role}})


if __name__ == "__main__":
    unittest.main()
