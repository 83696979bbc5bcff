"""Old and new thumbnails are matched by what they are made of, and compared by what they show."""

import importlib.util
import sys
import tempfile
import unittest
from pathlib import Path

from PIL import Image, ImageOps

spec = importlib.util.spec_from_file_location("compare", Path(__file__).resolve().parents[2] / "deploy/compare.py")
compare = importlib.util.module_from_spec(spec)
sys.modules["compare"] = compare
spec.loader.exec_module(compare)


def picture(width=120, height=80):
    """Light from the left, red from the top."""
    red = Image.linear_gradient("L").resize((width, height))
    light = Image.linear_gradient("L").rotate(90).resize((width, height))
    return Image.merge("RGB", (red, light, Image.new("L", (width, height), 90)))


class Agreement(unittest.TestCase):
    def setUp(self):
        self.folder = Path(self.enterContext(tempfile.TemporaryDirectory()))

    def put(self, name, picture, **options):
        path = self.folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        picture.save(path, **options)

    def compare(self, old, new, limit=6, sample=0):
        sides = [compare.side(f"{self.folder}/{template}") for template in (old, new)]
        lines, is_well = compare.compare(*sides, limit, sample)
        return "\n".join(lines), is_well

    def test_another_encoder_and_another_rounding_agree(self):
        for size in (100, 300):
            self.put(f"old/{size}/a/cat.jpg", picture(size, size * 2 // 3), quality=60)
            self.put(f"new/{size}/a/cat.jpg", picture(size, size * 2 // 3 + 1), quality=85)
        text, is_well = self.compare("old/{size}/{key}", "new/{size}/{key}")
        self.assertTrue(is_well, text)
        self.assertIn("2 of 2 compared pairs agree", text)

    def test_what_shows_something_else_is_named(self):
        clear = picture().convert("RGBA")
        clear.putalpha(0)
        wrong = {
            "turned.png": picture().transpose(Image.Transpose.ROTATE_180),
            "dark.png": picture().point(lambda level: level * 3 // 4),
            "swapped.png": Image.merge("RGB", picture().split()[::-1]),
            "clear.png": clear,
            "side.png": picture(80, 120),
            "small.png": picture(60, 40),
        }
        self.put("old/sound.png", picture())
        self.put("new/sound.png", picture())
        for name, other in wrong.items():
            self.put(f"old/{name}", picture())
            self.put(f"new/{name}", other)
        (self.folder / "old/broken.png").write_bytes(b"none")
        self.put("new/broken.png", picture())
        text, is_well = self.compare("old/{key}", "new/{key}")
        self.assertFalse(is_well)
        self.assertIn("1 of 8 compared pairs agree", text)
        for name in wrong:
            self.assertIn(f"{name} and {name}", text)
        self.assertIn("120 by 80 pixels became 60 by 40", text)

    def test_an_orientation_counts_as_a_page_shows_it(self):
        exif = Image.Exif()
        exif[0x0112] = 6
        turned = picture().transpose(Image.Transpose.ROTATE_90)
        self.put("old/a.jpg", turned, exif=exif, quality=95)
        self.put("new/a.jpg", ImageOps.exif_transpose(picture()), quality=95)
        text, is_well = self.compare("old/{key}", "new/{key}")
        self.assertTrue(is_well, text)

    def test_what_has_no_counterpart_is_named(self):
        for key in ("old/a.png", "old/gone.png", "new/a.png"):
            self.put(key, picture())
        text, is_well = self.compare("old/{key}", "new/{key}")
        self.assertFalse(is_well)
        self.assertIn("gone.png", text)
        # Sources that the old service left out are no loss.
        (self.folder / "old/gone.png").rename(self.folder / "new/more.png")
        text, is_well = self.compare("old/{key}", "new/{key}")
        self.assertTrue(is_well)
        self.assertIn("more.png", text)

    def test_layouts_of_the_predecessors_match(self):
        for old, new, keys in (
            ("{folder}thumbs/{name}_{size}.{extension}", "t/up/{stem}_{size}.{extension}", ("a/b/thumbs/c.d_200x200.png", "t/up/a/b/c.d_200x200.png")),
            ("{folder}{name}_{size}.webp", "t/{stem}.{extension}_{size}.{format}", ("a/c_200x200.webp", "t/a/c.png_200x200.webp")),
            ("small/{name}.{extension}", "t/small/{folder}resized-{name}.{extension}", ("small/c.png", "t/small/a/resized-c.png")),
        ):
            with self.subTest(old), tempfile.TemporaryDirectory() as folder:
                self.folder = Path(folder)
                for place, key in zip(("old", "new"), keys):
                    self.put(f"{place}/{key}", picture())
                text, is_well = self.compare(f"old/{old}", f"new/{new}")
                self.assertTrue(is_well and "1 of 1" in text, text)

    def test_templates_that_cannot_be_used_say_why(self):
        for name in ("old/a.png", "old/b.png", "new/x/a.png", "new/y/a.png"):
            self.put(name, picture())
        for old, new, why in (
            ("old/{width}.png", "new/{key}", "{width} in"),
            ("nothing/{key}", "new/{key}", "nothing is there"),
            ("old/{folder}{name}.png", "new/{folder}{name}.png", "no thumbnail of the one"),
            ("old/{name}.png", "new/{folder}{name}.png", "both the counterpart of one"),
        ):
            with self.assertRaisesRegex(compare.Invalid, why):
                self.compare(old, new)

    def test_a_sample_is_spread_over_all(self):
        for number in range(10):
            for place in ("old", "new"):
                self.put(f"{place}/{number}.png", picture())
        self.assertIn("4 of 4 compared", self.compare("old/{key}", "new/{key}", sample=4)[0])


if __name__ == "__main__":
    unittest.main()
