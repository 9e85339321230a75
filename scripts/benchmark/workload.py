"""The project that is packed: made once, kept in the folder of the benchmark."""

import os
import shutil
import subprocess
import sys

PACKAGES = """next react react-dom typescript @nestjs/core @nestjs/common aws-sdk webpack eslint jest @mui/material
@mui/icons-material lodash date-fns rxjs express""".split()
BUILD = "version: 1\nname: {}\nbase: {}\nlayers:\n  - {{from: app, to: /app}}\n"


def prepare(kind, folder, root):
    """Returns the project of a kind, made unless it is there as a whole."""
    place = folder / kind
    project = place / "project"
    if not (place / "complete").exists():
        shutil.rmtree(place, ignore_errors=True)
        (project / "app").mkdir(parents=True)
        if kind == "real":
            install(project / "app")
        else:
            options = ["--small"] if kind == "small" else []
            subprocess.run([root / "scripts/lab/tree.py", *options, project / "app"], check=True)
        (place / "complete").touch()
    write_build_file(project)
    return project


def write_build_file(project, name="127.0.0.1/bench", base="scratch"):
    (project / "build.yaml").write_text(BUILD.format(name, base))


def small(folder, base):
    """Makes a project of one file over a base."""
    project = folder / "small"
    (project / "app").mkdir(parents=True, exist_ok=True)
    (project / "app/file").write_text("own\n")
    write_build_file(project, base=base)
    (project / "build.lock").unlink(missing_ok=True)
    return project


def install(app):
    subprocess.run(["npm", "init", "-y"], cwd=app, stdout=sys.stderr, check=True)
    quiet = ["--ignore-scripts", "--no-audit", "--no-fund"]
    subprocess.run(["npm", "install", *quiet, *PACKAGES], cwd=app, stdout=sys.stderr, check=True)


def describe(project):
    """Says how large the tree is; reads everything once, so that no job finds it cold."""
    entries = sum(1 + len(files) for _, _, files in os.walk(project / "app"))
    tar = subprocess.run(f"tar -cf - -C '{project}/app' . | wc -c", shell=True, capture_output=True, check=True)
    return f"{entries} entries, {int(tar.stdout) / 1e6:.0f} MB as tar"


def changeable(project):
    """Returns a small file in the middle of the tree."""
    files = sorted(path for path in (project / "app").rglob("*.js") if path.is_file() and not path.is_symlink())
    small = [path for path in files if path.stat().st_size < 10_000]
    return small[len(small) // 2]
