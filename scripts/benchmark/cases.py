"""The goals' cases. Each round runs every job once, baselines beside what is held against them."""

from . import workload
from .tools import Trouble, run

# row, what it is held against, goal of time, goal of bytes against which row
GOALS = [
    ("cold push, gzip", "tar | pigz -6 -p2", 0.6, ("tar | gzip -6", 1.02)),
    ("cold push, zstd", "tar | zstd -3 -T2", 1.6, ("tar | zstd -3 -T2", 1.03)),
    ("nothing changed, warm", "find -printf", 1.5, 0),
    ("one file changed, warm", "cold push, gzip", 0.3, None),
    ("nothing changed, fresh machine", "tar | pigz -6 -p2", 0.25, 100_000),
    ("nothing changed, fresh, new tag", "tar | pigz -6 -p2", 0.25, 100_000),
    ("one file changed, fresh machine", "cold push, gzip", None, None),
    ("base pass", "curl | gzip -d | tar -t", None, None),
    ("base pass, with a lock", "curl | gzip -d | tar -t", None, None),
]
BASELINES = ["find -printf", "tar | gzip -6", "tar | pigz -6 -p2", "tar | zstd -3 -T2", "curl | gzip -d | tar -t"]


def measure(setting, samples, turn):
    """Runs one round. What is held against each other runs one after another."""
    baseline(setting, samples, turn)
    repository = f"bench/round-{turn}"
    samples.add("tar | pigz -6 -p2", piped(setting, "pigz -6 -p2"))
    cold = push(setting, samples, "cold push, gzip", "cold", repository, "--tag", "one")
    based(setting, samples, f"{repository}:one", cold)
    samples.add("find -printf", listed(setting))
    push(setting, samples, "nothing changed, warm", "cold", repository, "--tag", "one")
    file = workload.changeable(setting.project)
    kept = file.read_bytes()
    try:
        file.write_bytes(kept + b"\n// changed\n")
        push(setting, samples, "one file changed, warm", "cold", repository, "--tag", "two")
        fresh(setting, samples, "nothing changed, fresh machine", repository, "two")
        fresh(setting, samples, "nothing changed, fresh, new tag", repository, "three")
        file.write_bytes(kept + b"\n// changed again\n")
        fresh(setting, samples, "one file changed, fresh machine", repository, "four")
    finally:
        file.write_bytes(kept)
    samples.add("tar | zstd -3 -T2", piped(setting, "zstd -3 -T2 -q -c"))
    compressed(setting, samples, turn)
    again = push(setting, samples, "back to the first bytes", "cold", repository, "--tag", "five")
    if again["layers"] != cold["layers"]:
        raise Trouble("the same tree gave other layers")
    setting.forget("cold")


def baseline(setting, samples, turn):
    """One core's gzip is slow and only its bytes count: once."""
    if turn == 0:
        samples.add("tar | gzip -6", piped(setting, "gzip -6"))


def compressed(setting, samples, turn):
    build = setting.project / "build.yaml"
    text = build.read_text()
    build.write_text(text + "compression: zstd\n")
    try:
        push(setting, samples, "cold push, zstd", "zstd", f"bench/zstd-{turn}")
    finally:
        build.write_text(text)
        setting.forget("zstd")


def push(setting, samples, row, cache, *words):
    sample, report = setting.push(cache, *words)
    samples.add(row, sample)
    return report


def fresh(setting, samples, row, repository, tag):
    """A machine that has the sources and nothing else."""
    setting.forget("fresh")
    push(setting, samples, row, "fresh", repository, "--tag", tag)
    setting.forget("fresh")


def based(setting, samples, base, pushed):
    """What the image that was pushed costs as a base: read once for its file system, or known by a lock."""
    name = base.split(":")[0]
    urls = [f"http://{setting.address}/v2/{name}/blobs/{layer['digest']}" for layer in pushed["layers"]]
    read = "; ".join(f"curl -s {url} | gzip -d | tar -t >/dev/null" for url in urls)
    samples.add("curl | gzip -d | tar -t", run(read)[0])
    project = workload.small(setting.work, f"{setting.address}/{base}")
    words = ["-C", project, "build"]
    samples.add("base pass", setting.run_dockless("based", *words)[0])
    setting.forget("based")
    setting.run_dockless("based", "-C", project, "lock")
    setting.forget("based")
    samples.add("base pass, with a lock", setting.run_dockless("based", *words)[0])
    setting.forget("based")


def listed(setting):
    sample, _ = run(f"find '{setting.project}/app' -printf '%s %T@\\n' >/dev/null")
    return sample


def piped(setting, compressor):
    out = setting.work / "piped"
    sample, _ = run(f"tar -cf - -C '{setting.project}/app' . | {compressor} >'{out}'")
    sample.out = out.stat().st_size
    out.unlink()
    return sample
