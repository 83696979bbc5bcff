"""Deploys what `make migrate` makes of other services' configurations into an emulated AWS, and uploads: `make test-deploy`."""

import json
import re
import tempfile
import unittest
from pathlib import Path

from deployment import ARCHITECTURE, ARTIFACTS, WITHOUT, png
from emulator import Emulator

EXAMPLES = json.loads((Path(__file__).parent / "migrated.json").read_text())
SOURCE = "uploads/images/original.png"
MAGIC = {"png": b"\x89PNG", "jpeg": b"\xff\xd8\xff", "webp": b"RIFF"}


class Migrated(unittest.TestCase):
    """The documented example of each predecessor gives thumbnails at its own keys."""

    @classmethod
    def setUpClass(cls):
        cls.aws = cls.enterClassContext(Emulator())
        cls.s3 = cls.aws.client("s3")

    def migrate(self, configuration):
        """The parameters that `make migrate` prints."""
        with tempfile.NamedTemporaryFile("w", suffix=".config") as file:
            file.write(configuration)
            file.flush()
            shown = self.aws.run("make", "--no-print-directory", "migrate", f"CONFIG={file.name}")
        return re.findall(r"^  ([A-Za-z]+=.*)$", shown, re.MULTILINE)

    def deploy(self, name, parameters):
        """A stack of its own, with a bucket of that name."""
        quoted = [re.sub("=(.*)", r'="\1"', one, count=1) for one in [f"NamePrefix={name}-", WITHOUT, *parameters]]
        self.aws.run(
            "make", "deploy", f"BUCKET={name}", f"STACK={name}", f"ARCHITECTURE={ARCHITECTURE}", f"ARTIFACTS={ARTIFACTS}",
            "PARAMETERS=" + " ".join(f"'{one}'" for one in quoted),
        )  # fmt: skip

    def keys(self, bucket):
        listed = self.s3.list_objects_v2(Bucket=bucket).get("Contents", [])
        return {one["Key"] for one in listed} - {SOURCE}

    def gives(self, bucket, output, expected):
        """An upload gives thumbnails of these formats at these keys and no others, and its end takes them away."""
        self.s3.put_object(Bucket=bucket, Key=SOURCE, Body=png(1000, 800))
        self.aws.wait_for(f"{sorted(expected)} and nothing else", lambda: self.keys(output) == set(expected))
        for key, kind in expected.items():
            found = self.s3.get_object(Bucket=output, Key=key)
            self.assertEqual(found["ContentType"], f"image/{kind}", key)
            self.assertTrue(found["Body"].read().startswith(MAGIC[kind]), key)
        self.s3.delete_object(Bucket=bucket, Key=SOURCE)
        self.aws.wait_for("the thumbnails to go", lambda: not self.keys(output))

    def test_configurations_give_thumbnails_at_their_keys(self):
        for name, example in EXAMPLES.items():
            with self.subTest(name):
                output = example["bucket"] or name
                if output != name:
                    self.s3.create_bucket(Bucket=output)
                self.deploy(name, self.migrate(example["configuration"]))
                self.gives(name, output, example["thumbnails"])

    def test_the_articles_keys_are_the_default(self):
        self.deploy("article", [])
        self.gives("article", "article", {f"thumbnails/{size}/{SOURCE}": "png" for size in (100, 300, 500)})


if __name__ == "__main__":
    unittest.main()
