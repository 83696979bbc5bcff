"""Configurations of other services, after the examples in their documentation, become parameters."""

import importlib.util
import json
import re
import unittest
from pathlib import Path

spec = importlib.util.spec_from_file_location("migrate", Path(__file__).resolve().parents[2] / "deploy/migrate.py")
migrate = importlib.util.module_from_spec(spec)
spec.loader.exec_module(migrate)

FIREBASE = """# storage-resize-images
IMG_BUCKET=project.appspot.com
IMG_SIZES=200x200, 400x400
RESIZED_IMAGES_PATH=thumbs
INCLUDE_PATH_LIST=/users/avatars,/design/*/pictures
CACHE_CONTROL_HEADER=max-age=86400
DELETE_ORIGINAL_FILE=on_success
IMAGE_TYPE={types}
OUTPUT_OPTIONS={{"webp": {{"quality": 70}}}}
MAKE_PUBLIC=true
"""

AWS_LAMBDA_IMAGE = {
    "bucket": "thumbnails-of-mine",
    "backup": {"directory": "./original"},
    "reduce": {"directory": "./reduced", "quality": 90, "acl": "public-read"},
    "resizes": [
        {"size": 300, "directory": "./small", "cacheControl": "public, max-age=60"},
        {"size": "600x600^", "gravity": "Center", "crop": "600x600", "directory": "./square"},
        {"size": 600, "format": "jpg", "background": "white"},
        {"size": "x450", "quality": 85},
        {"size": "50%"},
    ],
}


def firebase(types: str) -> "migrate.Converted":
    return migrate.read(FIREBASE.format(types=types))


class DocumentedExamples(unittest.TestCase):
    """image-processor's tests make thumbnails with these variables."""

    def test_they_become_the_variables_that_image_processor_is_tested_with(self):
        for name, example in json.loads((Path(__file__).parent / "migrated.json").read_text()).items():
            with self.subTest(name):
                parameters = migrate.read(example["configuration"]).parameters
                variables = {re.sub("(?<!^)(?=[A-Z])", "_", parameter).upper(): value for parameter, value in parameters.items()}
                self.assertEqual(variables, example["variables"])


class Firebase(unittest.TestCase):
    def test_names_are_those_of_the_extension_below_a_prefix(self):
        parameters = firebase("false").parameters
        self.assertEqual(
            parameters,
            {
                "Sizes": "200x200,400x400",
                "ThumbnailsPrefix": "thumbs/",
                "ThumbnailKey": "thumbs/{stem}_{size}.{extension}",
                "IncludeKeys": "uploads/users/avatars/**,uploads/design/*/pictures/**",
                "CacheControl": "max-age=86400",
            },
        )

    def test_formats_have_their_qualities(self):
        converted = firebase("webp,false,tiff")
        self.assertEqual(converted.parameters["Formats"], "webp:70,source")
        self.assertEqual(converted.parameters["ThumbnailKey"], "thumbs/{stem}.{extension}_{size}.{format}")
        self.assertIn("IMAGE_TYPE tiff", migrate.shown(converted))

    def test_what_has_no_counterpart_is_said(self):
        text = migrate.shown(firebase("false"))
        for name in ("MAKE_PUBLIC", "DELETE_ORIGINAL_FILE"):
            self.assertIn(f"{name} has no counterpart", text)


class AwsLambdaImage(unittest.TestCase):
    def test_sizes_have_their_formats_and_qualities(self):
        converted = migrate.read(json.dumps(AWS_LAMBDA_IMAGE))
        self.assertEqual(
            converted.parameters,
            {
                "Sizes": "300,600x600^,600:jpeg,16383x450:jpeg:85,16383:source:90",
                "ThumbnailsPrefix": "thumbnails/",
                "ThumbnailKey": "300=thumbnails/small/{size}/{folder}{name}.{extension},"
                "600x600^=thumbnails/square/{size}/{folder}{name}.{extension},"
                "600=thumbnails/{size}/{folder}{name}.{extension},"
                "16383x450=thumbnails/{size}/{folder}{name}.{extension},"
                "16383=thumbnails/reduced/{size}/{folder}{name}.{extension}",
                "OutputBucket": "thumbnails-of-mine",
                "CacheControl": "public, max-age=60",
                "Background": "ffffff",
            },
        )
        text = migrate.shown(converted)
        for said in ("size 50% has no counterpart", "backup has no counterpart", "acl has no counterpart"):
            self.assertIn(said, text)

    def test_each_size_has_its_directory_prefix_and_suffix(self):
        sizes = [
            {"size": 300, "directory": "./resized/small", "prefix": "resized-"},
            {"size": 450, "directory": "resized/medium/", "suffix": "_medium"},
        ]
        converted = migrate.read(json.dumps({"resizes": sizes}))
        self.assertEqual(converted.parameters["ThumbnailsPrefix"], "resized/")
        self.assertEqual(
            converted.parameters["ThumbnailKey"],
            "300=resized/small/{folder}resized-{name}.{extension},450=resized/medium/{folder}{name}_medium.{extension}",
        )
        self.assertIn("absolute directory", migrate.shown(converted))
        self.assertNotIn("folder of its name", migrate.shown(converted))
        for said in ("directory", "acl"):
            self.assertNotIn(f"{said} has no counterpart", migrate.shown(converted))


class Neither(unittest.TestCase):
    def test_a_file_that_is_no_configuration_is_refused(self):
        for text, why in (('{"a": 1}', "neither"), ("{", "not JSON"), ("A=1", "neither")):
            with self.assertRaisesRegex(migrate.Invalid, why):
                migrate.read(text)


if __name__ == "__main__":
    unittest.main()
