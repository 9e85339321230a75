#!/usr/bin/env python3
"""Makes a tree of the shape of a large Node project: `tree.py [--small] DIR`.

84,074 entries, 80,615 of them files, a quarter of them below 512 bytes, a few of several megabytes, 657 MB as a tar, and
compressible to a fifth. The words are random but the same each time: nothing is downloaded. `--small` makes a hundredth.
"""

import os
import random
import sys

FOLDERS, FILES, BYTES = 3457, 80615, 592_000_000
WORDS, PHRASES = 2000, 4000
POOL = 6_000_000  # bytes of text that files are cut from: far more than a compressor looks back
LARGEST = 9_000_000
NAMES = ["index.js", "index.d.ts", "package.json", "README.md", "util.js", "types.d.ts", "main.js.map", "LICENSE"]
LETTERS = "etaoinshrdlucmfwypvbgk"


def pool(random_):
    """Returns text as regular as source code: few words and few phrases are frequent, most are rare."""
    words = ["".join(random_.choices(LETTERS, k=random_.randint(2, 11))) for _ in range(WORDS)]
    marks = [" ", " ", " ", "(", ");\n  ", ".", " = ", ", ", ": ", "\n", " => {\n    ", "}\n"]

    def phrase(length):
        return "".join(word + random_.choice(marks) for word in random_.choices(words, frequency(WORDS), k=length))

    phrases = [phrase(random_.randint(1, 8)) for _ in range(PHRASES)]
    return "".join(random_.choices(phrases, frequency(PHRASES), k=POOL // 35)).encode()


def frequency(count):
    return [1 / (rank + 4) for rank in range(count)]


def sizes(random_, files, total):
    """Returns sizes with the long tail of a real project, scaled to a sum of about `total`."""
    raw = [random_.lognormvariate(7.2, 1.75) for _ in range(files)]
    scale = total / sum(raw)
    return [min(int(size * scale), LARGEST) for size in raw]


def folders(random_, root, count):
    """Returns the folders to fill: packages with some folders below each, made here."""
    made = []
    for number in range(count):
        if number % 9 == 0 or not made:
            path = os.path.join(root, "node_modules", f"package-{number:04}")
        else:
            path = os.path.join(random_.choice(made[-(number % 9):]), f"part-{number % 9}")
        os.makedirs(path, exist_ok=True)
        made.append(path)
    return made


def main(root, small):
    random_ = random.Random(1)
    share = 100 if small else 1
    text = pool(random_)
    places = folders(random_, root, FOLDERS // share)
    for number, size in enumerate(sizes(random_, FILES // share, BYTES // share)):
        place = places[number % len(places)]
        name = f"{number // len(places):02}-{NAMES[number % len(NAMES)]}"
        with open(os.path.join(place, name), "wb", buffering=0) as file:
            left = size
            while left > 0:
                start = random_.randrange(len(text))
                left -= file.write(text[start:start + left])


if __name__ == "__main__":
    main(sys.argv[-1], "--small" in sys.argv)
