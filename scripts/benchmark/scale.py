"""The tree at one, four and sixteen times: the time must not grow faster than the bytes.

The copies are hard links: each path is packed with bytes of its own, and the disk holds them once.
"""

import os
import shutil

from . import workload

TIMES = [1, 4, 16]


def measure(setting):
    print("\n| tree | seconds | seconds for each time | peak MiB | MB out |\n| --- | ---: | ---: | ---: | ---: |")
    whole = setting.project
    for times in TIMES:
        setting.project = copied(whole, setting.work / f"times-{times}", times)
        layout = setting.work / "layout"
        sample, report = setting.run_dockless("scale", "build", "--output", f"oci:{layout}")
        size = sum(layer["size"] for layer in report["layers"])
        each = sample.seconds / times
        print(f"| {times} x | {sample.seconds:.1f} | {each:.2f} | {sample.peak:.0f} | {size / 1e6:.0f} |", flush=True)
        setting.forget("scale")
        for folder in (layout, setting.project):
            shutil.rmtree(folder)
    setting.project = whole


def copied(whole, place, times):
    for number in range(times):
        shutil.copytree(whole / "app", place / "app" / str(number), symlinks=True, copy_function=link)
    workload.write_build_file(place)
    return place


def link(source, target):
    if os.path.islink(source):
        os.symlink(os.readlink(source), target)
    else:
        os.link(source, target)
