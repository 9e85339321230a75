"""The same job done by what Debian packages: docker, buildah, umoci and skopeo. Each once, since they take minutes.

Docker's engine is the one at `DOCKER_HOST`; `scripts/lab/run` starts one and names it in `DOCKLESS_LAB_DOCKER_HOST`.
"""

import os
import shutil

from .tools import run

DOCKER, BUILDAH, UMOCI = "docker build + push", "buildah bud + push", "umoci insert + skopeo copy"
ROWS = [DOCKER, BUILDAH, UMOCI]


def measure(setting, samples):
    for row, (programs, script) in jobs(setting).items():
        missing = [program for program in programs if not shutil.which(program)]
        if missing:
            print(f"\n{row}: not measured, {', '.join(missing)} is not installed")
            continue
        sample, _ = run(script, environment(setting))
        samples.add(row, sample)


def jobs(setting):
    """Shell lines: each leaves the tree as an image in the registry."""
    app, work, to = f"{setting.project}/app", setting.work, f"{setting.address}/peers"
    dockerfile = work / "Dockerfile"
    dockerfile.write_text("FROM scratch\nCOPY . /app\n")
    stored = f"--root {work}/buildah --runroot {work}/buildah-run --storage-driver vfs"
    return {
        DOCKER: (
            ["docker"],
            f"docker build -q -t {to}/docker -f {dockerfile} {app} && docker push -q {to}/docker",
        ),
        BUILDAH: (
            ["buildah"],
            f"buildah {stored} bud -q --isolation chroot -t {to}/buildah -f {dockerfile} {app}"
            f" && buildah {stored} push -q --tls-verify=false {to}/buildah",
        ),
        UMOCI: (
            ["umoci", "skopeo"],
            f"umoci init --layout {work}/umoci && umoci new --image {work}/umoci:one"
            f" && umoci insert --image {work}/umoci:one {app} /app"
            f" && skopeo copy -q --dest-tls-verify=false oci:{work}/umoci:one docker://{to}/umoci:one",
        ),
    }


def environment(setting):
    own = {"PATH": os.environ["PATH"], "HOME": str(setting.work / "home")}
    engine = os.environ.get("DOCKER_HOST") or os.environ.get("DOCKLESS_LAB_DOCKER_HOST")
    return own | ({"DOCKER_HOST": engine} if engine else {})
