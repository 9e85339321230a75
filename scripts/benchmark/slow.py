"""A registry far away: dockless's own stand-in, with 30 ms before each answer and 25 MB/s for each connection, about what one
stream to ECR carries. Layers are not compressed and known already, so that the way up is all that takes time."""

import contextlib
import subprocess

from . import workload

HOST = "123456789012.dkr.ecr.eu-west-1.amazonaws.com"
LINK = ["--latency", "30ms", "--rate", "25MB/s"]


def measure(setting):
    print("\nA registry at 30 ms and 25 MB/s a stream\n")
    print("| push | layers | MB sent | seconds | MB/s |\n| --- | ---: | ---: | ---: | ---: |")
    write_build_file(setting, "256MiB")
    with sandbox(setting) as environment:
        for row, split in [("one layer", "off"), ("parts of 256 MiB (default)", "256MiB"), ("parts of 64 MiB", "64MiB")]:
            write_build_file(setting, split)
            setting.run_dockless("slow", "build")
            push(setting, environment, row)
        file = workload.changeable(setting.project)
        kept = file.read_bytes()
        try:
            file.write_bytes(kept + b"\n// changed\n")
            setting.run_dockless("slow", "build")
            push(setting, environment, "parts of 64 MiB, one file changed")
            push(setting, environment, "nothing changed")
        finally:
            file.write_bytes(kept)
    setting.forget("slow")
    workload.write_build_file(setting.project)


def write_build_file(setting, split):
    (setting.project / "build.yaml").write_text(
        f"version: 1\nname: {HOST}/bench\nbase: scratch\ncompression: none\n"
        f"layers:\n  - {{from: app, to: /app, split: {split}}}\n"
    )


@contextlib.contextmanager
def sandbox(setting):
    """Yields what leads a push there."""
    command = [setting.dockless, "-C", setting.project, "sandbox", *LINK]
    server = subprocess.Popen(command, env=setting.environment("sandbox"), stdout=subprocess.PIPE, stderr=subprocess.DEVNULL)
    try:
        endpoint = server.stdout.readline().decode().strip()
        config = setting.work / "slow.yaml"
        config.write_text(f'hosts: {{"{HOST}": {{endpoint: "{endpoint.removeprefix("http://")}", scheme: http}}}}\n')
        yield {
            "AWS_ENDPOINT_URL": endpoint,
            "AWS_ACCESS_KEY_ID": "sandbox",
            "AWS_SECRET_ACCESS_KEY": "sandbox",
            "DOCKLESS_CONFIG": str(config),
        }
    finally:
        server.terminate()
        server.wait()
        setting.forget("sandbox")


def push(setting, environment, row):
    sample, report = setting.run_dockless("slow", "push", environment=environment)
    sent = sample.out / 1e6
    rate = f"{sent / sample.seconds:.0f}" if sent > 1 else ""
    print(f"| {row} | {len(report['layers'])} | {sent:.1f} | {sample.seconds:.2f} | {rate} |", flush=True)
