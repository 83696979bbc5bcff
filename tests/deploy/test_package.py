"""The zips for Lambda: reproducible, and refused when Lambda could not start what is in them."""

import struct
import subprocess
import sys
import tempfile
import unittest
import zipfile
from pathlib import Path

from samcli.yamlhelper import yaml_parse

ROOT = Path(__file__).resolve().parents[2]


def program(machine=62, symbols=(b"GLIBC_2.2.5", b"GLIBC_2.34")):
    """Enough of an ELF file for the checks."""
    return b"\x7fELF" + bytes(14) + struct.pack("<H", machine) + b"\0".join(symbols)


class Package(unittest.TestCase):
    def setUp(self):
        folder = tempfile.TemporaryDirectory()
        self.addCleanup(folder.cleanup)
        self.folder = Path(folder.name)

    def package(self, content, out="out", architecture="x86_64"):
        for name in ("upload-handler", "image-processor"):
            (self.folder / name).mkdir(exist_ok=True)
            (self.folder / name / "bootstrap").write_bytes(content + name.encode())
        command = [sys.executable, ROOT / "deploy/package.py", "--architecture", architecture]
        command += ["--programs", self.folder, "--out", self.folder / out]
        return subprocess.run(command, capture_output=True, text=True)

    def test_zip_holds_one_executable_named_bootstrap(self):
        done = self.package(program())
        self.assertEqual(done.returncode, 0, done.stderr)
        # Distinct names: the Serverless Framework takes two artifacts of one name for the same.
        self.assertEqual(
            sorted(path.name for path in (self.folder / "out").iterdir()),
            ["image-processor-x86_64.zip", "template-x86_64.yaml", "upload-handler-x86_64.zip"],
        )
        with zipfile.ZipFile(self.folder / "out/image-processor-x86_64.zip") as archive:
            [entry] = archive.infolist()
            self.assertEqual((entry.filename, entry.external_attr >> 16), ("bootstrap", 0o100755))
            self.assertEqual(archive.read(entry), program() + b"image-processor")

    def test_same_program_gives_the_same_zip(self):
        self.package(program(), out="one")
        (self.folder / "upload-handler/bootstrap").unlink()  # made anew: another time, another inode
        self.package(program(), out="two")
        for name in ("upload-handler-x86_64.zip", "image-processor-x86_64.zip", "template-x86_64.yaml"):
            self.assertEqual((self.folder / "one" / name).read_bytes(), (self.folder / "two" / name).read_bytes())
        with zipfile.ZipFile(self.folder / "one/upload-handler-x86_64.zip") as archive:
            self.assertEqual(archive.infolist()[0].date_time, (1980, 1, 1, 0, 0, 0))

    def test_template_names_the_zips_beside_it_and_is_the_same_otherwise(self):
        for architecture, machine in (("x86_64", 62), ("arm64", 183)):
            self.assertEqual(self.package(program(machine), architecture=architecture).returncode, 0)
            original = yaml_parse((ROOT / "template.yaml").read_text())
            packaged = yaml_parse((self.folder / f"out/template-{architecture}.yaml").read_text())
            self.assertEqual(packaged["Parameters"]["Architecture"].pop("Default"), architecture)
            del original["Parameters"]["Architecture"]["Default"]
            for resource in ("UploadHandlerLambdaFunction", "ImageProcessorLambdaFunction"):
                name = original["Resources"][resource].pop("Metadata")["BuildProperties"]["Binary"]
                self.assertEqual(packaged["Resources"][resource]["Properties"].pop("CodeUri"), f"{name}-{architecture}.zip")
                del original["Resources"][resource]["Properties"]["CodeUri"]
            self.assertEqual(packaged, original)

    def test_newer_glibc_is_refused(self):
        done = self.package(program(symbols=(b"GLIBC_2.2.5", b"GLIBC_2.35")))
        self.assertNotEqual(done.returncode, 0)
        self.assertIn("glibc 2.35", done.stderr)
        self.assertIn("upload-handler", done.stderr)

    def test_another_architecture_is_refused(self):
        done = self.package(program(machine=62), architecture="arm64")
        self.assertNotEqual(done.returncode, 0)
        self.assertIn("ARCHITECTURE=arm64", done.stderr)
        self.assertEqual(self.package(program(machine=183), architecture="arm64").returncode, 0)

    def test_what_is_not_built_is_named(self):
        command = [sys.executable, ROOT / "deploy/package.py", "--architecture", "arm64"]
        done = subprocess.run([*command, "--programs", self.folder, "--out", self.folder], capture_output=True, text=True)
        self.assertIn("upload-handler/bootstrap", done.stderr)
        self.assertNotIn("Traceback", done.stderr)


if __name__ == "__main__":
    unittest.main()
