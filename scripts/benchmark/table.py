"""Samples by row, and the tables that are made of them (Markdown, so that they can be pasted)."""

from statistics import median

from .cases import BASELINES, GOALS


class Samples:
    """The runs of each row, in the order of the rounds."""

    def __init__(self):
        self.rows = {}

    def add(self, row, sample):
        self.rows.setdefault(row, []).append(sample)

    def seconds(self, row):
        return median(sample.seconds for sample in self.rows[row])

    def peak(self, row):
        return max(sample.peak for sample in self.rows[row])

    def out(self, row):
        known = [sample.out for sample in self.rows[row] if sample.out is not None]
        return median(known) if known else None

    def ratio(self, row, against):
        """The median of the rounds' own ratios: a slow moment of the machine hits both sides of one."""
        pairs = zip(self.rows[row], self.rows[against])
        return median(one.seconds / max(other.seconds, 1e-9) for one, other in pairs)


def show_goals(samples):
    print("\n| case | seconds | ratio | to | goal | peak MiB | MB sent | bytes' goal |")
    print("| --- | ---: | ---: | --- | ---: | ---: | ---: | --- |")
    for row in BASELINES:
        print(f"| {cell(row)} | {samples.seconds(row):.2f} | | | | {samples.peak(row):.0f} | {megabytes(samples.out(row))} | |")
    for row, against, goal, bound in GOALS:
        ratio = samples.ratio(row, against)
        marked = "" if goal is None else f"{goal} {mark(ratio <= goal)}"
        print(
            f"| {row} | {samples.seconds(row):.2f} | {ratio:.2f} | {cell(against)} | {marked} | {samples.peak(row):.0f} "
            f"| {megabytes(samples.out(row))} | {bytes_goal(samples, row, bound)} |"
        )


def show_rows(title, samples, rows):
    print(f"\n{title}\n\n| job | seconds | to `tar \\| pigz` | peak MiB |\n| --- | ---: | ---: | ---: |")
    for row in rows:
        if row in samples.rows:
            ratio = samples.seconds(row) / samples.seconds("tar | pigz -6 -p2")
            print(f"| {row} | {samples.seconds(row):.2f} | {ratio:.2f} | {samples.peak(row):.0f} |")


def bytes_goal(samples, row, bound):
    if bound is None:
        return ""
    if isinstance(bound, int):
        return f"at most {bound:,} {mark(samples.out(row) <= bound)}"
    against, factor = bound
    ratio = samples.out(row) / samples.out(against)
    return f"{ratio:.3f} of {cell(against)}, at most {factor} {mark(ratio <= factor)}"


def cell(text):
    """A row's name as a table's cell takes it."""
    return "`{}`".format(text.replace("|", "\\|")) if "|" in text else text


def megabytes(count):
    return "" if count is None else f"{count / 1e6:.3f}" if count < 1e6 else f"{count / 1e6:.1f}"


def mark(good):
    return "met" if good else "MISSED"
