"""Runs ddp-bench and PyTorch in turns and makes the table of docs/results.md; see ../compare-pytorch."""

import argparse
import contextlib
import json
import os
import pathlib
import re
import signal
import statistics
import subprocess
import sys
import tempfile
import time

ROOT = pathlib.Path(__file__).resolve().parents[2]
HERE = pathlib.Path(__file__).resolve().parent
# Memory that glibc keeps instead of giving it back after every step, which costs page faults.
KEPT_MEMORY = {
    "MALLOC_MMAP_THRESHOLD_": str(4 << 30),
    "MALLOC_TRIM_THRESHOLD_": str(64 << 30),
    "MALLOC_TOP_PAD_": str(256 << 20),
}


# Both sides as on a processor without AVX-512, which the bars were set for.
AVX2 = {
    "DDP_TRAIN_AVX512": "0", "ATEN_CPU_CAPABILITY": "avx2", "ONEDNN_MAX_CPU_ISA": "AVX2",
    "MKL_ENABLE_INSTRUCTIONS": "AVX2",
}


def say(text):
    print(f"[{time.strftime('%H:%M:%S')}] {text}", flush=True)


class Torch:
    """A torch_side.py that answers lines."""

    def __init__(self, setup, mode, arguments, environment=None):
        self.log = tempfile.TemporaryFile("w+")
        self.process = subprocess.Popen(
            [sys.executable, HERE / "torch_side.py", mode, *map(str, arguments)],
            stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=self.log, text=True,
            env={**setup.environment, **(environment or {})},
        )

    def ask(self, line):
        answer = ""
        if self.process.poll() is None:
            self.process.stdin.write(line + "\n")
            self.process.stdin.flush()
            answer = self.process.stdout.readline()
        if not answer:
            self.log.seek(0)
            raise RuntimeError(f"PyTorch's side ended at '{line}': {self.log.read()[-2000:]}")
        return json.loads(answer)

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.process.stdin.close()
        try:
            self.process.wait(timeout=20)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait()
        self.log.close()


class Setup:
    """What all rows share: options, sizes, and how a program is run."""

    def __init__(self, options):
        self.options = options
        self.cores = options.cores.split(",")
        quick = options.quick
        self.rounds = options.rounds or (2 if quick else 5)
        self.batch = 16 if quick else 64
        self.microbatch = 8 if quick else 16
        self.image = 64 if quick else 112
        self.width = 0.25 if quick else 1
        # At the size it was published for, where that is not `image`; the inceptions shrink no further.
        self.sizes = {
            "nn2": 96 if quick else 224, "inception-resnet-v1": 123 if quick else 160,
        }
        self.environment = {
            **os.environ, "TORCHINDUCTOR_CACHE_DIR": str(pathlib.Path(sys.prefix) / "inductor"),
            "OMPI_MCA_hwloc_base_binding_policy": "core", **(AVX2 if options.avx2 else {}),
        }
        # With AVX2 alone products of bfloat16 have no instruction on either side.
        self.precisions = [options.precision] if options.precision else (
            ["fp32"] if options.avx2 else ["fp32", "bf16"])
        self.winners = {}
        self.products = set()

    def common(self, model):
        return ["--image-size", self.sizes.get(model, self.image), "--width", self.width]

    def bench(self, subcommand, arguments, cores, ranks=1):
        """Runs ddp-bench on `cores` and returns its one row."""
        with tempfile.TemporaryDirectory() as folder:
            path = os.path.join(folder, "report.json")
            command = [ROOT / ".build/release/ddp-bench", subcommand, *map(str, arguments)]
            command += ["--json", path]
            if ranks > 1:
                command = ["mpirun", "-np", str(ranks), *command]
            self.run(["taskset", "-c", ",".join(cores), *command])
            report = json.loads(pathlib.Path(path).read_text())
            self.products.add(report["settings"]["products"])
            return report["rows"][0]

    def run(self, command, **more):
        result = subprocess.run(
            list(map(str, command)), stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
            stderr=subprocess.PIPE, text=True, env=self.environment, **more,
        )
        if result.returncode:
            text = (result.stdout + result.stderr)[-2000:]
            raise RuntimeError(f"{' '.join(map(str, command))}\n{text}")
        return result.stdout

    def step(self, model, batch, threads=1, ranks=1, steps=1, precision="fp32"):
        cores = self.cores[: threads * ranks]
        arguments = [
            "--model", model, "--batch", batch, "--microbatch", self.microbatch,
            "--threads", threads, "--steps", steps, "--precision", precision, *self.common(model),
        ]
        return self.bench("step", arguments, cores, ranks)

    def torch(self, mode, model, batch, threads=1, environment=None, precision="fp32"):
        arguments = [
            "--model", model, "--batch", batch, "--threads", threads,
            "--cores", ",".join(self.cores[:threads]), "--precision", precision,
            *self.common(model),
        ]
        if self.options.no_compile:
            arguments.append("--eager")
        return Torch(self, mode, arguments, environment)


def line(figure, ours, theirs, ratio, bar, held, remark="", memory=("", "")):
    return {
        "figure": figure, "ours": ours, "theirs": theirs, "ratio": ratio, "bar": bar,
        "held": held, "remark": remark, "ours_memory": memory[0], "theirs_memory": memory[1],
    }


def gigabytes(count):
    return f"{count / 1e9:.2f} GB"


def best_variant(torch):
    """Tries all variants; returns the fastest one's name and a text with all of them."""
    trial = torch.ask("trial")
    for name, result in trial.items():
        say(f"  {name}: " + (f"{result['seconds']:.3f} s" if "seconds" in result else result["error"]))
    good = {name: r["seconds"] for name, r in trial.items() if "seconds" in r}
    if not good:
        raise RuntimeError("no variant of PyTorch runs")
    return min(good, key=good.get)


class Side:
    """What ddp-train and PyTorch (or onnxruntime) did in one precision."""

    def __init__(self, precision, winner, torch=None):
        self.precision, self.winner, self.torch = precision, winner, torch
        self.ours, self.theirs = [], []
        self.memory = None


def rates(figure, sides, bars, of="images/s", label=""):
    """A line for each precision, and one of the best of either side in any.

    `bars` has those of fp32 and of any precision; a side's `ours` and `theirs` are rates.
    """
    def one(name, mine, other, bar, remark):
        ours, theirs = max(mine.ours), max(other.theirs)
        ratio = ours / theirs
        memory = ("", "") if mine.memory is None else (
            gigabytes(mine.memory[0]), gigabytes(other.memory[1]))
        return line(
            f"{name}, {of}{label}", f"{ours:.2f}", f"{theirs:.2f}", f"{ratio:.2f}",
            f"{bar}" if bar else "", ratio >= bar if bar else None, remark, memory)

    lines = []
    for side in sides:
        is_plain = side.precision == "fp32"
        lines.append(one(
            figure if is_plain else f"{figure} in {side.precision}", side, side,
            bars[0] if is_plain else None, f"against {side.winner}"))
    if len(sides) > 1:
        mine = max(sides, key=lambda side: max(side.ours))
        other = max(sides, key=lambda side: max(side.theirs))
        lines.append(one(
            f"{figure} in any precision", mine, other, bars[1],
            f"ddp-train: {mine.precision}; against {other.precision}, {other.winner}"))
    return lines


# Each row function returns lines of the table.


@contextlib.contextmanager
def torch_sides(setup, mode, model, batch, environment=None):
    """PyTorch's best variant in each precision, each in a process of its own that waits for its turn."""
    with contextlib.ExitStack() as stack:
        sides = []
        for precision in setup.precisions:
            say(f"  {precision}:")
            torch = stack.enter_context(
                setup.torch(mode, model, batch, environment=environment, precision=precision))
            sides.append(Side(precision, best_variant(torch), torch))
            torch.ask(f"keep {sides[-1].winner}")
        yield sides


def train(setup, model, bars, environment=None, label="", steps=1):
    """Training images/s of one thread, PyTorch's best variants in turns with ddp-bench."""
    plain = []
    with torch_sides(setup, "train", model, setup.batch, environment) as sides:
        for number in range(setup.rounds):
            for side in sides:
                seconds = side.torch.ask(f"run {steps}")
                side.theirs += [setup.batch / one for one in seconds]
                row = setup.step(model, setup.batch, steps=steps, precision=side.precision)
                side.ours.append(row["figures"]["images_per_second"])
                side.memory = (row["figures"]["peak_memory_bytes"], 0)
                if side.precision == "fp32":
                    plain.append(row)
                say(f"  round {number + 1}, {side.precision}: {max(side.theirs[-steps:]):.2f} against "
                    f"{side.ours[-1]:.2f} images/s")
        for side in sides:
            side.memory = (side.memory[0], side.torch.ask("memory"))
            if not label:
                setup.winners[model, side.precision] = side.winner
    lines = rates(f"training {model}", sides, bars, label=label)
    if model == "iresnet18" and not label and plain:
        best = min(plain, key=lambda row: row["bestSeconds"])
        share = 100 * best["figures"]["summation_seconds"] / best["bestSeconds"]
        lines.append(
            line("exact summation, share of an iresnet18 step", f"{share:.2f} %", "", "", "2 %",
                 share <= 2))
        share = 100 * max(row["figures"]["bound_share"] for row in plain)
        lines.append(
            line("share of the bound, iresnet18", f"{share:.1f} %", "", "", "50 %", share >= 50))
    return lines


def scaling(setup):
    """Images/s of two threads and of two ranks, 64 images each, against one.

    The median of the rounds' ratios: the best of each would compare moments at which the clock differs.
    """
    rates = {"one": [], "threads": [], "ranks": []}
    for number in range(setup.rounds):
        for name, threads, ranks in (("one", 1, 1), ("threads", 2, 1), ("ranks", 1, 2)):
            row = setup.step("iresnet18", setup.batch * threads * ranks, threads, ranks)
            rates[name].append(row["figures"]["images_per_second"])
        say(f"  round {number + 1}: " + ", ".join(f"{k} {v[-1]:.2f}" for k, v in rates.items()))
    one = statistics.median(rates["one"])
    lines = []
    for name, figure, bar in (
        ("threads", "two threads against one, iresnet18, images/s", 1.9),
        ("ranks", "two ranks against one, iresnet18, images/s", 1.85),
    ):
        ratio = statistics.median(two / one for two, one in zip(rates[name], rates["one"]))
        lines.append(
            line(figure, f"{statistics.median(rates[name]):.2f}", f"{one:.2f}", f"{ratio:.2f}",
                 f"{bar}", ratio >= bar, "both are ddp-train; medians of the rounds"))
    return lines


def winner(setup, precision):
    """PyTorch's best variant for training iresnet18, tried where no row has tried it before."""
    key = "iresnet18", precision
    if key not in setup.winners:
        with setup.torch("train", "iresnet18", setup.batch, precision=precision) as torch:
            setup.winners[key] = best_variant(torch)
    return setup.winners[key]


def distributed(setup):
    """mpirun -np 2 against torchrun with DDP over gloo, 64 images a process."""
    sides = [Side(precision, winner(setup, precision)) for precision in setup.precisions]
    for number in range(setup.rounds):
        for side in sides:
            command = [
                sys.executable, "-m", "torch.distributed.run", "--standalone", "--nproc-per-node", 2,
                HERE / "torch_side.py", "ddp", "--model", "iresnet18", "--batch", setup.batch,
                "--cores", ",".join(setup.cores[:2]), "--variant", side.winner,
                "--precision", side.precision, "--steps", 1, *setup.common("iresnet18"),
            ]
            seconds = json.loads(setup.run(command).strip().splitlines()[-1])
            side.theirs += [2 * setup.batch / one for one in seconds]
            row = setup.step("iresnet18", 2 * setup.batch, ranks=2, precision=side.precision)
            side.ours.append(row["figures"]["images_per_second"])
            say(f"  round {number + 1}, {side.precision}: {side.theirs[-1]:.2f} against "
                f"{side.ours[-1]:.2f} images/s")
    return rates(
        "mpirun -np 2 against torchrun (DDP, gloo), iresnet18", sides, (2.7, 2.0))


def memory(setup):
    """Peak memory at batch 128 with two threads, each side in a process of its own."""
    ours, theirs, remarks = [], [], []
    for precision in setup.precisions:
        variant = setup.winners.get(("iresnet18", precision), "eager channels_last")
        with setup.torch(
            "train", "iresnet18", 2 * setup.batch, threads=2, precision=precision
        ) as torch:
            torch.ask(f"keep {variant}")
            torch.ask("run 2")
            theirs.append(torch.ask("memory"))
        row = setup.step("iresnet18", 2 * setup.batch, threads=2, precision=precision)
        ours.append(row["figures"]["peak_memory_bytes"])
        remarks.append(variant)
    figure = f"peak memory, batch {2 * setup.batch}, iresnet18, 2 threads"
    lines = []
    for precision, mine, other, remark in zip(setup.precisions, ours, theirs, remarks):
        is_plain = precision == "fp32"
        lines.append(
            line(figure if is_plain else f"{figure}, in {precision}", gigabytes(mine),
                 gigabytes(other), f"{other / mine:.1f}", "4" if is_plain else "",
                 other / mine >= 4 if is_plain else None, f"against {remark}"))
    return lines


def embed(setup, model, batch):
    """Inference on one core against the best of PyTorch and onnxruntime."""
    passes = 3 if batch > 1 else 20
    arguments = ["--model", model, "--batch", batch, "--seconds", 1.5, *setup.common(model)]
    with torch_sides(setup, "embed", model, batch) as sides:
        for _ in range(setup.rounds):
            for side in sides:
                side.theirs += [batch / one for one in side.torch.ask(f"run {passes}")]
                row = setup.bench(
                    "embed", [*arguments, "--precision", side.precision], setup.cores[:1])
                side.ours.append(batch / row["bestSeconds"])
    for side in sides:
        say(f"  {side.precision}: {max(side.theirs):.2f} against {max(side.ours):.2f} images/s")
    return rates(f"embedding {model}, batch {batch}", sides, (1.5, 1.8))


def start(setup):
    """Seconds from the start of the process to the first step of the demo."""
    best = None
    for _ in range(setup.rounds):
        with tempfile.TemporaryDirectory() as folder:
            metrics = pathlib.Path(folder) / "run/metrics.jsonl"
            begin = time.perf_counter()
            process = subprocess.Popen(
                [ROOT / ".build/release/ddp-train", "train", "--out", str(metrics.parent)],
                stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE,
                env=setup.environment,
            )
            text = ""
            while not text.endswith("\n") and process.poll() is None:
                time.sleep(0.002)
                text = metrics.read_text() if metrics.exists() else ""
            seconds = time.perf_counter() - begin
            process.send_signal(signal.SIGTERM)
            _, errors = process.communicate(timeout=60)
            if not text:
                raise RuntimeError(f"the demo made no step: {errors.decode()[-500:]}")
        own = json.loads(text.splitlines()[0])["step_seconds"]
        best = min(best or (1e9, 0), (seconds - own, seconds))
    say(f"  {best[0]:.2f} s, {best[1]:.2f} s with the step")
    return [
        line("process start to the first step of the demo", f"{best[0]:.2f} s", "", "", "2 s",
             best[0] <= 2, f"{best[1]:.2f} s to its end")
    ]


def follow(setup, model, image, width, classes, steps=50):
    """Losses of `steps` steps and the first gradients, from the same weights and batches."""
    with tempfile.TemporaryDirectory() as folder:
        shape = ["--model", model, "--image-size", image, "--width", width, "--steps", steps]
        with Torch(setup, "follow", [
            "--folder", folder, "--classes", classes, "--threads", len(setup.cores),
            "--deviation", setup.options.deviation, *shape,
        ]) as torch:
            torch.ask("ready")
            setup.run([ROOT / ".build/release/ddp-bench", "follow", folder, *shape])
            result = torch.ask("compare")
    say("  losses " + " ".join(f"{x:.4f}" for x in result["losses"][:: max(1, steps // 10)]))
    say("  PyTorch " + " ".join(f"{x:.4f}" for x in result["torch_losses"][:: max(1, steps // 10)]))
    say(f"  {result['tensors']} tensors, worst cosine {result['worst_cosine']:.8f} in "
        f"{result['worst_tensor']}; against float64 {result['worst_cosine_to_double']:.8f}, PyTorch's "
        f"own {result['torch_worst_cosine_to_double']:.8f}; without gradient: "
        f"{' '.join(result['without_gradient']) or 'none'}")
    size = f"{image} px" + ("" if width == 1 else f", width {width}")
    return [
        line(f"{steps} losses, worst relative difference, {model}, {size}",
             f"{result['worst_relative']:.1e}", "", "", "1e-3", result["worst_relative"] <= 1e-3,
             f"at step {result['worst_step']}; PyTorch's own layouts differ by "
             f"{result['torch_own_relative']:.1e}"),
        line(f"first gradients, least cosine, {model}, {size}", f"{result['worst_cosine']:.7f}",
             "", "", "0.9999", result["worst_cosine"] >= 0.9999,
             f"{result['worst_tensor']}; {result['tensors']} tensors"),
    ]


def rows(options):
    """Name and function of every row, in order."""
    if options.follow:
        small = [("follow small", lambda s: follow(s, "iresnet18", 48, 0.25, 500))]
        if options.quick:
            return small
        return small + [("follow full", lambda s: follow(s, "iresnet18", 112, 1, 5748))]
    result = [
        ("train iresnet18", lambda s: train(s, "iresnet18", (2.5, 2))),
        ("train iresnet18 kept memory",
         lambda s: train(s, "iresnet18", (None, None), KEPT_MEMORY, ", PyTorch keeping its memory")),
        ("train aix-resnet18", lambda s: train(s, "aix-resnet18", (2.5, 1.7), steps=2)),
        ("train resnet18", lambda s: train(s, "resnet18", (1.7, 1.7), steps=3)),
        ("train iresnet50", lambda s: train(s, "iresnet50", (2.5, 2))),
        ("train nn2", lambda s: train(s, "nn2", (2, 1.8))),
        ("train mobilefacenet", lambda s: train(s, "mobilefacenet", (None, 1.5), steps=2)),
        ("train inception-resnet-v1", lambda s: train(s, "inception-resnet-v1", (None, 1.3))),
        ("scaling", scaling),
        ("torchrun", distributed),
        ("memory", memory),
    ]
    for model in ("iresnet18", "iresnet50"):
        for batch in (1, 32):
            result.append(
                (f"embed {model} {batch}", lambda s, m=model, b=batch: embed(s, m, b)))
    return result + [("start", start)]


def table(lines):
    head = ["figure", "ddp-train", "against", "ratio", "bar", "held", "memory", "against", "remark"]
    cells = [head, ["---"] * len(head)]
    for entry in lines:
        held = {True: "yes", False: "**no**", None: ""}[entry["held"]]
        cells.append([
            entry["figure"], entry["ours"], entry["theirs"], entry["ratio"], entry["bar"], held,
            entry["ours_memory"], entry["theirs_memory"], entry["remark"],
        ])
    return "\n".join("| " + " | ".join(row) + " |" for row in cells)


def write(text, title):
    """Puts the text in the place of what stood under the title in docs/results.md, or at the end."""
    path = ROOT / "docs/results.md"
    page = path.read_text()
    begin, end = f"<!-- {title}: begin -->", f"<!-- {title}: end -->"
    block = f"{begin}\n{text}\n{end}"
    if begin in page:
        page = page[: page.index(begin)] + block + page[page.index(end) + len(end) :]
    else:
        page = page.rstrip("\n") + f"\n\n## {title}\n\n" + block + "\n"
    path.write_text(page)


def versions():
    from importlib.metadata import version

    names = [f"{name} {version(name)}" for name in ("torch", "onnxruntime")]
    model = re.search(r"model name\s*: (.*)", pathlib.Path("/proc/cpuinfo").read_text())
    return f"{', '.join(names)}; {model.group(1) if model else 'unknown processor'}"


def main():
    parser = argparse.ArgumentParser(prog="scripts/compare-pytorch")
    parser.add_argument("--quick", action="store_true", help="tiny networks: does all of it work?")
    parser.add_argument("--only", default="", help="rows whose names match this expression")
    parser.add_argument("--rounds", type=int, help="rounds of each row (5; 2 with --quick)")
    parser.add_argument("--cores", default="0,1", help="the two cores that are used")
    parser.add_argument(
        "--precision", choices=["fp32", "bf16"], help="one alone, without the best of either")
    parser.add_argument("--avx2", action="store_true", help="both sides without AVX-512; fp32")
    parser.add_argument("--follow", action="store_true", help="the accuracy rows instead")
    parser.add_argument("--deviation", type=float, default=4, help="of first weights in --follow")
    parser.add_argument("--no-compile", action="store_true", help="PyTorch without torch.compile")
    parser.add_argument("--json", help="keep the lines in this file; those there are joined in")
    parser.add_argument("--write", action="store_true", help="put the table into docs/results.md")
    parser.add_argument("--list", action="store_true", help="only list the rows")
    options = parser.parse_args()
    chosen = [(name, f) for name, f in rows(options) if re.search(options.only, name)]
    if options.list or not chosen:
        print("\n".join(name for name, _ in rows(options)))
        return 0 if options.list else 64
    if options.write and (options.quick or options.only) and not options.json:
        parser.error("--write wants the whole run, or the lines of earlier ones by --json")
    setup = Setup(options)
    lines, failed = {}, []
    if options.json and os.path.exists(options.json):
        lines = json.loads(pathlib.Path(options.json).read_text())
    begin = time.time()
    for name, run in chosen:
        say(f"{name} ...")
        try:
            lines[name] = run(setup)
        except Exception as error:
            failed.append(name)
            say(f"  failed: {error}")
        if options.json:
            pathlib.Path(options.json).write_text(json.dumps(lines, indent=1) + "\n")
    every = [entry for entries in lines.values() for entry in entries]
    missed = [entry["figure"] for entry in every if entry["held"] is False]
    text = (
        f"{versions()}; cores {options.cores}; batch {setup.batch} a thread or process, "
        f"{setup.image} px; best of {setup.rounds} rounds in turns; memory is the most that was "
        f"resident{''.join(f'; {one}' for one in sorted(setup.products))}.\nCommand: `scripts/compare-pytorch {' '.join(sys.argv[1:])}`.\n\n{table(every)}"
    )
    print("\n" + text + "\n")
    say(f"{time.time() - begin:.0f} s, {len(missed)} bars missed, {len(failed)} rows failed")
    if options.write:
        what = "Following PyTorch" if options.follow else "Against PyTorch"
        write(text, what + (", both with AVX2 alone" if options.avx2 else ""))
    return 1 if failed or missed and not options.quick else 0


if __name__ == "__main__":
    sys.exit(main())
