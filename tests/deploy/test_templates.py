"""template.yaml and serverless.yml deploy the same thing, and it is the thing that we mean."""

import json
import re
import unittest

import rendered

FUNCTIONS = {"UploadHandlerLambdaFunction": "upload-handler", "ImageProcessorLambdaFunction": "image-processor"}

# Each parameter beside the bucket's name, with another value than its default.
EVERY = dict(
    CreateBucket="false",
    EventSource="sqs",
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
    Animation="keep",
    Placeholder="none",
    Keep="copyright,icc",
    CacheControl="no-cache",
    MaxSourceBytes=1,
    MaxSourcePixels=2,
    MaxSourceFrames=3,
    ImageProcessorMemory=512,
    ImageProcessorTimeout=20,
    UploadHandlerMemory=128,
    UploadHandlerTimeout=10,
    ReservedConcurrency=5,
    QueueConcurrency=3,
    MaximumEventAge=600,
    KmsKeyArn="arn:aws:kms:eu-central-1:123456789012:key/k",
    CompletionEventBusArn="arn:aws:events:eu-central-1:123456789012:event-bus/b",
    AlarmEmail="a@example.com",
    AlarmTopicArn="arn:aws:sns:eu-central-1:123456789012:t",
    RejectedPercent=5,
    LogLevel="WARN",
    LogRetentionDays=7,
)

EVENT_SOURCES = ("s3", "eventbridge", "sqs", "sns")


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

    def test_with_each_event_source(self):
        for source in EVENT_SOURCES:
            with self.subTest(source):
                self.same(EventSource=source)
        self.same(CreateBucket="false")
        self.same(EventSource="sns", CreateBucket="false", KmsKeyArn=EVERY["KmsKeyArn"])

    def test_every_parameter_is_tried(self):
        template = rendered.yaml_parse((rendered.ROOT / "template.yaml").read_text())
        self.assertEqual(set(template["Parameters"]), {*EVERY, *rendered.BUCKET, "Monitoring"})


class Patterns(unittest.TestCase):
    """CloudFormation refuses what the functions would refuse at their start, as far as a pattern can tell."""

    def matches(self, parameter, value):
        template = rendered.yaml_parse((rendered.ROOT / "template.yaml").read_text())
        return bool(re.fullmatch(template["Parameters"][parameter]["AllowedPattern"], value))

    def test_what_is_documented_is_allowed(self):
        settings = (rendered.ROOT / "docs/settings.md").read_text()
        migrated = json.loads((rendered.ROOT / "tests/deploy/migrated.json").read_text()).values()
        sizes = ["100,300,500", "64, 128", *re.findall(r"SIZES=(\S+)`", settings), *(one["variables"]["SIZES"] for one in migrated)]
        keys = ["", *re.findall(r"`((?:\d+=)?thumbnails/[^`]*\{[^`]*)`", settings), *(one["variables"]["THUMBNAIL_KEY"] for one in migrated)]
        self.assertGreater(min(len(sizes), len(keys)), 4)
        for parameter, values in (("Sizes", sizes), ("ThumbnailKey", keys), ("Keep", ["", "copyright", "icc,copyright"])):
            for value in values:
                self.assertTrue(self.matches(parameter, value), f"{parameter}={value}")

    def test_what_is_none_is_refused(self):
        for parameter, values in {
            "Sizes": ["", "big", "0", "300x", "300^", "100,", "100;300", "300:gif", "300:webp:", "300:webp:best"],
            "ThumbnailKey": ["thumbnails/{size}", "thumbnails/{key", "thumbnails/{stem}_{size}", "thumbnails/{key}/{width}"],
            "Keep": ["gps", "copyright;icc", "copyright,"],
        }.items():
            for value in values:
                self.assertFalse(self.matches(parameter, value), f"{parameter}={value}")


HANDLER = {"Fn::GetAtt": ["UploadHandlerLambdaFunction", "Arn"]}


def arn(resource):
    return {"Fn::GetAtt": [resource, "Arn"]}


def select(*choices):
    return {"Fn::Select": ["0", list(choices)]}


def of_type(resources, kind):
    """The properties of the resources of a type, by their logical IDs."""
    return {name: one["Properties"] for name, one in resources.items() if one["Type"] == kind}


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

    def test_settings_and_their_defaults_are_the_documented_ones(self):
        """The table in docs/settings.md is what people read; the code's own tests hold it to the code."""
        table = re.findall(r"^\| `([A-Z_]+)` \| (\S+) \| (.+?) \|", (rendered.ROOT / "docs/settings.md").read_text(), re.M)
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
            # The first is what is selected. S3 asks for the permission when it takes the notification: it has to be there first.
            self.assertEqual(one["Function"], select(HANDLER, {"Ref": "UploadHandlerS3Permission"}))
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
        for source, number in {"": 12, "s3": 12, "eventbridge": 14, "sqs": 15, "sns": 14}.items():
            alarms = of_type(rendered.sam(EventSource=source), "AWS::CloudWatch::Alarm").values()
            self.assertEqual(len(alarms), number, source)
            for alarm in alarms:
                description = alarm["AlarmDescription"]
                heading = description.rsplit('docs/operations.md, "', 1)[1].removesuffix('".')
                self.assertIn(f"### {heading}\n", operations, f"docs/operations.md lacks what {description!r} points to")

    def test_alarms_tell_somebody(self):
        topic = "arn:aws:sns:eu-central-1:123456789012:t"
        for source in EVENT_SOURCES:
            resources = rendered.sam(EventSource=source, AlarmTopicArn=topic, AlarmEmail="a@example.com")
            for name, one in of_type(resources, "AWS::CloudWatch::Alarm").items():
                self.assertEqual(one["AlarmActions"], [{"Ref": "AlarmTopic"}, topic], name)
                self.assertEqual(one["OKActions"], [{"Ref": "AlarmTopic"}, topic], name)


class EventSources(unittest.TestCase):
    """Of template.yaml: each way that the bucket's events may take."""

    maxDiff = None
    ways = {
        "s3": {"UploadHandlerS3Permission"},
        "eventbridge": {"UploadsRule", "UploadHandlerRulePermission"},
        "sqs": {"UploadsQueue", "UploadsQueuePolicy", "UploadsQueueMapping"},
        "sns": {"UploadsTopic", "UploadsTopicPolicy", "UploadsSubscription", "UploadHandlerTopicPermission"},
    }
    undelivered = {"UndeliveredQueue", "UndeliveredQueuePolicy"}

    def test_each_way_has_its_own_resources_and_no_others(self):
        shared = set(rendered.sam(Monitoring="false")) - self.ways["s3"]
        for source, own in self.ways.items():
            for create, bucket in (("true", set()), ("false", {"Bucket", "BucketPolicy"})):
                resources = set(rendered.sam(EventSource=source, CreateBucket=create, Monitoring="false"))
                expected = shared - bucket | own | (self.undelivered if source != "s3" else set())
                self.assertEqual(resources, expected, (source, create))

    def test_without_a_choice_it_is_s3_or_for_an_existing_bucket_eventbridge(self):
        self.assertEqual(rendered.sam(), rendered.sam(EventSource="s3"))
        self.assertEqual(
            rendered.sam(CreateBucket="false"), rendered.sam(CreateBucket="false", EventSource="eventbridge")
        )

    def notifications(self, source, kind):
        configured = rendered.sam(EventSource=source, UploadsPrefix="in/")["Bucket"]["Properties"]["NotificationConfiguration"]
        self.assertEqual(list(configured), [kind])
        return configured[kind]

    def test_the_bucket_tells_the_queue_or_the_topic_what_it_would_tell_the_function(self):
        told = self.notifications("s3", "LambdaConfigurations")
        queue = select(arn("UploadsQueue"), {"Ref": "UploadsQueuePolicy"})
        topic = select({"Ref": "UploadsTopic"}, {"Ref": "UploadsTopicPolicy"})
        for source, kind, field, target in (
            ("sqs", "QueueConfigurations", "Queue", queue),
            ("sns", "TopicConfigurations", "Topic", topic),
        ):
            expected = [{"Event": one["Event"], field: target, "Filter": one["Filter"]} for one in told]
            self.assertEqual(self.notifications(source, kind), expected)
        self.assertEqual(self.notifications("eventbridge", "EventBridgeConfiguration"), {"EventBridgeEnabled": True})

    def test_queue_hides_messages_six_times_as_long_as_the_function_may_take(self):
        for timeout in (1, 30, 900):
            queue = rendered.sam(EventSource="sqs", UploadHandlerTimeout=timeout)["UploadsQueue"]["Properties"]
            self.assertGreaterEqual(int(queue["VisibilityTimeout"]), 6 * timeout)
            self.assertLessEqual(int(queue["VisibilityTimeout"]), 12 * 60 * 60, "the most that SQS knows")

    def test_queue_gives_up_into_another_with_the_age_to_see_it(self):
        resources = rendered.sam(EventSource="sqs")
        redrive = resources["UploadsQueue"]["Properties"]["RedrivePolicy"]
        # Five at least, says AWS: Lambda counts what it received and could not start the function for.
        self.assertEqual(redrive, {"deadLetterTargetArn": arn("UndeliveredQueue"), "maxReceiveCount": "5"})

    def test_batches_fail_by_the_message(self):
        [mapping] = of_type(rendered.sam(EventSource="sqs", QueueConcurrency=7), "AWS::Lambda::EventSourceMapping").values()
        self.assertEqual(
            mapping,
            {
                "EventSourceArn": arn("UploadsQueue"),
                "FunctionName": {"Ref": "UploadHandlerLambdaFunction"},
                "BatchSize": "10",
                "FunctionResponseTypes": ["ReportBatchItemFailures"],
                "ScalingConfig": {"MaximumConcurrency": "7"},
            },
        )

    def test_topic_hands_on_to_the_function_and_what_it_cannot_to_the_queue(self):
        [subscription] = of_type(rendered.sam(EventSource="sns"), "AWS::SNS::Subscription").values()
        self.assertEqual(
            subscription,
            {
                "TopicArn": {"Ref": "UploadsTopic"},
                "Protocol": "lambda",
                "Endpoint": HANDLER,
                "RedrivePolicy": {"deadLetterTargetArn": arn("UndeliveredQueue")},
            },
        )

    def test_every_queue_and_topic_is_encrypted_and_a_queue_keeps_for_a_fortnight(self):
        key = EVERY["KmsKeyArn"]
        for source in EVENT_SOURCES:
            for name, queue in of_type(rendered.sam(EventSource=source), "AWS::SQS::Queue").items():
                self.assertIs(queue["SqsManagedSseEnabled"], True, name)
                self.assertEqual(queue["MessageRetentionPeriod"], str(14 * 24 * 60 * 60), name)
            for name, queue in of_type(rendered.sam(EventSource=source, KmsKeyArn=key), "AWS::SQS::Queue").items():
                self.assertEqual(queue["KmsMasterKeyId"], key, name)
        topic = rendered.sam(EventSource="sns", KmsKeyArn=key)["UploadsTopic"]["Properties"]
        self.assertEqual(topic, {"KmsMasterKeyId": key})

    def test_alarms_watch_the_queues(self):
        def watched(source):
            alarms = of_type(rendered.sam(EventSource=source), "AWS::CloudWatch::Alarm").values()
            named = [(one["Dimensions"][0], one) for one in alarms if one.get("Namespace") == "AWS/SQS"]
            return {(name["Value"]["Fn::GetAtt"][0], one["MetricName"], one["Threshold"]) for name, one in named}

        depth, age = "ApproximateNumberOfMessagesVisible", "ApproximateAgeOfOldestMessage"
        ten_days, quarter_of_an_hour = str(10 * 24 * 60 * 60), str(15 * 60)
        failures = {("FailureQueue", depth, "0"), ("FailureQueue", age, ten_days)}
        undelivered = {("UndeliveredQueue", depth, "0"), ("UndeliveredQueue", age, ten_days)}
        self.assertEqual(watched("s3"), failures)
        self.assertEqual(watched("eventbridge"), failures | undelivered)
        self.assertEqual(watched("sns"), failures | undelivered)
        self.assertEqual(watched("sqs"), failures | undelivered | {("UploadsQueue", age, quarter_of_an_hour)})


if __name__ == "__main__":
    unittest.main()
