"""Deploys with each tool as a person would, into an emulated AWS, and then uses the pipeline: `make test-deploy`."""

import json
import os
import platform
import struct
import unittest
import zlib

from botocore.exceptions import ClientError

from emulator import REGION, ROOT, Emulator, Throttling

BUCKET = "my-image-bucket"
SIZES = [100, 300, 500]
# A folder with ready-made zips to deploy, instead of building them.
ARTIFACTS = os.environ.get("ARTIFACTS", "")
ARCHITECTURE = {"aarch64": "arm64", "arm64": "arm64"}.get(platform.machine(), "x86_64")
# The emulator knows neither alarms on metric math nor saved queries.
WITHOUT = "Monitoring=false"


def png(width, height):
    """A PNG file with a gradient."""

    def chunk(kind, body):
        return struct.pack(">I", len(body)) + kind + body + struct.pack(">I", zlib.crc32(kind + body))

    rows = b"".join(
        b"\0" + b"".join(bytes((x * 255 // width, y * 255 // height, 90)) for x in range(width)) for y in range(height)
    )
    header = struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0)
    return b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", header) + chunk(b"IDAT", zlib.compress(rows)) + chunk(b"IEND", b"")


def notification(key):
    """S3's notification that the object was created."""
    record = {
        "eventVersion": "2.1",
        "eventSource": "aws:s3",
        "awsRegion": REGION,
        "eventTime": "2026-03-01T12:00:00.000Z",
        "eventName": "ObjectCreated:Put",
        "userIdentity": {"principalId": "AWS:AIDAEXAMPLE"},
        "requestParameters": {"sourceIPAddress": "192.0.2.1"},
        "responseElements": {},
        "s3": {"s3SchemaVersion": "1.0", "bucket": {"name": BUCKET}, "object": {"key": key, "size": 1}},
    }
    return json.dumps({"Records": [record]})


def bridged(key):
    """EventBridge's event that the object was created."""
    event = {
        "version": "0",
        "id": "17793124-05d4-b198-2fde-7ededc63b103",
        "detail-type": "Object Created",
        "source": "aws.s3",
        "account": "000000000000",
        "time": "2026-03-01T12:00:00Z",
        "region": REGION,
        "resources": [f"arn:aws:s3:::{BUCKET}"],
        "detail": {"version": "0", "bucket": {"name": BUCKET}, "object": {"key": key, "size": 1}, "reason": "PutObject"},
    }
    return json.dumps(event)


class Deployed:
    """The tests of every deployment. Subclasses deploy in different ways."""

    stack = "thumbnails"
    parameters = ""

    @classmethod
    def setUpClass(cls):
        cls.aws = cls.enterClassContext(Emulator())
        cls.s3, cls.lambdas = cls.aws.client("s3"), cls.aws.client("lambda")
        cls.prepare()
        cls.deploy()

    @classmethod
    def prepare(cls):
        pass

    @classmethod
    def deploy(cls):
        cls.make("deploy")

    @classmethod
    def make(cls, target):
        variables = [f"BUCKET={BUCKET}", f"ARCHITECTURE={ARCHITECTURE}", f"ARTIFACTS={ARTIFACTS}"]
        cls.aws.run("make", target, *variables, f"PARAMETERS={WITHOUT} {cls.parameters}")

    def thumbnail(self, size, key):
        """The thumbnail's width and height, or None without a thumbnail."""
        try:
            body = self.s3.get_object(Bucket=BUCKET, Key=f"thumbnails/{size}/{key}")["Body"].read()
        except ClientError as error:
            if error.response["Error"]["Code"] == "NoSuchKey":
                return None
            raise
        return struct.unpack(">II", body[16:24])

    def thumbnails(self, key):
        return [self.thumbnail(size, key) for size in SIZES]

    def logged(self, function, **fields):
        """The log lines of a function that have these fields."""
        logs = self.aws.client("logs")
        found = []
        for event in logs.filter_log_events(logGroupName=f"/aws/lambda/{function}")["events"]:
            for text in event["message"].splitlines():
                try:
                    line = json.loads(text)
                except ValueError:
                    continue
                if isinstance(line, dict) and fields.items() <= line.get("fields", {}).items():
                    found.append(line)
        return found

    def test_upload_gets_thumbnails_and_its_deletion_removes_them(self):
        key = "uploads/a b+é.png"
        self.s3.put_object(Bucket=BUCKET, Key=key, Body=png(600, 400))
        self.aws.wait_for("three thumbnails", lambda: all(self.thumbnails(key)))
        self.assertEqual(self.thumbnails(key), [(100, 67), (300, 200), (500, 333)])
        [line] = self.aws.wait_for("the outcome in the log", lambda: self.logged("image-processor", key=key, outcome="made"))
        # The saved queries use these fields.
        for field in ("bytes", "width", "height", "total_ms", "download_ms", "decode_ms", "make_ms", "upload_ms", "etag"):
            self.assertIn(field, line["fields"])
        self.assertEqual(line["level"], "INFO")
        self.assertIn("requestId", line["span"])

        self.s3.delete_object(Bucket=BUCKET, Key=key)
        self.aws.wait_for("the thumbnails to go", lambda: not any(self.thumbnails(key)))

    def test_a_text_is_rejected(self):
        key = "uploads/text.jpg"
        self.s3.put_object(Bucket=BUCKET, Key=key, Body=b"no image")
        lines = self.aws.wait_for("the rejection", lambda: self.logged("image-processor", key=key, outcome="rejected"))
        self.assertTrue(lines[0]["fields"]["reason"])
        self.assertFalse(any(self.thumbnails(key)))

    def test_other_prefixes_are_left_alone(self):
        self.s3.put_object(Bucket=BUCKET, Key="other/c.png", Body=png(8, 8))
        self.s3.put_object(Bucket=BUCKET, Key="uploads/after.png", Body=png(8, 8))
        self.aws.wait_for("thumbnails of the later upload", lambda: all(self.thumbnails("uploads/after.png")))
        self.assertFalse(any(self.thumbnails("other/c.png")))

    def test_failure_reaches_the_queue_and_can_be_redriven(self):
        key = "uploads/unlucky.png"
        variables = self.lambdas.get_function_configuration(FunctionName="image-processor")["Environment"]["Variables"]
        sqs, queue = self.aws.client("sqs"), self.output("FailureQueueUrl")

        def write_to(bucket):
            self.lambdas.update_function_configuration(
                FunctionName="image-processor", Environment={"Variables": variables | {"OUTPUT_BUCKET": bucket}}
            )

        write_to("no-such-bucket")
        try:
            self.s3.put_object(Bucket=BUCKET, Key=key, Body=png(20, 10))
            receive = dict(QueueUrl=queue, WaitTimeSeconds=1, VisibilityTimeout=0)
            messages = self.aws.wait_for("the failure queue to fill", lambda: sqs.receive_message(**receive).get("Messages"))
        finally:
            write_to(variables["OUTPUT_BUCKET"])
        failure = json.loads(messages[0]["Body"])
        self.assertEqual(failure["requestPayload"], {"bucket": BUCKET, "key": key})
        self.assertTrue(failure["requestContext"]["functionArn"].endswith(":function:image-processor"))
        self.assertIn("no-such-bucket", json.dumps(failure["responsePayload"]))

        self.aws.run("make", "redrive", f"QUEUE={queue}")
        self.aws.wait_for("the thumbnails after the redrive", lambda: all(self.thumbnails(key)))
        left = ["ApproximateNumberOfMessages", "ApproximateNumberOfMessagesNotVisible"]
        left = sqs.get_queue_attributes(QueueUrl=queue, AttributeNames=left)["Attributes"]
        self.assertEqual(set(left.values()), {"0"}, "what was done again leaves the queue")

    def gets_thumbnails_by(self, key, tell):
        """Deletes the thumbnails of an object, and checks that the message that `tell` sends brings them back."""
        self.s3.put_object(Bucket=BUCKET, Key=key, Body=png(20, 10))
        self.aws.wait_for("the first thumbnails", lambda: all(self.thumbnails(key)))
        for size in SIZES:
            self.s3.delete_object(Bucket=BUCKET, Key=f"thumbnails/{size}/{key}")
        tell(key)
        self.aws.wait_for("thumbnails by that message", lambda: all(self.thumbnails(key)))

    def output(self, name):
        [stack] = self.aws.client("cloudformation").describe_stacks(StackName=self.stack)["Stacks"]
        assert stack["StackStatus"] in ("CREATE_COMPLETE", "UPDATE_COMPLETE"), stack
        return {output["OutputKey"]: output["OutputValue"] for output in stack["Outputs"]}[name]


class Sam(Deployed, unittest.TestCase):
    @unittest.skipIf(ARTIFACTS, "cargo lambda deploys what it built, and nothing is built here")
    def test_code_update_by_cargo_lambda_changes_the_code_alone(self):
        """`cargo lambda deploy` on a function that the template made."""

        def settings():
            known = self.lambdas.get_function_configuration(FunctionName="image-processor")
            kept = ("Architectures", "Environment", "Handler", "LoggingConfig", "MemorySize", "Role", "Runtime", "Timeout")
            return {key: known[key] for key in (*kept, "TracingConfig")}

        before = settings()
        self.aws.run(
            "cargo",
            "lambda",
            "deploy",
            "image-processor",
            PATH=f"{ROOT}/.venv/package/bin:{self.aws.environment['PATH']}",
        )
        self.assertEqual(settings(), before)


class Serverless(Deployed, unittest.TestCase):
    stack = "thumbnails-dev"

    @classmethod
    def deploy(cls):
        cls.make("deploy-serverless")


class ExistingBucket(Deployed, unittest.TestCase):
    """The bucket exists before, with EventBridge switched on."""

    parameters = "CreateBucket=false"

    @classmethod
    def prepare(cls):
        cls.s3.create_bucket(Bucket=BUCKET)
        cls.s3.put_bucket_notification_configuration(
            Bucket=BUCKET, NotificationConfiguration={"EventBridgeConfiguration": {}}
        )


class Sqs(Deployed, unittest.TestCase):
    """The bucket's events come through a queue."""

    parameters = "EventSource=sqs"

    @classmethod
    def deploy(cls):
        super().deploy()
        [mapping] = cls.lambdas.list_event_source_mappings(FunctionName="upload-handler")["EventSourceMappings"]
        cls.mapping = mapping["UUID"]
        # The emulator turns a template's numbers into text, and then receives no messages.
        cls.lambdas.update_event_source_mapping(UUID=cls.mapping, ScalingConfig=mapping["ScalingConfig"])

    def setUp(self):
        self.sqs, self.sns = self.aws.client("sqs"), self.aws.client("sns")
        self.arn = self.output("UploadsQueueArn")
        self.queue = self.sqs.get_queue_url(QueueName=self.arn.rsplit(":", 1)[1])["QueueUrl"]

    def tell_through_a_topic(self, **attributes):
        """Returns a function that sends a text through a new topic into the queue."""
        topic = self.sns.create_topic(Name=f"t{len(attributes)}")["TopicArn"]
        self.sns.subscribe(TopicArn=topic, Protocol="sqs", Endpoint=self.arn, Attributes=attributes)
        return lambda text: self.sns.publish(TopicArn=topic, Message=text)

    def test_messages_of_every_form_give_thumbnails(self):
        into_the_queue = lambda text: self.sqs.send_message(QueueUrl=self.queue, MessageBody=text)
        through_a_topic = self.tell_through_a_topic()
        raw_through_a_topic = self.tell_through_a_topic(RawMessageDelivery="true")
        for name, send in (
            ("queue", into_the_queue),
            ("topic", through_a_topic),
            ("raw", raw_through_a_topic),
        ):
            for form in (notification, bridged):
                with self.subTest(send=name, form=form.__name__):
                    self.gets_thumbnails_by(f"uploads/{name}-{form.__name__}.png", lambda key: send(form(key)))

    def test_the_queue_learned_of_the_buckets_notifications(self):
        """S3 sends a test event when notifications are configured. It is skipped, and is not delivered again."""
        skipped = self.aws.wait_for("the test event", lambda: self.logged("upload-handler", reason="test-event"))
        self.assertEqual(len({line["fields"]["message_id"] for line in skipped}), len(skipped))

    def is_empty(self):
        names = ["ApproximateNumberOfMessages", "ApproximateNumberOfMessagesNotVisible"]
        return {"0"} == set(self.sqs.get_queue_attributes(QueueUrl=self.queue, AttributeNames=names)["Attributes"].values())

    def outcomes(self, keys):
        """The outcomes of the messages with these keys: for each batch, by key."""
        batches = {}
        for line in self.logged("upload-handler", message="message"):
            result = json.loads(line["fields"]["result"])
            for job in [*result["invoked"], *result.get("failed", [])]:
                if job["key"] in keys:
                    batches.setdefault(line["span"]["requestId"], {})[job["key"]] = result["outcome"]
        return list(batches.values())

    def throttle(self, keys):
        """Makes Lambda's API throttle upload-handler's invocations for `keys`, until `keys` is emptied."""
        throttling = self.enterContext(Throttling(self.aws.url, keys))
        variables = self.lambdas.get_function_configuration(FunctionName="upload-handler")["Environment"]["Variables"]

        def call(more):
            self.lambdas.update_function_configuration(
                FunctionName="upload-handler", Environment={"Variables": variables | more}
            )

        self.addCleanup(call, {})
        call({"AWS_ENDPOINT_URL_LAMBDA": throttling.url})
        # Long enough for a batch, short enough to wait for.
        hidden = self.sqs.get_queue_attributes(QueueUrl=self.queue, AttributeNames=["VisibilityTimeout"])["Attributes"]
        self.addCleanup(self.sqs.set_queue_attributes, QueueUrl=self.queue, Attributes=hidden)
        self.sqs.set_queue_attributes(QueueUrl=self.queue, Attributes={"VisibilityTimeout": "5"})

    def test_of_ten_messages_the_one_that_fails_repeats_alone(self):
        keys = [f"uploads/ten/{number}.png" for number in range(10)]
        unlucky = {keys[6]}
        # S3's test events could otherwise take places in the first batch.
        self.aws.wait_for("an empty queue", self.is_empty)
        self.lambdas.update_event_source_mapping(UUID=self.mapping, Enabled=False)
        for key in keys:
            self.s3.put_object(Bucket=BUCKET, Key=key, Body=png(20, 10))
        self.throttle(unlucky)
        self.lambdas.update_event_source_mapping(UUID=self.mapping, Enabled=True)

        batches = self.aws.wait_for("a second attempt", lambda: (all := self.outcomes(keys))[1:] and all)
        self.assertEqual(batches[0], {key: "failed" if key in unlucky else "invoked" for key in keys})
        self.assertEqual(batches[1:], [{keys[6]: "failed"}] * len(batches[1:]))
        self.aws.wait_for("the other thumbnails", lambda: all(all(self.thumbnails(key)) for key in keys if key not in unlucky))
        self.assertFalse(any(self.thumbnails(keys[6])))

        unlucky.clear()
        self.aws.wait_for("its thumbnails", lambda: all(self.thumbnails(keys[6])))
        batches = self.outcomes(keys)
        self.assertEqual([list(batch) for batch in batches[1:]], [[keys[6]]] * len(batches[1:]), "the others came once")

    def test_what_fails_five_times_is_put_aside_and_can_be_put_back(self):
        key, undelivered = "uploads/lost.png", self.output("UndeliveredQueueUrl")
        throttled = {key}
        self.throttle(throttled)
        self.s3.put_object(Bucket=BUCKET, Key=key, Body=png(20, 10))
        receive = dict(QueueUrl=undelivered, WaitTimeSeconds=1, VisibilityTimeout=0)
        [message] = self.aws.wait_for("the message", lambda: self.sqs.receive_message(**receive).get("Messages"), 120)
        self.assertIn(key, message["Body"])
        self.assertEqual(self.outcomes([key]), [{key: "failed"}] * 5)

        throttled.clear()
        # This is what StartMessageMoveTask does, which the emulator lacks.
        self.sqs.send_message(QueueUrl=self.queue, MessageBody=message["Body"])
        self.sqs.delete_message(QueueUrl=undelivered, ReceiptHandle=message["ReceiptHandle"])
        self.aws.wait_for("the thumbnails", lambda: all(self.thumbnails(key)))


class Sns(Deployed, unittest.TestCase):
    """The bucket's events come through a topic."""

    parameters = "EventSource=sns"

    def test_messages_of_every_form_give_thumbnails(self):
        topic, sns = self.output("UploadsTopicArn"), self.aws.client("sns")
        for form in (notification, bridged):
            with self.subTest(form=form.__name__):
                tell = lambda key: sns.publish(TopicArn=topic, Message=form(key))
                self.gets_thumbnails_by(f"uploads/{form.__name__}.png", tell)


if __name__ == "__main__":
    unittest.main()
