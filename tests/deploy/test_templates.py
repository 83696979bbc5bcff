"""template.yaml and serverless.yml deploy the same thing, and it is the thing that we mean."""

import re
import unittest

import rendered

FUNCTIONS = {"UploadHandlerLambdaFunction": "upload-handler", "ImageProcessorLambdaFunction": "image-processor"}

# Each parameter beside the bucket's name, with another value than its default.
EVERY = dict(
    CreateBucket="false",
    NamePrefix="staging-",
    Architecture="x86_64",
    UploadsPrefix="in/",
    ThumbnailsPrefix="out/",
    ThumbnailKey="out/{key}/{size}.{format}",
    IncludeKeys="in/**/*.jpg,in/*.png",
    ExcludeKeys="in/private/**",
    OutputBucket="other-bucket",
    Sizes="64",
    RetiredSizes="50",
    Formats="source,webp:70",
    JpegQuality=70,
    WebpQuality=60,
    AvifQuality=50,
    Background="000000",
    CacheControl="no-cache",
    MaxSourceBytes=1,
    MaxSourcePixels=2,
    ImageProcessorMemory=512,
    ImageProcessorTimeout=20,
    UploadHandlerMemory=128,
    UploadHandlerTimeout=10,
    ReservedConcurrency=5,
    MaximumEventAge=600,
    KmsKeyArn="arn:aws:kms:eu-central-1:123456789012:key/k",
    CompletionEventBusArn="arn:aws:events:eu-central-1:123456789012:event-bus/b",
    AlarmEmail="a@example.com",
    AlarmTopicArn="arn:aws:sns:eu-central-1:123456789012:t",
    RejectedPercent=5,
    LogLevel="WARN",
    LogRetentionDays=7,
)


def comparable(resources):
    """Without what the tools add for themselves."""
    for name in FUNCTIONS:
        function = resources[name]
        code = function["Properties"].pop("Code")
        assert code, f"{name} has no code"
        function["Properties"].pop("Tags", None)  # SAM's: lambda:createdBy
        # osls writes the role as well, which the function's Role implies.
        function["DependsOn"] = [other for other in function["DependsOn"] if not other.endswith("Role")]
    return resources


class SameDeployment(unittest.TestCase):
    maxDiff = None

    def same(self, **parameters):
        sam, serverless = comparable(rendered.sam(**parameters)), comparable(rendered.serverless(**parameters))
        self.assertEqual(sorted(sam), sorted(serverless))
        for name, body in sam.items():
            self.assertEqual(body, serverless[name], f"{name}: first template.yaml, then serverless.yml")

    def test_by_default(self):
        self.same()

    def test_with_every_parameter_set(self):
        self.same(**EVERY)

    def test_without_monitoring(self):
        self.same(Monitoring="false")

    def test_every_parameter_is_tried(self):
        template = rendered.yaml_parse((rendered.ROOT / "template.yaml").read_text())
        self.assertEqual(set(template["Parameters"]), {*EVERY, *rendered.BUCKET, "Monitoring"})


class Deployment(unittest.TestCase):
    """Of template.yaml; what is said here holds for serverless.yml by the tests above."""

    maxDiff = None

    def test_functions(self):
        resources = rendered.sam()
        for logical, name in FUNCTIONS.items():
            function = resources[logical]["Properties"]
            self.assertEqual(function["FunctionName"], name)
            self.assertEqual(function["Runtime"], "provided.al2023")
            self.assertEqual(function["Architectures"], ["arm64"])
            self.assertEqual(function["TracingConfig"], {"Mode": "Active"})
            self.assertEqual(function["LoggingConfig"], {"LogFormat": "JSON", "ApplicationLogLevel": "INFO"})
        handler = resources["UploadHandlerLambdaFunction"]["Properties"]["Environment"]["Variables"]
        self.assertEqual(handler["IMAGE_PROCESSOR_FUNCTION"], {"Ref": "ImageProcessorLambdaFunction"})

    def test_settings_and_their_defaults_are_those_of_the_readme(self):
        """The README's table is what people read; the code's own tests hold it to the code."""
        table = re.findall(r"^\| `([A-Z_]+)` \| (\S+) \| (.+?) \|", (rendered.ROOT / "README.md").read_text(), re.M)
        self.assertTrue(table)
        resources = rendered.sam()
        for logical, name in FUNCTIONS.items():
            documented = {variable: default for variable, of, default in table if of in ("both", f"`{name}`")}
            variables = resources[logical]["Properties"]["Environment"]["Variables"]
            self.assertEqual(set(variables), set(documented), name)
            for variable, default in documented.items():
                # A default in words, such as "none", is what the code takes an empty variable for.
                if default != "required":
                    in_words = not default.startswith("`")
                    self.assertEqual(str(variables[variable]), "" if in_words else default.strip("`"), variable)

    def test_architecture_is_a_parameter(self):
        function = rendered.sam(Architecture="x86_64")["ImageProcessorLambdaFunction"]["Properties"]
        self.assertEqual(function["Architectures"], ["x86_64"])

    def test_bucket_events_reach_the_handler(self):
        resources = rendered.sam(UploadsPrefix="in/")
        notifications = resources["Bucket"]["Properties"]["NotificationConfiguration"]["LambdaConfigurations"]
        self.assertEqual(
            sorted(one["Event"] for one in notifications),
            ["s3:LifecycleExpiration:*", "s3:ObjectCreated:*", "s3:ObjectRemoved:*"],
        )
        for one in notifications:
            self.assertEqual(one["Function"], {"Fn::GetAtt": ["UploadHandlerLambdaFunction", "Arn"]})
            self.assertEqual(one["Filter"]["S3Key"]["Rules"], [{"Name": "prefix", "Value": "in/"}])

    def test_only_this_bucket_may_invoke(self):
        permissions = [one for one in rendered.sam().values() if one["Type"] == "AWS::Lambda::Permission"]
        self.assertEqual(
            [one["Properties"] for one in permissions],
            [
                {
                    "FunctionName": {"Ref": "UploadHandlerLambdaFunction"},
                    "Action": "lambda:InvokeFunction",
                    "Principal": "s3.amazonaws.com",
                    "SourceAccount": "123456789012",
                    "SourceArn": "arn:aws:s3:::my-image-bucket",
                }
            ],
        )

    def test_only_this_rule_may_invoke_for_an_existing_bucket(self):
        resources = rendered.sam(CreateBucket="false")
        permissions = [one for one in resources.values() if one["Type"] == "AWS::Lambda::Permission"]
        self.assertEqual(len(permissions), 1)
        self.assertEqual(permissions[0]["Properties"]["Principal"], "events.amazonaws.com")
        self.assertEqual(permissions[0]["Properties"]["SourceArn"], {"Fn::GetAtt": ["UploadsRule", "Arn"]})
        self.assertEqual(permissions[0]["Properties"]["SourceAccount"], "123456789012")
        self.assertFalse([one for one in resources.values() if one["Type"].startswith("AWS::S3::")])

    def test_bucket_is_closed_encrypted_versioned_and_kept(self):
        bucket = rendered.sam()["Bucket"]
        self.assertEqual((bucket["DeletionPolicy"], bucket["UpdateReplacePolicy"]), ("Retain", "Retain"))
        properties = bucket["Properties"]
        self.assertEqual(len(properties["PublicAccessBlockConfiguration"]), 4)
        self.assertTrue(all(properties["PublicAccessBlockConfiguration"].values()))
        self.assertEqual(properties["VersioningConfiguration"], {"Status": "Enabled"})
        [encryption] = properties["BucketEncryption"]["ServerSideEncryptionConfiguration"]
        self.assertEqual(encryption["ServerSideEncryptionByDefault"], {"SSEAlgorithm": "AES256"})
        # S3 asks for the permission when it takes the notification, so it has to be there first.
        self.assertEqual(bucket["DependsOn"], ["UploadHandlerS3Permission"])

    def test_failures_reach_the_queue(self):
        resources = rendered.sam()
        self.assertEqual(resources["FailureQueue"]["Properties"]["MessageRetentionPeriod"], str(14 * 24 * 60 * 60))
        configured = [one["Properties"] for one in resources.values() if one["Type"] == "AWS::Lambda::EventInvokeConfig"]
        self.assertEqual({one["FunctionName"]["Ref"] for one in configured}, set(FUNCTIONS))
        for one in configured:
            self.assertEqual(one["MaximumRetryAttempts"], "2")
            self.assertEqual(one["DestinationConfig"], {"OnFailure": {"Destination": {"Fn::GetAtt": ["FailureQueue", "Arn"]}}})

    def test_alarms_say_what_to_do(self):
        operations = (rendered.ROOT / "docs/operations.md").read_text()
        alarms = [one for one in rendered.sam(CreateBucket="false").values() if one["Type"] == "AWS::CloudWatch::Alarm"]
        self.assertEqual(len(alarms), 13)
        for alarm in alarms:
            description = alarm["Properties"]["AlarmDescription"]
            heading = description.rsplit('docs/operations.md, "', 1)[1].removesuffix('".')
            self.assertIn(f"### {heading}\n", operations, f"docs/operations.md lacks what {description!r} points to")

    def test_alarms_tell_somebody(self):
        topic = "arn:aws:sns:eu-central-1:123456789012:t"
        for name, one in rendered.sam(AlarmTopicArn=topic, AlarmEmail="a@example.com").items():
            if one["Type"] == "AWS::CloudWatch::Alarm":
                self.assertEqual(one["Properties"]["AlarmActions"], [{"Ref": "AlarmTopic"}, topic], name)
                self.assertEqual(one["Properties"]["OKActions"], [{"Ref": "AlarmTopic"}, topic], name)


if __name__ == "__main__":
    unittest.main()
