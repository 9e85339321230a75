#!/usr/bin/env python3
"""Makes an oci-archive with one layer out of a root file system: `oci_archive.py ROOT ARCHIVE`.

What a container does not need (package lists, manuals, device nodes) is left out, so that tests move fewer bytes.
"""

import hashlib
import io
import json
import os
import platform
import sys
import tarfile
import tempfile
import zlib

LEFT_OUT = ("dev/", "proc/", "sys/", "var/cache/apt/", "var/lib/apt/lists/", "usr/share/doc/", "usr/share/man/",
            "usr/share/locale/")
ARCHITECTURES = {"x86_64": "amd64", "aarch64": "arm64"}
PATH = "PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"


class Gzip:
    """A stream that compresses what is written to it, and hashes both sides."""

    def __init__(self, out):
        self.out, self.size = out, 0
        self.plain, self.packed = hashlib.sha256(), hashlib.sha256()
        self.deflate = zlib.compressobj(1, zlib.DEFLATED, 31)

    def write(self, data):
        self.plain.update(data)
        self._emit(self.deflate.compress(data))
        return len(data)

    def close(self):
        self._emit(self.deflate.flush())

    def _emit(self, data):
        self.packed.update(data)
        self.size += len(data)
        self.out.write(data)


def kept(info):
    info.uname = info.gname = ""
    path = info.name.removeprefix("./") + ("/" if info.isdir() else "")
    return None if any(path.startswith(prefix) and path != prefix for prefix in LEFT_OUT) else info


def write_layer(root, out):
    stream = Gzip(out)
    with tarfile.open(fileobj=stream, mode="w|", format=tarfile.PAX_FORMAT) as tar:
        for name in sorted(os.listdir(root)):
            tar.add(os.path.join(root, name), name, filter=kept)
    stream.close()
    return stream


def main(root, archive):
    with tempfile.TemporaryFile() as packed, tarfile.open(archive + ".part", "w") as tar:
        def add(path, data):
            info = tarfile.TarInfo(path)
            info.size = len(data)
            tar.addfile(info, io.BytesIO(data))

        def blob(media_type, value):
            data = json.dumps(value).encode()
            digest = hashlib.sha256(data).hexdigest()
            add("blobs/sha256/" + digest, data)
            return {"mediaType": media_type, "digest": "sha256:" + digest, "size": len(data)}

        layer = write_layer(root, packed)
        info = tarfile.TarInfo("blobs/sha256/" + layer.packed.hexdigest())
        info.size = layer.size
        packed.seek(0)
        tar.addfile(info, packed)
        target = {"architecture": ARCHITECTURES[platform.machine()], "os": "linux"}
        config = blob("application/vnd.oci.image.config.v1+json", target | {
            "config": {"Env": [PATH], "Cmd": ["/bin/sh"]},
            "rootfs": {"type": "layers", "diff_ids": ["sha256:" + layer.plain.hexdigest()]},
            "history": [{"created_by": "oci_archive.py"}]})
        manifest_type = "application/vnd.oci.image.manifest.v1+json"
        manifest = blob(manifest_type, {
            "schemaVersion": 2, "mediaType": manifest_type, "config": config,
            "layers": [{"mediaType": "application/vnd.oci.image.layer.v1.tar+gzip",
                        "digest": "sha256:" + layer.packed.hexdigest(), "size": layer.size}]})
        manifest |= {"platform": target, "annotations": {"org.opencontainers.image.ref.name": "latest"}}
        add("index.json", json.dumps({"schemaVersion": 2, "manifests": [manifest]}).encode())
        add("oci-layout", b'{"imageLayoutVersion":"1.0.0"}')
    os.rename(archive + ".part", archive)


if __name__ == "__main__":
    main(*sys.argv[1:])
