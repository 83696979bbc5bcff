"""Deploys with each tool as a person would, into an emulated AWS, and then uses the pipeline: `make test-deploy`."""

import json
import os
import platform
import struct
import unittest
import zlib

from botocore.exceptions import ClientError

from emulator import ROOT, Emulator

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


class Deployed:
    """What holds for a deployment, whatever made it. Subclasses say how it is made."""

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
    def make(cls, target):
        variables = [f"BUCKET={BUCKET}", f"ARCHITECTURE={ARCHITECTURE}", f"ARTIFACTS={ARTIFACTS}"]
        cls.aws.run("make", target, *variables, f"PARAMETERS={WITHOUT} {cls.parameters}")

    def thumbnail(self, size, key):
        """The thumbnail's width and height, or None where there is none."""
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
        # What the saved queries ask for.
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

    def output(self, name):
        [stack] = self.aws.client("cloudformation").describe_stacks(StackName=self.stack)["Stacks"]
        assert stack["StackStatus"] in ("CREATE_COMPLETE", "UPDATE_COMPLETE"), stack
        return {output["OutputKey"]: output["OutputValue"] for output in stack["Outputs"]}[name]


class Sam(Deployed, unittest.TestCase):
    stack = "thumbnails"

    @classmethod
    def deploy(cls):
        cls.make("deploy")

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
    """A bucket that was there before, with EventBridge switched on."""

    stack = "thumbnails"
    parameters = "CreateBucket=false"

    @classmethod
    def prepare(cls):
        cls.s3.create_bucket(Bucket=BUCKET)
        cls.s3.put_bucket_notification_configuration(
            Bucket=BUCKET, NotificationConfiguration={"EventBridgeConfiguration": {}}
        )

    @classmethod
    def deploy(cls):
        cls.make("deploy")


if __name__ == "__main__":
    unittest.main()
