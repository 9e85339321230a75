"""What every job needs: the binary, the folders, a registry, and a clock that also sees memory."""

import contextlib
import dataclasses
import json
import os
import shutil
import socket
import subprocess
import tempfile
import time
import urllib.request


class Trouble(Exception):
    """Why a benchmark cannot go on."""


@dataclasses.dataclass
class Sample:
    """One run of a job."""

    seconds: float
    peak: float = 0.0       # MiB resident, of its largest process
    out: int | None = None  # bytes written or sent
    note: str = ""


def require(*names):
    for name in names:
        if not shutil.which(name):
            raise Trouble(f"`{name}` is missing: apt-get install {name}")


def run(command, environment=None):
    """Runs a command or a shell line to its end; returns its sample and what it printed."""
    words = ["sh", "-c", command] if isinstance(command, str) else [str(word) for word in command]
    with tempfile.TemporaryFile() as output, tempfile.TemporaryFile() as errors:
        started = time.monotonic()
        child = subprocess.Popen(words, env=environment, stdin=subprocess.DEVNULL, stdout=output, stderr=errors)
        # `wait4` tells the memory of this child and its own children, whatever ran before.
        _, status, usage = os.wait4(child.pid, 0)
        seconds = time.monotonic() - started
        child.returncode = os.waitstatus_to_exitcode(status)
        output.seek(0)
        errors.seek(0)
        text = output.read().decode(errors="replace")
        if child.returncode:
            raise Trouble(f"`{' '.join(words)}` ended with {child.returncode}\n{errors.read().decode()[-2000:]}")
    return Sample(seconds, usage.ru_maxrss / 1024), text


class Setting:
    """Where a benchmark runs."""

    def __init__(self, dockless, folder, project):
        self.dockless = dockless
        self.project = project
        self.folder = folder
        self.work = folder / "work"
        shutil.rmtree(self.work, ignore_errors=True)
        (self.work / "home").mkdir(parents=True)
        self.address = None

    def environment(self, cache):
        """Nothing of this machine's user, and the named cache."""
        return {
            "PATH": os.environ["PATH"],
            "HOME": str(self.work / "home"),
            "DOCKLESS_CACHE_DIR": str(self.cache(cache)),
        }

    def cache(self, name):
        return self.work / "caches" / name

    def forget(self, cache):
        shutil.rmtree(self.cache(cache), ignore_errors=True)

    def run_dockless(self, cache, *words, environment=None):
        """Runs dockless on the project, or on the one that the words name; the sample holds what was sent."""
        project = [] if "-C" in words else ["-C", self.project]
        command = [self.dockless, *project, *words, "--json"]
        sample, printed = run(command, self.environment(cache) | (environment or {}))
        report = json.loads(printed)
        sample.out = report.get("uploaded_bytes", 0)
        return sample, report

    def push(self, cache, repository, *words):
        return self.run_dockless(cache, "push", "--name", f"{self.address}/{repository}", *words)

    @contextlib.contextmanager
    def registry(self):
        """Debian's docker-registry on a free loopback port, with its data below the benchmark's folder."""
        with socket.socket() as probe:
            probe.bind(("127.0.0.1", 0))
            self.address = "127.0.0.1:{}".format(probe.getsockname()[1])
        config = self.work / "registry.yml"
        config.write_text(
            "version: 0.1\nlog: {level: error, accesslog: {disabled: true}}\n"
            f"storage: {{filesystem: {{rootdirectory: {self.work}/registry}}, delete: {{enabled: true}}}}\n"
            f'http: {{addr: "{self.address}"}}\n'
        )
        with open(self.work / "registry.txt", "wb") as log:
            server = subprocess.Popen(["docker-registry", "serve", config], stdout=log, stderr=log)
        try:
            await_http(f"http://{self.address}/v2/", server)
            yield
        finally:
            server.terminate()
            server.wait()
            shutil.rmtree(self.work, ignore_errors=True)


def await_http(url, server):
    deadline = time.monotonic() + 30
    while True:
        with contextlib.suppress(OSError):
            urllib.request.urlopen(url, timeout=5).close()
            return
        if server.poll() is not None or time.monotonic() > deadline:
            raise Trouble(f"nothing answers at {url}")
        time.sleep(0.05)
